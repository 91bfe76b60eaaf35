"""The known ways to lose mail, each played against the importer."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.clock import ManualClock
from support.world import world

from afpd.sandbox import Fault
from afpd.store import schema

ANA = "ana@example.com"
MINUTES = timedelta(minutes=1)
HALF_AN_HOUR = {"import": {"search_again_after": "30m"}}


async def test_the_cursor_does_not_move_past_a_mail_that_could_not_be_fetched(tmp_path):
    async with world(tmp_path, gmail={"max_retries": 0}) as here:
        key = await here.connect(ANA)
        await here.tick()
        cursor = (await here.integration(key)).cursor
        mails = [here.receive(ANA) for _ in range(3)]
        here.sandbox.faults.add(Fault.SERVER_503, user=ANA, method="messages.get")

        await here.tick(here.clock.now() + 5 * MINUTES)

        row = await here.integration(key)
        assert (row.cursor, row.import_status, row.failures_in_a_row) == (cursor, "waiting", 1)
        here.sandbox.faults.clear()
        await here.tick(here.clock.now() + 60 * MINUTES)
        assert await here.kept() == sorted(mails)


async def test_every_page_of_the_history_is_read_before_the_cursor_moves(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        await here.tick()
        mails = [here.receive(ANA) for _ in range(2)]
        for _ in range(520):
            here.receive(ANA, "private-lunch")
        mails += [here.receive(ANA) for _ in range(2)]

        await here.tick(here.clock.now() + 5 * MINUTES)

        assert await here.kept() == sorted(mails)


async def test_a_poison_message_is_parked_and_blocks_nobody(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(3)]
        here.sandbox.faults.add(Fault.TRUNCATED, message_id=mails[1])

        await here.tick()

        row = await here.integration(key)
        assert await here.kept() == sorted([mails[0], mails[2]])
        assert row.cursor is not None
        parked = await here.rows(select(schema.parked_emails))
        assert [(p.email_message_id, p.attempts) for p in parked] == [(mails[1], 1)]


async def test_a_parked_message_is_kept_when_it_can_be_read_at_last(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"max_retries": 0}, **HALF_AN_HOUR) as here:
        await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.TRUNCATED, message_id=mail)
        await here.tick()
        here.sandbox.faults.clear()

        clock.jump(1860)
        await here.tick()

        assert await here.kept() == [mail]
        assert await here.rows(select(schema.parked_emails)) == []


async def test_an_expired_history_is_no_error_and_the_gap_is_searched(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        first = here.receive(ANA)
        await here.tick()
        second = here.receive(ANA)
        here.sandbox.mailboxes[ANA].expire_history()

        result = await here.tick(here.clock.now() + 5 * MINUTES)

        row = await here.integration(key)
        assert (result["errors"], row.import_status) == (0, "waiting")
        assert await here.kept() == sorted([first, second])
        assert row.cursor == str(here.sandbox.mailboxes[ANA].history_id)


async def test_mail_that_the_search_shows_late_is_found_later(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **HALF_AN_HOUR) as here:
        await here.connect(ANA)
        await here.tick()
        late = here.receive(ANA, indexed_after=600)
        clock.jump(300)
        await here.tick()
        assert await here.kept() == []

        for _ in range(8):
            clock.jump(300)
            await here.tick()

        assert await here.kept() == [late]


async def test_mail_rescued_from_spam_is_found_by_the_daily_search(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        mailbox = here.sandbox.mailboxes[ANA]
        letter = here.sandbox.write_letter(ANA, "cr-bac-card")
        rescued = mailbox.deliver(letter.raw, received_at=letter.received_at, labels=("SPAM",))
        clock.jump(3600)
        await here.tick()
        mailbox.rescue_from_spam(rescued)
        clock.jump(86400)

        await here.tick()

        assert rescued in await here.kept()


async def test_mails_of_the_same_second_are_all_kept(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        await here.tick()
        mails = [here.receive(ANA) for _ in range(2)]
        await here.tick(clock.now() + 5 * MINUTES)
        mails += [here.receive(ANA) for _ in range(3)]

        await here.tick(clock.now() + 10 * MINUTES)

        assert await here.kept() == sorted(mails)


async def test_a_message_deleted_between_list_and_get_is_counted_as_gone(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(2)]
        here.sandbox.faults.add(Fault.GONE, message_id=mails[0])

        result = await here.tick()

        assert result["errors"] == 0
        assert await here.kept() == [mails[1]]
        assert (await here.integration(key)).cursor is not None


async def test_a_history_told_twice_and_out_of_order_keeps_each_mail_once(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        await here.tick()
        mails = [here.receive(ANA) for _ in range(4)]
        here.sandbox.faults.add(Fault.HISTORY_DOUBLED, user=ANA, first=1)

        await here.tick(here.clock.now() + 5 * MINUTES)

        assert await here.kept() == sorted(mails)


@pytest.mark.parametrize("fault", [Fault.RATE_429, Fault.USER_RATE_403])
async def test_a_rate_limit_suspends_until_its_time_and_leads_back(tmp_path, fault):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(fault, user=ANA, first=1, method="messages.list")

        await here.tick()
        row = await here.integration(key)
        assert (row.import_status, row.cursor) == ("suspended", None)
        assert row.suspend_until > clock.now()
        assert row.suspend_reason

        clock.jump(7)
        await here.tick()
        row = await here.integration(key)
        assert (row.import_status, row.suspend_until, row.failures_in_a_row) == ("waiting", None, 0)
        assert await here.kept() == [mail]


async def test_a_failing_mailbox_does_not_touch_the_others(tmp_path):
    async with world(tmp_path, gmail={"max_retries": 0}) as here:
        bad = await here.connect(ANA)
        good = await here.connect("bo@example.com")
        mail = here.receive("bo@example.com")
        here.sandbox.faults.add(Fault.HTML_502, user=ANA)

        result = await here.tick()

        assert (result["integrations_processed"], result["errors"]) == (2, 1)
        assert await here.kept() == [mail]
        assert (await here.integration(bad)).last_error_message
        assert (await here.integration(good)).last_error_message is None


async def test_a_revoked_grant_is_confirmed_before_a_person_is_asked(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        here.sandbox.revoke(ANA)

        await here.tick()
        assert (await here.integration(key)).import_status == "waiting"
        clock.jump(301)
        await here.tick()

        row = await here.integration(key)
        assert (row.import_status, row.next_run_at) == ("error", None)
        clock.jump(86400)
        assert (await here.tick())["integrations_processed"] == 0


async def test_a_new_token_leads_out_of_error_and_fills_the_gap(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"confirm_revoked_after": "0s"}) as here:
        key = await here.connect(ANA)
        await here.tick()
        cursor = (await here.integration(key)).cursor
        here.sandbox.revoke(ANA)
        here.sandbox.tokens.expire(here.sandbox.mailboxes[ANA])
        clock.jump(4000)
        await here.tick()
        clock.jump(4000)
        await here.tick()
        assert (await here.integration(key)).import_status == "error"
        missed = here.receive(ANA)

        here.sandbox.mailboxes[ANA].revoked = False
        assert await here.connect(ANA) == key
        assert (await here.integration(key)).cursor == cursor
        await here.tick()

        assert await here.kept() == [missed]


async def test_invalid_client_stops_everybody_and_marks_nobody(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, **{"import": {"concurrency": 1}}) as here:
        keys = [await here.connect(f"u{n}@example.com") for n in range(5)]
        here.sandbox.faults.add(Fault.INVALID_CLIENT)

        result = await here.tick()

        assert here.sandbox.traffic.requests["token"] == 1
        assert (result["errors"], result["integrations_processed"]) == (0, 0)
        assert {(await here.integration(key)).import_status for key in keys} == {"waiting"}
        here.sandbox.faults.clear()
        clock.jump(301)
        assert (await here.tick())["integrations_processed"] == 5


async def test_a_mailbox_too_large_for_one_visit_goes_on_at_the_next(tmp_path):
    async with world(tmp_path, gmail={"visit_deadline": "3s", "batch_size": 2}, **{"import": {"lease": "1m"}}) as here:
        key = await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(120)]
        here.sandbox.latency = 0.1
        ticks = 0
        while (await here.integration(key)).last_verified_at is None and ticks < 20:
            ticks += 1
            result = await here.tick(here.clock.now() + ticks * 5 * MINUTES)
            assert result["errors"] == 0

        assert ticks > 1
        assert await here.kept() == sorted(mails)
        assert max(here.sandbox.traffic.gets.values()) <= 2


async def test_pauses_do_not_double_while_every_visit_brings_something(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        for _ in range(6):
            here.receive(ANA)
        here.sandbox.faults.add(Fault.RATE_429, user=ANA, method="messages.get", after=1, percent=100)
        for _ in range(3):
            here.sandbox.faults.clear()
            here.sandbox.faults.add(Fault.RATE_429, user=ANA, method="messages.get", after=1)
            await here.tick()
            clock.jump(60)

        assert len(await here.kept()) == 3
        assert (await here.integration(key)).failures_in_a_row == 1


async def test_mails_kept_before_the_whole_project_was_refused_are_counted_in_the_batch(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        for _ in range(4):
            here.receive(ANA)
        here.sandbox.faults.add(Fault.DAILY_403, user=ANA, method="messages.get", after=2)

        result = await here.tick()

        batch = (await here.rows(select(schema.email_import_jobs)))[0]
        assert len(await here.kept()) == 2
        assert (result["total_emails"], batch.total_emails_processed) == (2, 2)
