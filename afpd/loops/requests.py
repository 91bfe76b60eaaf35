"""Requests of other commands: `afpd integrations run-now` writes a row, and a running daemon notices."""

import asyncio
from collections.abc import Callable

from afpd.clock import Clock
from afpd.errors import StorageUnavailable
from afpd.loops.gate import Gate
from afpd.store import integrations
from afpd.store.database import Database

LOOK_EVERY_SECONDS = 2.0


async def watch_requests(
    database: Database,
    clock: Clock,
    stop: asyncio.Event,
    wake: Callable[[], None],
    *,
    gate: Gate,
    only: frozenset[int] | None = None,
) -> None:
    """Until `stop`: look every two seconds whether somebody asked for a visit, and wake the import loop.

    Only for a visit that the next tick would make: each tick is a batch, and a wish that has to wait would make one
    every two seconds. A database that refuses for now is the loops' to report; here it only means to look again.
    """
    while not stop.is_set():
        await clock.sleep(LOOK_EVERY_SECONDS)
        if gate.is_shut(now := clock.now()):
            continue
        try:
            async with database.read() as connection:
                if await integrations.wants_run_now(connection, now=now, only=only):
                    wake()
        except StorageUnavailable:
            continue
