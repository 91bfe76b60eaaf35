"""Active mailboxes at their frequency, idle ones more rarely; and the question that costs less."""

import itertools
from datetime import timedelta

from support.clock import ManualClock
from support.world import world

from afpd.loops.terms import cadence_of
from afpd.store import counts, integrations

ANA, BEA = "ana@example.com", "bea@example.com"
FIVE, IDLEST = timedelta(minutes=5), timedelta(minutes=30)
ADAPTIVE = {"import": {"adaptive": True}}


async def hours(here, clock, many):
    """So many hours of ticks every five minutes; returns when each integration was visited."""
    visits = {}
    for _ in range(round(many * 12)):
        await here.tick()
        for key in (1, 2):
            visits.setdefault(key, []).append((await here.integration(key)).last_run_at)
        await clock.advance(300)
    return {key: sorted(set(moments)) for key, moments in visits.items()}


async def test_an_idle_mailbox_is_visited_more_rarely_and_an_active_one_at_its_frequency(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **ADAPTIVE) as here:
        await here.connect(ANA)
        await here.connect(BEA)
        active = []
        for _ in range(18):
            here.receive(ANA, "private-lunch")
            visits = await hours(here, clock, 0.25)
            active += visits[1]
        idle = (await here.integration(2)).next_run_at - (await here.integration(2)).last_run_at

        assert len(set(active)) >= 18 * 3 - 1
        assert idle == IDLEST


async def test_new_mail_brings_the_frequency_back(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **ADAPTIVE) as here:
        await here.connect(ANA)
        await here.connect(BEA)
        await hours(here, clock, 4)
        assert (await here.integration(1)).next_run_at - (await here.integration(1)).last_run_at == IDLEST
        mail = here.receive(ANA)
        visits = await hours(here, clock, 0.75)

        assert mail in await here.kept()
        gaps = [after - before for before, after in itertools.pairwise(visits[1])]
        assert gaps.count(FIVE) >= 3


async def test_whoever_asks_for_a_visit_brings_the_frequency_back(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **ADAPTIVE) as here:
        keys = [await here.connect(ANA), await here.connect(BEA)]
        await hours(here, clock, 4)
        async with here.database.write() as connection:
            await integrations.run_now(connection, keys[0], now=clock.now())
            await integrations.resume(connection, keys[1], now=clock.now())
        await here.tick()

        for key in keys:
            row = await here.integration(key)
            assert row.last_run_at == clock.now()
            assert row.next_run_at - clock.now() <= FIVE
        await clock.advance(300)
        await here.tick()
        assert (await here.integration(keys[0])).last_run_at == clock.now()

        for _ in range(24):
            await clock.advance(300)
            await here.tick()
        await here.connect(ANA)
        await here.tick()
        assert (await here.integration(keys[0])).next_run_at - clock.now() <= FIVE


async def test_without_the_adaptive_cadence_the_idle_are_visited_at_their_frequency(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.connect(BEA)
        visits = await hours(here, clock, 3)
        assert len(visits[1]) == len(visits[2]) == 36


async def test_an_idle_mailbox_is_not_stale_because_of_its_long_interval(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **ADAPTIVE) as here:
        await here.connect(ANA)
        await here.connect(BEA)
        await hours(here, clock, 4)

        async def stale():
            async with here.database.read() as connection:
                counted = await counts.count_all(
                    connection, now=clock.now(), today_began=clock.now(), stale_after=3, tick=FIVE,
                    cadence=cadence_of(here.settings, here.parts.governor.stretch),
                )  # fmt: skip
            return counted.integrations.stale

        for _ in range(14):
            assert await stale() == 0
            await clock.advance(300)
        await clock.advance(1800)
        assert await stale() == 2


async def test_a_mailbox_that_was_not_visited_for_long_is_asked_for_its_history_at_once(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA, every=timedelta(hours=6))
        await here.tick()
        here.receive(ANA)
        asked = here.sandbox.meter.by_method
        await clock.advance(6 * 3600)
        await here.tick()
        before = dict(asked)
        mail = here.receive(ANA)
        await clock.advance(6 * 3600)

        await here.tick()

        assert mail in await here.kept()
        assert asked["getProfile"] == before["getProfile"]
        assert asked["history.list"] == before["history.list"] + 2


async def test_an_expired_history_asked_at_once_is_resynced_as_any_other(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA, every=timedelta(hours=6))
        await here.tick()
        await clock.advance(6 * 3600)
        mails = [here.receive(ANA)]
        await here.tick()
        await clock.advance(6 * 3600)
        mails.append(here.receive(ANA))
        here.sandbox.mailboxes[ANA].expire_history()

        await here.tick()

        assert await here.kept() == sorted(mails)
        assert (await here.integration(1)).failures_in_a_row == 0


async def test_other_prices_change_the_bell(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"units": {"profile": 3, "history": 2}}) as here:
        await here.connect(ANA)
        await here.tick()
        await clock.advance(300)
        await here.tick()
        before = dict(here.sandbox.meter.by_method)
        await clock.advance(300)
        await here.tick()
        assert here.sandbox.meter.by_method["getProfile"] == before["getProfile"]
        assert here.sandbox.meter.by_method["history.list"] == before.get("history.list", 0) + 2
