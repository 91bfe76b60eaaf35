"""An hour of the import loop under its supervisor, on a clock that the test moves."""

import asyncio
import itertools
import random
from collections import Counter
from datetime import timedelta

from sqlalchemy import func, select
from support.clock import ManualClock
from support.world import world

from afpd.store import schema
from afpd.supervisor import Loop, supervise

USERS = 100
TICKS = 12


async def test_a_hundred_users_at_five_minutes_make_twelve_batches_an_hour(tmp_path):
    clock = ManualClock()
    chance = random.Random(4)
    async with world(tmp_path, clock=clock) as here:
        addresses = [f"user{n}@example.com" for n in range(USERS)]
        for n, address in enumerate(addresses):
            await here.connect(address, f"user_{n}")
            here.receive(address)
        loop = Loop("import", lambda: here.settings.imports.every.total_seconds(), here.importing.tick)
        running = asyncio.create_task(supervise([loop], clock=clock, stop=here.stop, grace=5))
        for tick in range(TICKS):
            await _ticked(loop, tick)
            for address in chance.sample(addresses, 10):
                here.receive(address, chance.choice(["cr-bac-card", "cr-bn-voucher", "private-lunch"]))
            if tick < TICKS - 1:
                await clock.advance(300)
        here.stop.set()
        await clock.advance(1)
        await running

        batches = await here.rows(select(schema.email_import_jobs).order_by(schema.email_import_jobs.c.id))
        assert len(batches) == TICKS
        assert [batch.batch_size for batch in batches] == [USERS] * TICKS
        gaps = {after.started_at - before.started_at for before, after in itertools.pairwise(batches)}
        assert max(gaps) - min(gaps) < timedelta(seconds=1)
        visits = Counter(
            key for batch in batches for user in batch.user_results.values() for key in user["integrations"]
        )
        assert set(visits.values()) == {TICKS}
        job = schema.email_parsing_jobs
        kept = dict(
            await here.rows(select(job.c.email_import_job_id, func.count()).group_by(job.c.email_import_job_id))
        )
        assert {batch.id: batch.total_emails_processed for batch in batches if batch.id in kept} == kept
        assert sum(batch.total_emails_processed for batch in batches) == len(await here.kept())
        assert all(batch.total_emails_found == batch.total_emails_processed for batch in batches)


async def _ticked(loop: Loop, tick: int) -> None:
    while (
        loop.state.running
        or loop.state.last_finished_at is None
        or not loop.state.last
        or (loop.state.last["batch_id"] != tick + 1)
    ):
        assert not loop.state.failures_in_a_row, loop.state.last_error
        await asyncio.sleep(0.01)
