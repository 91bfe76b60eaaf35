"""Stale and quiet, as /status counts them and commands list them."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from support.clock import ManualClock
from support.world import world

from afpd.schedule import Cadence
from afpd.store import counts, schema, silence

DAY = timedelta(days=1)
FIVE = timedelta(minutes=5)
IDLEST = timedelta(minutes=30)


async def silent(here, now, cadence=silence.AT_THEIR_FREQUENCY):
    async with here.database.read() as connection:
        found = await silence.silent(connection, now=now, stale_after=3, tick=FIVE, cadence=cadence)
        told = await counts.count_all(connection, now=now, today_began=now, stale_after=3, tick=FIVE, cadence=cadence)
    assert (told.integrations.stale, told.integrations.quiet) == tuple(map(len, found))
    return found


async def put(here, **values):
    async with here.database.write() as connection:
        await connection.execute(update(schema.integrations).values(**values))


@pytest.mark.parametrize("is_adaptive", [True, False])
@pytest.mark.parametrize("idle_minutes", [0, 9, 21, 45, 600])
async def test_an_interval_is_as_long_as_the_cadence_makes_it(tmp_path, is_adaptive, idle_minutes):
    async with world(tmp_path, clock=ManualClock()) as here:
        await here.connect("ana@example.com")
        now, idle = here.clock.now(), timedelta(minutes=idle_minutes)
        await put(here, last_verified_at=now, active_at=now - idle)
        cadence = Cadence(is_adaptive, IDLEST)
        limit = 3 * cadence.interval(FIVE, idle)

        assert (await silent(here, now + limit - timedelta(seconds=2), cadence))[0] == set()
        assert (await silent(here, now + limit + timedelta(seconds=2), cadence))[0] == {1}


async def test_a_turn_that_was_put_off_by_the_daemon_itself_is_no_silence(tmp_path):
    async with world(tmp_path, clock=ManualClock()) as here:
        await here.connect("ana@example.com")
        now = here.clock.now()
        await put(here, last_verified_at=now, last_run_at=now, next_run_at=now + timedelta(hours=2))
        assert (await silent(here, now + timedelta(hours=1)))[0] == set()
        await put(here, failures_in_a_row=1)
        assert (await silent(here, now + timedelta(hours=1)))[0] == {1}


async def test_one_that_was_never_verified_is_stale_after_its_intervals(tmp_path):
    async with world(tmp_path, clock=ManualClock()) as here:
        await here.connect("ana@example.com")
        now = here.clock.now()
        assert (await silent(here, now + timedelta(minutes=14)))[0] == set()
        assert (await silent(here, now + timedelta(minutes=16)))[0] == {1}


@pytest.mark.parametrize(("every", "after"), [(1, 8), (7, 18), (30, 76)])
async def test_banks_that_wrote_every_so_many_days_are_quiet_after_their_own_while(tmp_path, every, after):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **{"import": {"first_import": "1000d"}}) as here:
        await here.connect("ana@example.com")
        for n in range(6):
            letter = here.sandbox.write_letter("ana@example.com", "cr-bac-card")
            received = clock.now() - n * every * DAY
            here.sandbox.mailboxes["ana@example.com"].deliver(letter.raw, received_at=received)
        await here.tick()
        began = clock.now()

        for days, quiet in ((after - 1, set()), (after, {1})):
            await put(here, last_verified_at=began + days * DAY)
            assert (await silent(here, began + days * DAY))[1] == quiet


async def test_a_mailbox_that_nobody_looks_at_is_stale_and_not_quiet(tmp_path):
    async with world(tmp_path, clock=ManualClock()) as here:
        await here.connect("ana@example.com")
        now = here.clock.now()
        await put(here, last_verified_at=now, last_mail_at=now - DAY, usual_gap_days=1.0, mail_gaps=20)
        assert await silent(here, now + 100 * DAY) == ({1}, set())
