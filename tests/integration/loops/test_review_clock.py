"""A clock that jumps a day ahead and back, whatever happens at the same time: nobody is forgotten for a day."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.clock import ManualClock
from support.world import world

from afpd.errors import StorageUnavailable
from afpd.sandbox import Fault
from afpd.store import schema

ANA = "ana@example.com"
DAY = 86400


async def test_a_rebase_that_the_database_refused_is_made_up_for(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        clock.jump(DAY)
        await here.tick()
        clock.jump(-DAY)
        async with here.database.write() as connection:
            await connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(StorageUnavailable):
            await here.tick()
        await here.database._writer.dispose()  # a new connection writes again

        assert (await here.tick())["integrations_processed"] == 1


async def test_a_visit_during_which_the_clock_ran_ahead_is_due_again_when_it_is_back(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        key = await here.connect(ANA)
        await here.tick()
        ahead = clock.now() + timedelta(days=1)
        async with here.database.write() as connection:  # begun before the jump, ended after it
            values = {"last_verified_at": ahead, "last_sync": ahead, "next_run_at": ahead + timedelta(minutes=3)}
            await connection.execute(update(schema.integrations).values(**values))
        clock.jump(DAY)
        assert (await here.tick())["integrations_processed"] == 0
        clock.jump(60 - DAY)

        assert (await here.tick())["integrations_processed"] == 1
        row = await here.integration(key)
        assert row.last_verified_at <= clock.now()
        assert row.next_run_at <= clock.now() + timedelta(minutes=5)


async def test_a_pause_of_the_project_ends_when_the_clock_comes_back(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        clock.jump(DAY)
        here.sandbox.faults.add(Fault.INVALID_CLIENT)
        await here.tick()
        assert here.parts.gate.is_shut(clock.now())
        here.sandbox.faults.clear()
        clock.jump(-DAY)

        assert (await here.tick())["integrations_processed"] == 1
        assert here.parts.gate.reason is None


async def test_a_suspension_by_a_clock_ahead_ends_and_one_by_hand_stays(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        clock.jump(DAY)
        here.sandbox.faults.add(Fault.RATE_429, user=ANA, method="getProfile", first=1)
        await here.tick()
        assert [row.import_status for row in await here.rows(select(schema.integrations))] == ["suspended"]
        clock.jump(-DAY)

        assert (await here.tick())["integrations_processed"] == 1


async def test_ticks_go_on_while_the_clock_jumps_to_and_fro(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as here:
        await here.connect(ANA)
        mails = []
        for jump in (0, DAY, 300 - DAY, 300, -DAY, 300, DAY, 300):
            clock.jump(jump)
            mails.append(here.receive(ANA))
            assert (await here.tick())["integrations_processed"] == 1, jump

        assert await here.kept() == sorted(mails)
