"""The numbers of a day, of a batch and of its users, as scripts and dashboards read them."""

from datetime import timedelta

from sqlalchemy import insert, select
from support.clock import ManualClock
from support.world import world

from afpd.loops.tally import LISTED_USERS, Tally
from afpd.store import batches, schema

ANA = "ana@example.com"


async def test_todays_counts_begin_anew_at_midnight_for_those_without_mail_too(tmp_path):
    clock = ManualClock()  # six in the morning in Costa Rica
    async with world(tmp_path, clock=clock) as here:
        quiet, stopped = await here.connect(ANA), await here.connect("bo@example.com")
        here.receive(ANA)
        here.receive("bo@example.com")
        await here.tick()
        async with here.database.write() as connection:
            values = {"import_status": "error", "next_run_at": None}
            table = schema.integrations
            await connection.execute(table.update().where(table.c.id == stopped).values(**values))
        clock.jump(17 * 3600)
        await here.tick()
        assert (await here.integration(quiet)).emails_processed_today == 1
        clock.jump(2 * 3600)

        await here.tick()

        for key in (quiet, stopped):
            row = await here.integration(key)
            assert (row.emails_found_today, row.emails_processed_today) == (0, 0)
            assert row.stats_date == "2026-01-06"


def test_everybody_beyond_the_listed_users_is_counted_once():
    tally = Tally()
    for user in range(LISTED_USERS + 100):
        for integration in (1, 2):
            tally.add(f"u{user}", 10 * user + integration, found=0, processed=0, error=None)
    tally.add("u7", 71, found=1, processed=1, error=None)
    late = LISTED_USERS + 50
    tally.add(f"u{late}", 10 * late + 3, found=0, processed=0, error="trouble")

    results = tally.results()

    assert results.pop("unchanged") == LISTED_USERS + 100 - 2
    assert set(results) == {"u7", f"u{late}"}
    assert tally.batch_size == 2 * (LISTED_USERS + 100) + 2


def test_exactly_as_many_users_as_may_be_listed_are_listed():
    tally = Tally()
    for user in range(LISTED_USERS):
        tally.add(f"u{user}", user, found=0, processed=0, error=None)

    assert len(tally.results()) == LISTED_USERS
    assert "unchanged" not in tally.results()


async def test_a_start_closes_batches_that_were_left_open_under_another_host_name(tmp_path):
    async with world(tmp_path) as here:
        before = here.clock.now() - timedelta(hours=1)
        table = schema.email_import_jobs
        async with here.database.write() as connection:
            values = {"status": "running", "started_at": before, "batch_size": 0}
            await connection.execute(insert(table).values(node="a-container-that-is-gone", **values))
            await connection.execute(insert(table).values(status="running", started_at=before))  # not adopted yet
            assert await batches.close_interrupted(connection, now=here.clock.now()) == 1

        rows = await here.rows(select(table.c.status).order_by(table.c.id))
        assert [row.status for row in rows] == ["interrupted", "running"]
