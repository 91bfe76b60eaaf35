"""Operators who change an integration while its visit is under way, and results that cannot be written."""

import asyncio
from datetime import timedelta

from sqlalchemy import select
from support.clock import ManualClock
from support.world import world

from afpd.errors import AccessRevoked
from afpd.loops.requests import watch_requests
from afpd.sandbox import Fault
from afpd.schedule import Rules, after_visit
from afpd.store import claims, integrations, schema, visits
from afpd.store.sealed import open_token

ANA, BO = "ana@example.com", "bo@example.com"
MINUTES = timedelta(minutes=1)
RULES = Rules(MINUTES, 60 * MINUTES, MINUTES, timedelta(0))


async def _claim(here):
    now = here.clock.now()
    async with here.database.write() as connection:
        lease, owner = timedelta(minutes=10), here.identity.owner
        taken = await claims.claim(connection, now=now, due_by=now, over_by=now, limit=9, owner=owner, lease=lease)
    return taken[0]


async def _finish(here, *results):
    async with here.database.write() as connection:
        return await visits.finish(
            connection, results, owner=here.identity.owner, batch_id=1, now=here.clock.now(),
            today=here.clock.now().date(), keyring=here.keyring,
        )  # fmt: skip


async def test_a_visit_begun_before_a_new_sign_in_cannot_undo_it(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        old = await _claim(here)
        clock.jump(1)
        await here.connect(ANA)  # the user signed in again, and the same daemon takes it up at once
        new = await _claim(here)
        now = clock.now()
        revoked = after_visit(old.standing, AccessRevoked("gone"), now, RULES, now)
        tokens = visits.NewTokens("old access", now, "old refresh")

        stale = visits.VisitResult(key, old.lease_until, revoked, tokens=tokens)
        good = visits.VisitResult(key, new.lease_until, after_visit(new.standing, None, now, RULES, now))
        await _finish(here, stale)
        assert (await here.integration(key)).import_status == "running"
        await _finish(here, good, stale)

        row = await here.integration(key)
        assert (row.import_status, row.last_error_message, row.revoked_since) == ("waiting", None, None)
        assert open_token(here.keyring, key, "refresh_token", row.sealed_refresh_token) != "old refresh"


async def test_a_wish_that_this_daemon_cannot_fulfil_makes_no_batches(tmp_path):
    async with world(tmp_path) as here:
        mine, others = await here.connect(ANA), await here.connect(BO)
        here.only = frozenset({mine})
        await here.tick()
        async with here.database.write() as connection:
            await integrations.run_now(connection, others, now=here.clock.now())

        assert await _wakes(here, only=here.only) == 0


async def test_a_wish_from_a_clock_ahead_waits_for_its_time(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        await here.tick()
        async with here.database.write() as connection:
            await integrations.run_now(connection, key, now=here.clock.now() + timedelta(days=1))

        assert await _wakes(here) == 0


async def test_a_wish_waits_while_the_project_is_paused(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        here.sandbox.faults.add(Fault.INVALID_CLIENT)
        await here.tick()
        async with here.database.write() as connection:
            await integrations.run_now(connection, key, now=here.clock.now())

        assert await _wakes(here) == 0


async def test_a_wish_wakes_the_import(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        await here.tick()
        async with here.database.write() as connection:
            await integrations.run_now(connection, key, now=here.clock.now())

        assert await _wakes(here) >= 1


async def _wakes(here, only=None):
    """How often ten seconds of watching wake the import."""
    clock, woken = ManualClock(here.clock.now()), []
    watching = asyncio.create_task(
        watch_requests(here.database, clock, here.stop, lambda: woken.append(1), gate=here.parts.gate, only=only)
    )
    for _ in range(5):
        await asyncio.sleep(0.05)
        await clock.advance(2)
    await asyncio.sleep(0.05)
    here.stop.set()
    await clock.advance(2)
    await watching
    return len(woken)


async def test_run_now_does_not_cost_an_integration_its_next_turn(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA, every=timedelta(hours=24))
        await here.tick()
        due = (await here.integration(key)).next_run_at
        clock.jump(3600)
        async with here.database.write() as connection:
            await integrations.run_now(connection, key, now=clock.now())
        assert (await here.tick())["integrations_processed"] == 1

        assert (await here.integration(key)).next_run_at == due


async def test_a_removed_integration_shows_no_suspension(tmp_path):
    async with world(tmp_path) as here:
        key = await here.connect(ANA)
        async with here.database.write() as connection:
            await integrations.suspend(connection, key, reason="by hand", until=None, now=here.clock.now())
            await integrations.remove(connection, key, now=here.clock.now())

        row = await here.integration(key)
        assert (row.is_active, row.import_status, row.suspend_reason) == (False, "waiting", None)


async def test_a_result_that_cannot_be_written_does_not_touch_the_others(tmp_path):
    async with world(tmp_path) as here:
        bad, good = await here.connect(ANA), await here.connect(BO)
        here.receive(ANA)
        mail = here.receive(BO)
        async with here.database.write() as connection:
            await connection.exec_driver_sql(
                f"CREATE TRIGGER broken BEFORE INSERT ON email_parsing_jobs WHEN NEW.integration_id = {bad} "
                "BEGIN SELECT RAISE(ABORT, 'what nobody foresaw'); END"
            )

        result = await here.tick()

        assert (result["integrations_processed"], result["errors"]) == (2, 1)
        assert await here.kept() == [mail]
        row = await here.integration(bad)
        assert (row.import_status, row.cursor, row.failures_in_a_row) == ("waiting", None, 1)
        assert "nobody foresaw" not in row.last_error_message
        assert (await here.integration(good)).cursor is not None
        batch = (await here.rows(select(schema.email_import_jobs)))[0]
        assert (batch.status, batch.total_emails_processed) == ("completed", 1)


async def test_a_visit_that_was_on_its_way_does_not_open_the_gate_again(tmp_path):
    async with world(tmp_path) as here:
        slow, bad = await here.connect(ANA), await here.connect(BO)
        here.sandbox.faults.add(Fault.SLOW, user=ANA, method="getProfile", seconds=0.4)
        here.sandbox.faults.add(Fault.DAILY_403, user=BO)

        await here.tick()

        assert here.parts.gate.is_shut(here.clock.now())
        assert (await here.integration(slow)).cursor is not None
        assert (await here.integration(bad)).import_status == "waiting"
