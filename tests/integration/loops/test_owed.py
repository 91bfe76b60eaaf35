"""What a visit does not reach is owed: it survives every end of a visit, and nobody else waits for it."""

import random
from datetime import timedelta

from sqlalchemy import select
from support.clock import ManualClock
from support.world import world

from afpd.loops.importing import Importing
from afpd.sandbox import Fault
from afpd.store import counts, parked, schema

ANA, BO = "ana@example.com", "bo@example.com"
HOUR = 3600
HALF_AN_HOUR = {"import": {"search_again_after": "30m"}}


def old_mail(here, address, days):
    """Deliver a bank's mail of so many days ago."""
    letter = here.sandbox.write_letter(address, "cr-bac-card")
    mailbox = here.sandbox.mailboxes[address]
    return mailbox.deliver(letter.raw, received_at=here.clock.now() - timedelta(days=days))


def restarted(here):
    """Return the import loop of a process that remembers nothing."""
    return Importing(here.parts, lambda: here.settings, lambda: here.library.senders, here.pending.append)


async def parked_rows(here):
    return await here.rows(select(schema.parked_emails))


async def test_a_search_of_many_pages_gets_on_from_visit_to_visit_and_through_restarts(tmp_path):
    clock, chance = ManualClock(), random.Random(3)
    async with world(tmp_path, clock=clock, **{"import": {"page_budget": 6}}) as here:
        key, other = await here.connect(ANA), await here.connect(BO)
        mails = [old_mail(here, ANA, chance.uniform(0, 29)) for _ in range(150)]
        fresh = here.receive(BO)
        here.sandbox.mailboxes[ANA].largest_page = 3
        ends, visits = [], 0
        while (row := await here.integration(key)).last_verified_at is None and visits < 40:
            visits += 1
            before = here.sandbox.traffic.requests["messages.list"]
            await restarted(here).tick(clock.now())
            assert here.sandbox.traffic.requests["messages.list"] - before <= 40
            ends.append((await here.integration(key)).search_until)
            clock.jump(300)

        assert visits > 3
        assert await here.kept() == sorted([*mails, fresh])
        assert max(here.sandbox.traffic.gets.values()) == 1
        reached = [end for end in ends if end is not None]
        assert reached == sorted(reached, reverse=True)
        assert (row.search_from, row.search_until) == (None, None)
        assert (await here.integration(other)).last_verified_at is not None


async def test_new_mail_is_kept_while_the_past_is_still_owed(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **{"import": {"page_budget": 1}}) as here:
        key = await here.connect(ANA)
        for n in range(60):
            old_mail(here, ANA, n / 2)
        here.sandbox.mailboxes[ANA].largest_page = 2
        await here.tick()
        assert (await here.integration(key)).search_from is not None
        clock.jump(300)
        fresh = here.receive(ANA)

        await here.tick()

        assert fresh in await here.kept()
        assert (await here.integration(key)).last_verified_at is None


async def test_a_mail_of_a_late_index_does_not_wait_until_the_past_is_paid(tmp_path):
    clock = ManualClock()
    slow = {"page_budget": 1, "search_again_after": "30m"}
    async with world(tmp_path, clock=clock, **{"import": slow}) as here:
        key = await here.connect(ANA)
        for n in range(120):
            old_mail(here, ANA, n / 4)
        here.sandbox.mailboxes[ANA].largest_page = 2
        await here.tick()
        late = here.receive(ANA, indexed_after=1200)
        for _ in range(10):
            clock.jump(300)
            await here.tick()

        assert (await here.integration(key)).search_from is not None  # there is still something to pay
        assert late in await here.kept()


async def test_the_gap_after_a_long_absence_is_owed_as_well(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **{"import": {"page_budget": 2}}) as here:
        key = await here.connect(ANA)
        await here.tick()
        mails = []
        for _ in range(40):
            clock.jump(12 * HOUR)
            mails.append(here.receive(ANA))
        here.sandbox.mailboxes[ANA].expire_history()
        here.sandbox.mailboxes[ANA].largest_page = 2
        verified = (await here.integration(key)).last_verified_at
        for _ in range(40):
            await here.tick()
            clock.jump(300)

        row = await here.integration(key)
        assert await here.kept() == sorted(mails)
        assert row.last_verified_at > verified
        assert row.search_from is None


async def test_mail_that_is_nobodys_bank_is_parked_unseen_and_forgotten_without_a_download(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **HALF_AN_HOUR) as here:
        await here.connect(ANA)
        await here.tick()
        lunch = here.receive(ANA, "private-lunch")
        clock.jump(300)
        await here.tick()
        assert [(row.email_message_id, row.reason) for row in await parked_rows(here)] == [(lunch, "unseen")]

        for _ in range(8):
            clock.jump(300)
            await here.tick()

        assert await parked_rows(here) == []
        assert here.sandbox.traffic.gets.total() == 0
        before = here.sandbox.units
        clock.jump(300)
        await here.tick()
        assert here.sandbox.units - before == 1


async def test_a_mail_that_the_search_shows_late_leaves_the_parked_ones_when_it_is_kept(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **HALF_AN_HOUR) as here:
        await here.connect(ANA)
        await here.tick()
        late = here.receive(ANA, indexed_after=1200)
        for _ in range(9):
            clock.jump(300)
            await here.tick()

        assert await here.kept() == [late]
        assert await parked_rows(here) == []


async def test_a_mailbox_whose_history_is_refused_again_and_again_is_told_of_and_stays_cheap(tmp_path, capsys):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        await here.tick()
        here.sandbox.faults.add(Fault.HISTORY_EXPIRED, user=ANA)
        mails = []
        for _ in range(12):
            clock.jump(300)
            mails.append(here.receive(ANA))
            await here.tick()

        row = await here.integration(key)
        assert await here.kept() == sorted(mails)
        assert (row.import_status, row.failures_in_a_row, row.histories_refused) == ("waiting", 0, 3)
        assert here.sandbox.traffic.requests["history.list"] == 3
        assert capsys.readouterr().err.count("import.history_refused") == 1
        assert (await counted(here)).integrations.history_refused == 1

        here.sandbox.faults.clear()
        clock.jump(86400)
        here.receive(ANA)
        await here.tick()
        assert (await here.integration(key)).histories_refused == 0


async def counted(here):
    async with here.database.read() as connection:
        now, tick = here.clock.now(), here.settings.imports.every
        return await counts.count_all(connection, now=now, today_began=now, stale_after=3, tick=tick)


async def test_an_idle_mailbox_does_not_ask_for_its_history_at_all(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        here.sandbox.faults.add(Fault.HISTORY_EXPIRED, user=ANA)
        for _ in range(20):
            clock.jump(300)
            await here.tick()

        assert here.sandbox.traffic.requests["history.list"] == 0


async def test_poison_is_left_alone_but_by_audits_and_by_people(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"max_retries": 0}) as here:
        key = await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.TRUNCATED, message_id=mail)
        for _ in range(20):
            await here.tick()
            clock.jump(HOUR)
        (row,) = await parked_rows(here)
        assert (row.reason, row.next_at, row.error is not None) == ("poison", None, True)
        assert (await counted(here)).emails.poison == 1
        before = here.sandbox.traffic.gets[ANA, mail]
        for _ in range(24):
            await here.tick()
            clock.jump(HOUR)
        assert here.sandbox.traffic.gets[ANA, mail] - before == 1  # the audit's

        here.sandbox.faults.clear()
        async with here.database.write() as connection:
            assert await parked.retry(connection, key) == 1
        await here.tick()

        assert await here.kept() == [mail]
        assert await parked_rows(here) == []


async def test_rate_limits_are_no_failures_of_a_message(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"max_retries": 0}) as here:
        await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.RATE_429, method="messages.get", user=ANA)
        for _ in range(8):
            await here.tick()
            clock.jump(HOUR)
        assert await parked_rows(here) == []

        here.sandbox.faults.clear()
        clock.jump(24 * HOUR)
        await here.tick()
        assert await here.kept() == [mail]
