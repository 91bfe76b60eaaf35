"""How long the event loop was blocked: the lag of a ticking task, less what a thread that does nothing lagged meanwhile.

A busy machine delays both, a blocked loop only the task; where the loop's thread computes all the while, and keeps the
other thread from running, its CPU time counts.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_TICK = 0.005


class Lag:
    """What was measured so far, in seconds."""

    def __init__(self) -> None:
        self.loop: list[tuple[float, float, float, float]] = []
        self.machine: list[tuple[float, float, float]] = []

    @property
    def blocked(self) -> float:
        """The longest time that the loop alone stood still."""
        return max(
            (max(lag - self._of_machine(began, ended), cpu) for began, ended, lag, cpu in self.loop), default=0.0
        )

    def _of_machine(self, began: float, ended: float) -> float:
        return sum(lag for start, end, lag in self.machine if start < ended and end > began and lag > _TICK)


@asynccontextmanager
async def watching_the_loop() -> AsyncIterator[Lag]:
    """Measure for the length of the block."""
    lag, over = Lag(), threading.Event()

    def idle() -> None:
        while not over.is_set():
            began = time.perf_counter()
            time.sleep(_TICK)
            ended = time.perf_counter()
            lag.machine.append((began, ended, ended - began - _TICK))

    async def tick() -> None:
        while True:
            began, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_TICK)
            ended = time.perf_counter()
            late = ended - began - _TICK
            lag.loop.append((began, ended, late, min(late, time.thread_time() - cpu)))

    thread = threading.Thread(target=idle)
    ticking = asyncio.create_task(tick())
    thread.start()
    try:
        yield lag
        await asyncio.sleep(4 * _TICK)
    finally:
        over.set()
        ticking.cancel()
        thread.join()
