"""The cleanup loop: what is old goes, in transactions so small that nobody waits. Transactions never go."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from afpd.clock import Clock
from afpd.config import Settings
from afpd.store import prune
from afpd.store.database import Connection, Database

_ROWS_TOGETHER = 200
_BREATH_SECONDS = 0.01

Prune = Callable[[Connection], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Cleanup:
    """The cleanup loop of one daemon."""

    database: Database
    clock: Clock
    stop: asyncio.Event
    beat: Callable[[], None]
    settings: Callable[[], Settings]

    async def tick(self, _: datetime) -> dict[str, object]:
        """Prune what is older than [cleanup] says. Returns the counts that /status shows as the last run."""
        keep, now = self.settings().cleanup, self.clock.now()
        jobs_before, bodies_before = now - keep.keep_jobs, now - keep.keep_bodies
        pruned = {
            "batches": await self._all(partial(prune.prune_batches, before=jobs_before, limit=_ROWS_TOGETHER)),
            "emails": await self._all(partial(prune.prune_emails, before=jobs_before, limit=_ROWS_TOGETHER)),
            "bodies": await self._all(partial(prune.drop_bodies, before=bodies_before, limit=_ROWS_TOGETHER)),
            "unread": await self._unread(keep.keep_unread, now),
        }
        return dict(pruned)

    async def _unread(self, keep_unread: timedelta | None, now: datetime) -> int:
        if keep_unread is None:
            return 0
        return await self._all(partial(prune.prune_emails, before=now - keep_unread, limit=_ROWS_TOGETHER, unread=True))

    async def _all(self, some: Prune) -> int:
        """Repeat one small transaction until it finds nothing, leaving room for the import in between."""
        total = 0
        while not self.stop.is_set():
            async with self.database.write() as connection:
                gone = await some(connection)
            total += gone
            self.beat()
            if gone < _ROWS_TOGETHER:
                break
            await self.clock.sleep(_BREATH_SECONDS)
        return total
