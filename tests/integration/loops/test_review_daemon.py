"""The daemon as a process, when only a fresh process can help; and a disk that fills up in the middle of a step."""

import asyncio
import sqlite3

import pytest
from sqlalchemy import select
from support.daemon import Daemon, sandbox, write_config
from support.world import world

from afpd.errors import StorageUnavailable
from afpd.store import schema

ANA = "ana@example.com"


def test_a_loop_that_is_broken_ends_the_process_with_one_clear_line(tmp_path):
    with sandbox(tmp_path, "--users", "1") as url:
        config = write_config(tmp_path, url, imports={"every": "20ms"})
        daemon = Daemon(config)
        assert daemon.port
        with sqlite3.connect(tmp_path / "afpd.db", timeout=10) as connection:
            connection.execute("ALTER TABLE email_import_jobs RENAME TO hidden")
        connection.close()

        assert daemon.wait(20) == 1
        told = [line for line in daemon.log.read_text().splitlines() if not line.startswith("{")]
        assert len(told) == 1
        assert "the loop import met 5 bugs in a row" in told[0]


@pytest.mark.parametrize("spare_pages", [0, 2, 8, 20])
async def test_a_disk_that_fills_up_at_any_step_stops_nothing_for_good(tmp_path, spare_pages):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(40)]
        await _fill_up(here, spare_pages)
        with pytest.raises(StorageUnavailable, match="disk is full"):
            await here.tick()
        kept = await here.kept()
        row = await here.integration(key)
        assert row.cursor is None or kept == sorted(mails)

        await _fill_up(here, None)
        await here.tick()
        await here.parse()

        row = await here.integration(key)
        assert await here.kept() == sorted(mails)
        assert (row.import_status, row.failures_in_a_row) == ("waiting", 0)
        jobs = await here.rows(select(schema.email_parsing_jobs.c.parsing_status))
        assert {job.parsing_status for job in jobs} == {"success"}
        assert len(await here.rows(select(schema.transactions.c.id))) == len(mails)
        batches = await here.rows(select(schema.email_import_jobs))
        assert "running" not in {batch.status for batch in batches}
        assert sum(batch.total_emails_processed for batch in batches) == len(mails)


async def test_a_disk_that_fills_up_while_parsing_leaves_the_mails_pending(tmp_path):
    async with world(tmp_path) as here:
        await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(60)]
        await here.tick()
        await _fill_up(here, 1)
        with pytest.raises(StorageUnavailable, match="disk is full"):
            await here.parse()

        await _fill_up(here, None)
        await here.parse()

        jobs = await here.rows(select(schema.email_parsing_jobs.c.parsing_status))
        assert {job.parsing_status for job in jobs} == {"success"}
        assert len(await here.rows(select(schema.transactions.c.id))) == len(mails)


async def _fill_up(here, spare_pages):
    """Leave so many pages for the database to grow; None: as many as it likes."""
    async with here.database.write() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        most = 1 << 30 if spare_pages is None else pages + spare_pages
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")


async def test_a_stop_in_the_middle_of_a_visit_leaves_nothing_behind(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        mails = [here.receive(ANA) for _ in range(60)]
        for gets in (1, 24, 25, 26, 30):
            here.sandbox.latency = 0.005
            before = here.sandbox.traffic.gets.total()
            ticking = asyncio.create_task(here.tick())
            while here.sandbox.traffic.gets.total() < before + gets:
                await asyncio.sleep(0.001)
            ticking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await ticking
        await here.tick()

        assert await here.kept() == sorted(mails)
        assert (await here.integration(key)).import_status == "waiting"
        batches = await here.rows(select(schema.email_import_jobs))
        assert [batch.status for batch in batches] == ["interrupted"] * 5 + ["completed"]
        assert sum(batch.total_emails_processed for batch in batches) == len(mails)
