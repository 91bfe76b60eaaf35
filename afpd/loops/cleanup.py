"""The cleanup loop: what is old goes, in transactions so small that nobody waits. Transactions never go."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from afpd.clock import Clock
from afpd.config import Settings
from afpd.loops.rates import KEEPS
from afpd.store import prune, template_days
from afpd.store.database import Database

_ROWS_TOGETHER = 200
_BREATH_SECONDS = 0.01

Prune = Callable[..., Awaitable[int]]


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
        keep = self.settings().cleanup
        async with self.database.read() as connection:
            adopted_at = await prune.last_adoption(connection)
        pruned = {
            "batches": await self._all(prune.prune_batches, keep.keep_jobs, adopted_at),
            "emails": await self._all(prune.prune_emails, keep.keep_jobs, adopted_at),
            "bodies": await self._all(prune.drop_bodies, keep.keep_bodies, adopted_at),
            "unread": await self._all(partial(prune.prune_emails, unread=True), keep.keep_unread, adopted_at),
        }
        async with self.database.write() as connection:
            today = self.clock.now().astimezone(self.settings().zone).date()
            await template_days.forget(connection, today - timedelta(days=KEEPS))
        return dict(pruned)

    async def _all(self, some: Prune, keep: timedelta | None, adopted_at: datetime | None) -> int:
        """Repeat one small transaction until it finds nothing, leaving room for the import in between.

        What was taken over from the replaced system counts as new at that moment, however old it is: whoever tries
        afpd on old data must not see it go.
        """
        before = None if keep is None else self.clock.now() - keep
        if before is None or (adopted_at is not None and adopted_at >= before):
            return 0
        total = 0
        while not self.stop.is_set():
            async with self.database.write() as connection:
                gone = await some(connection, before=before, limit=_ROWS_TOGETHER)
            total += gone
            self.beat()
            if gone < _ROWS_TOGETHER:
                break
            await self.clock.sleep(_BREATH_SECONDS)
        return total
