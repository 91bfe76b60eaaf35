"""A clock that stands still until a test moves it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class ManualClock:
    """An `afpd.clock.Clock` whose time passes only in `advance`; its sleepers wake in the order of their moments.

    `jump` moves the wall clock alone, as NTP does, or a laptop's sleep.
    """

    def __init__(self, wall: datetime = NOON, monotonic: float = 5000.0) -> None:
        self._wall = wall  # at `_began`, jumps included
        self._began = self._monotonic = monotonic
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._wall + timedelta(seconds=self._monotonic - self._began)

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), woken))
        await woken

    @property
    def is_slept_on(self) -> bool:
        """Whether somebody waits for time to pass."""
        return any(not woken.done() for _, _, woken in self._sleepers)

    def jump(self, seconds: float) -> None:
        """Move the wall clock by so many seconds, back when negative, while no monotonic time passes."""
        self._wall += timedelta(seconds=seconds)

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass; everything that sleeps meanwhile wakes at its own moment and runs on."""
        await settle()
        end = self._monotonic + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, woken = heapq.heappop(self._sleepers)
            if woken.done():
                continue
            self._monotonic = moment
            woken.set_result(None)
            if not (self._sleepers and self._sleepers[0][0] == moment):
                await settle()
        self._monotonic = end
        await settle()


async def settle() -> None:
    """Let every task run until all of them wait; threads and sockets are not waited for."""
    running = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        if not getattr(running, "_ready"):  # noqa: B009 - asyncio has no public name for "nothing is ready"
            return
