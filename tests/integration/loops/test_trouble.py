"""A machine in trouble: clocks that jump, a database that refuses. Nothing moves that should not, and it heals itself."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from support.clock import ManualClock
from support.world import world

from afpd.errors import StorageUnavailable
from afpd.sandbox import Fault
from afpd.store import schema

ANA = "ana@example.com"
DAY = 86400
FIVE_MINUTES = timedelta(minutes=5)


async def test_a_clock_a_day_ahead_loses_no_mail(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        real = ManualClock()
        here.sandbox.clock = real
        here.sandbox.mailboxes.clear()
        here.sandbox.add_user(ANA)
        await here.connect(ANA)
        await here.tick()
        clock.jump(DAY)
        mails = []
        for _ in range(3):
            mails.append(here.receive(ANA))
            await here.tick()
            clock.jump(300)
            real.jump(300)

        assert await here.kept() == sorted(mails)
        assert here.parts.skew.is_off


async def test_a_clock_that_goes_back_a_day_stops_nobody(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        clock.jump(DAY)
        await here.tick()
        clock.jump(-DAY)
        mail = here.receive(ANA)

        await here.tick()

        row = await here.integration(key)
        assert mail in await here.kept()
        assert row.next_run_at <= clock.now() + here.settings.imports.every


async def test_a_suspension_by_a_clock_that_ran_ahead_does_not_last_a_day(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        mail = here.receive(ANA)
        clock.jump(DAY)
        here.sandbox.faults.add(Fault.RATE_429, user=ANA, first=1, method="messages.list")
        await here.tick()
        assert (await here.integration(key)).import_status == "suspended"
        clock.jump(-DAY)

        await here.tick()
        await here.tick()

        assert mail in await here.kept()


@pytest.mark.parametrize(
    ("refuse", "allow", "words"),
    [
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF", "read-only"),
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 4294967294", "disk is full"),
    ],
)
async def test_a_database_that_refuses_moves_no_cursor_and_all_is_well_when_it_yields(tmp_path, refuse, allow, words):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        await here.tick()
        before = await here.integration(key)
        mails = [here.receive(ANA) for _ in range(30)]
        await _say(here, refuse)

        for _ in range(2):
            with pytest.raises(StorageUnavailable, match=words):
                await here.tick(here.clock.now() + FIVE_MINUTES)

        assert (await here.integration(key)).cursor == before.cursor
        await _say(here, allow)
        await here.tick(here.clock.now() + FIVE_MINUTES)
        assert await here.kept() == sorted(mails)
        states = {row.status for row in await here.rows(select(schema.email_import_jobs.c.status))}
        assert "running" not in states


async def _say(here, statement):
    """Tell the one writing connection, which then refuses as a full or read-only disk makes it refuse."""
    async with here.database._writer.connect() as connection:
        raw = await connection.get_raw_connection()
        await raw.driver_connection.execute(statement)


async def test_a_mail_that_is_kept_twice_at_once_is_one_job(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        here.receive(ANA)
        await here.tick()

        with pytest.raises(Exception, match="UNIQUE"):
            async with here.database.write() as connection:
                columns = "integration_id, email_message_id, parsing_status"
                query = f"INSERT INTO email_parsing_jobs ({columns}) SELECT {columns} FROM email_parsing_jobs"
                await connection.execute(text(query))
