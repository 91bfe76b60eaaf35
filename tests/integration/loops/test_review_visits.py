"""Single messages and single mailboxes that misbehave for long: nobody else waits for them, and nothing is given up."""

import asyncio
import random
from datetime import timedelta

from sqlalchemy import func, select, update
from support.clock import ManualClock
from support.world import world

from afpd.loops.shelf import seal
from afpd.model import Email
from afpd.sandbox import Fault
from afpd.store import schema
from afpd.store.sealed import open_body

ANA = "ana@example.com"
MINUTES = timedelta(minutes=1)
HALF_AN_HOUR = {"import": {"search_again_after": "30m"}}


async def test_a_message_cut_off_by_the_end_of_a_visit_is_not_called_poison(tmp_path):
    async with world(tmp_path, gmail={"visit_deadline": "400ms"}, **{"import": {"lease": "1m"}}) as here:
        await here.connect(ANA)
        for _ in range(60):
            here.receive(ANA)
        here.sandbox.latency = 0.02
        for tick in range(1, 4):
            await here.tick(here.clock.now() + tick * 5 * MINUTES)

            assert await here.rows(select(schema.parked_emails)) == []


async def test_one_message_that_never_answers_does_not_block_its_mailbox(tmp_path):
    settings = {"gmail": {"visit_deadline": "2s"}, "import": {"lease": "1m", "search_again_after": "10m"}}
    async with world(tmp_path, **settings) as here:
        key = await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(5)]
        here.sandbox.faults.add(Fault.HANG, message_id=mails[2])

        for tick in range(3):
            await here.tick(here.clock.now() + tick * 5 * MINUTES)

        assert await here.kept() == sorted(set(mails) - {mails[2]})
        row = await here.integration(key)
        assert row.cursor is not None
        parked = await here.rows(select(schema.parked_emails.c.email_message_id))
        assert [one.email_message_id for one in parked] == [mails[2]]


async def test_several_poison_messages_side_by_side_do_not_block_a_mailbox_for_ever(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"max_retries": 0}) as here:
        key = await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(8)]
        for poison in mails[2:6]:
            here.sandbox.faults.add(Fault.TRUNCATED, message_id=poison)

        for _ in range(8):
            await here.tick()
            clock.jump(3600)

        assert set(await here.kept()) == set(mails) - set(mails[2:6])
        assert (await here.integration(key)).cursor is not None


async def test_an_outage_of_downloads_that_lasts_for_days_loses_nothing(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"max_retries": 0}) as here:
        await here.connect(ANA)
        await here.tick()
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.SERVER_503, method="messages.get")
        for _ in range(24 * 5):
            clock.jump(3600)
            await here.tick()
        assert await here.kept() == []

        here.sandbox.faults.clear()
        for _ in range(26):
            clock.jump(3600)
            await here.tick()

        assert await here.kept() == [mail]


async def test_a_poison_message_costs_little_once_it_has_failed_often(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"max_retries": 0}) as here:
        await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.TRUNCATED, message_id=mail)
        for _ in range(24 * 4):
            await here.tick()
            clock.jump(3600)
        before = here.sandbox.traffic.gets[ANA, mail]

        for _ in range(24 * 3):
            await here.tick()
            clock.jump(3600)

        assert 2 <= here.sandbox.traffic.gets[ANA, mail] - before <= 4


async def test_a_parked_message_survives_a_visit_that_is_cut_off_while_keeping_it(tmp_path):
    clock = ManualClock()
    settings = {"gmail": {"max_retries": 0, "visit_deadline": "1500ms"}, "import": {"lease": "1m"}}
    async with world(tmp_path, clock=clock, **settings) as here:
        await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.TRUNCATED, message_id=mail)
        for _ in range(5):  # until the searches begin after it
            await here.tick()
            clock.jump(3600)
        here.sandbox.faults.clear()
        before = here.sandbox.traffic.gets[ANA, mail]
        parked = await here.rows(select(schema.parked_emails.c.next_at))
        clock.jump(max(0, (parked[0].next_at - clock.now()).total_seconds()) + 1)
        fresh = [here.receive(ANA) for _ in range(24)]

        ticking = asyncio.create_task(here.tick())
        while here.sandbox.traffic.gets[ANA, mail] == before:
            await asyncio.sleep(0.001)
        async with here.database.write():  # another writer, until the visit's time is over
            await asyncio.sleep(2)
        await ticking
        clock.jump(3600)
        await here.tick()

        assert set(await here.kept()) == {mail, *fresh}
        batches = await here.rows(select(func.sum(schema.email_import_jobs.c.total_emails_processed).label("sum")))
        assert batches[0].sum == 25


async def test_a_mail_whose_headers_cannot_be_read_is_kept_all_the_same(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        good = here.receive(ANA)
        strange = here.receive(ANA)
        stored = here.sandbox.mailboxes[ANA].messages[strange]
        assert stored.heads  # what the search knows of it stays
        stored.raw = b"\r\nno header at all\r\n"

        await here.tick()
        await here.parse()

        row = await here.integration(key)
        assert await here.kept() == sorted([good, strange])
        assert (row.import_status, row.failures_in_a_row) == ("waiting", 0)


async def test_a_history_that_began_anew_with_smaller_numbers_is_followed(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        await here.tick()
        async with here.database.write() as connection:
            await connection.execute(update(schema.integrations).values(cursor=str(2**63 + 7)))
        mail = here.receive(ANA)

        await here.tick(here.clock.now() + 5 * MINUTES)

        assert await here.kept() == [mail]
        assert (await here.integration(key)).cursor == str(here.sandbox.mailboxes[ANA].history_id)


async def test_mail_that_came_just_before_the_first_visit_is_found_within_the_hour(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        late = here.receive(ANA, indexed_after=600)
        await here.tick()
        assert await here.kept() == []

        for _ in range(12):
            clock.jump(300)
            await here.tick()

        assert await here.kept() == [late]
        assert (await here.rows(select(schema.integrations.c.emails_missing)))[0].emails_missing == 0


async def test_a_first_search_never_begins_in_the_future(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        async with here.database.write() as connection:
            ahead = here.clock.now() + timedelta(days=400)
            await connection.execute(update(schema.integrations).values(search_from=ahead))
        mail = here.receive(ANA)

        await here.tick()

        assert await here.kept() == [mail]


async def test_times_of_a_server_that_was_years_ahead_once_do_not_stop_the_audits(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        await here.tick()
        mailbox = here.sandbox.mailboxes[ANA]
        letter = here.sandbox.write_letter(ANA, "cr-bac-card")
        rescued = mailbox.deliver(letter.raw, received_at=letter.received_at, labels=("SPAM",))
        mailbox.rescue_from_spam(rescued)
        later = clock.now() + timedelta(days=9000)
        async with here.database.write() as connection:
            values = {"reconciled_at": later, "watermark_at": later, "look_again_at": later}
            await connection.execute(update(schema.integrations).values(**values))
        clock.jump(3600)

        await here.tick()

        assert await here.kept() == [rescued]
        assert (await here.integration(key)).reconciled_at <= clock.now()


async def test_found_and_processed_of_the_row_and_of_the_batches_agree(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock, gmail={"max_retries": 0}, **HALF_AN_HOUR) as here:
        key = await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.TRUNCATED, message_id=mail)
        await here.tick()
        here.sandbox.faults.clear()
        clock.jump(1860)

        await here.tick()

        row = await here.integration(key)
        job = schema.email_import_jobs.c
        found, processed = (
            await here.rows(select(func.sum(job.total_emails_found), func.sum(job.total_emails_processed)))
        )[0]
        assert (row.emails_found_today, row.emails_processed_today) == (found, processed) == (2, 1)


async def test_large_mails_are_kept_one_by_one_not_gathered_in_memory(tmp_path):
    async with world(tmp_path, gmail={"visit_deadline": "60s", "batch_size": 1}) as here:
        await here.connect(ANA)
        letter = here.sandbox.write_letter(ANA, "cr-bac-card")
        for _ in range(6):
            here.sandbox.mailboxes[ANA].deliver(letter.raw + b"\r\n" + b"x" * (5 << 20), received_at=letter.received_at)
        ticking, held = asyncio.create_task(here.tick()), []
        while not ticking.done():
            await asyncio.sleep(0)
            downloaded = here.sandbox.traffic.gets.total()
            held.append(downloaded - len(await here.kept()))
        await ticking

        assert len(await here.kept()) == 6
        assert max(held) <= 2


async def test_sealing_a_large_mail_leaves_the_event_loop_free(tmp_path):
    async with world(tmp_path) as here:
        raw = random.Random(1).randbytes(4 << 20).hex().encode()
        loop, longest = asyncio.get_running_loop(), 0.0
        sealing = asyncio.create_task(seal(here.keyring, 1, [Email("a", here.clock.now(), raw)]))
        before = loop.time()
        while not sealing.done():
            await asyncio.sleep(0.001)
            longest, before = max(longest, loop.time() - before), loop.time()

        assert longest < 0.2
        assert open_body(here.keyring, 1, "a", (await sealing)[0].body) == raw
