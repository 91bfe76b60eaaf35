"""Cleanup of a database that was taken over: its old rows count as new at that moment."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

from support.clock import NOON, ManualClock
from support.legacy import make_legacy_database
from support.world import settings_for

from afpd.keyring import Keyring
from afpd.loops.cleanup import Cleanup
from afpd.store.database import Database
from afpd.store.upgrade import upgrade


async def test_old_rows_stay_as_long_after_the_adoption_as_new_ones(tmp_path):
    clock = ManualClock(NOON + timedelta(days=300))  # everything in the old database is months old
    legacy = make_legacy_database(tmp_path / "afpd.db", integrations=5, jobs=50)
    zone = ZoneInfo("America/Costa_Rica")
    upgrade(legacy.path, keyring=Keyring.generate(), zone=zone, now=clock.now(), say=lambda _: None)
    settings = settings_for(tmp_path, "http://127.0.0.1:9", cleanup={"keep_jobs": "30d", "keep_bodies": "10d"})
    async with Database(legacy.path) as database:
        cleanup = Cleanup(database, clock, asyncio.Event(), lambda: None, lambda: settings)

        assert await cleanup.tick(clock.now()) == {"batches": 0, "emails": 0, "bodies": 0, "unread": 0}
        clock.jump(timedelta(days=11).total_seconds())
        after_bodies = await cleanup.tick(clock.now())
        clock.jump(timedelta(days=20).total_seconds())
        after_jobs = await cleanup.tick(clock.now())

    assert after_bodies["bodies"] > 0
    assert (after_bodies["batches"], after_bodies["emails"]) == (0, 0)
    assert after_jobs["batches"] > 0
    assert after_jobs["emails"] > 0
