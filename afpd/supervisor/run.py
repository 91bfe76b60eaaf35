"""The run of all loops, from start to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from structlog import get_logger

from afpd.clock import Clock
from afpd.errors import LoopBroken
from afpd.supervisor.attempt import attempt
from afpd.supervisor.grid import Grid, Timeline
from afpd.supervisor.loop import Loop

LONGEST_SLICE = 1.0  # seconds: how soon a pausing loop notices a reload, and everything a jump of the wall clock
BUGS_IN_A_ROW = 5  # unexpected exceptions after which only a fresh process can help

log = get_logger(__name__)


async def supervise(
    loops: Sequence[Loop],
    *,
    clock: Clock,
    stop: asyncio.Event,
    grace: float,
    on_tick: Callable[[Loop], None] = lambda _: None,
    on_clock_jump: Callable[[float], None] = lambda _: None,
    on_pulse: Callable[[], None] = lambda: None,
) -> None:
    """Run the loops until `stop` is set, then give running ticks `grace` seconds, cancel them and return.

    `on_tick` is called after each tick, good or bad; `on_clock_jump` with the seconds by which the wall clock left the
    monotonic one (forward is positive; a suspend looks so too), before all loops tick at once; `on_pulse` about once a
    second while the event loop turns. None of the three may raise or wait.

    Raises `LoopBroken` when a loop met five bugs without a good tick between them, or is gone without a stop.
    """
    run = _Run(clock, stop, loops, on_tick, on_clock_jump, on_pulse)
    try:
        return await run.all(grace)
    except BaseExceptionGroup as group:
        cause = _first_cause(group)
    raise cause


def _first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_cause(first) if isinstance(first, BaseExceptionGroup) else first


@dataclass(slots=True)
class _Run:
    """One run of all loops, from start to stop."""

    clock: Clock
    stop: asyncio.Event
    loops: Sequence[Loop]
    on_tick: Callable[[Loop], None]
    on_clock_jump: Callable[[float], None]
    on_pulse: Callable[[], None]
    timeline: Timeline = field(init=False)
    ending: bool = False

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.clock)
        for loop in self.loops:
            loop.clock = self.clock

    async def all(self, grace: float) -> None:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._guard("clock", self._watch_clock), name="loop:clock")
            ticking = [
                group.create_task(self._guard(loop.name, partial(self._turn, loop)), name=f"loop:{loop.name}")
                for loop in self.loops
            ]
            try:
                await self.stop.wait()
                self._wake_all()
                await _first_of(asyncio.wait(ticking), self.clock.sleep(grace))
            finally:
                self.ending = True
            for task in (watch, *ticking):
                task.cancel()

    async def _guard(self, name: str, turn: Callable[[], Awaitable[None]]) -> None:
        """Turn the end of a loop into an error, unless everything ends."""
        try:
            await turn()
        except asyncio.CancelledError:
            if self.ending:
                raise
        except Exception:
            self.ending = True
            raise
        if not self.stop.is_set():
            self.ending = True
            raise LoopBroken(f"the loop {name} is gone while the daemon should run")

    async def _watch_clock(self) -> None:
        while True:
            await self.clock.sleep(LONGEST_SLICE)
            self._notice_jump()
            self.on_pulse()

    def _notice_jump(self) -> None:
        seconds = self.timeline.take_jump()
        if seconds is None:
            return
        log.warning("clock.jumped", seconds=round(seconds, 3))
        self.on_clock_jump(seconds)
        self._wake_all()

    def _wake_all(self) -> None:
        for loop in self.loops:
            loop.wake()

    async def _turn(self, loop: Loop) -> None:
        grid = Grid(loop.every, self.clock.monotonic() + loop.first_after)
        try:
            await self._pause(loop, grid)
            while not self.stop.is_set():
                await self._tick(loop, grid)
                await self._pause(loop, grid)
        finally:
            loop.rest()

    async def _pause(self, loop: Loop, grid: Grid) -> None:
        """Wait until the loop is due, woken, or asked to stop; in slices, so that a changed interval is noticed."""
        while not (self.stop.is_set() or loop.woken.is_set()):
            loop.due = grid.due()
            loop.state = replace(loop.state, next_at=self.timeline.at(loop.due))
            left = loop.due - self.clock.monotonic()
            if left <= 0:
                return
            await _first_of(loop.woken.wait(), self.clock.sleep(min(LONGEST_SLICE, left)))

    async def _tick(self, loop: Loop, grid: Grid) -> None:
        self._notice_jump()  # else a tick right after a suspend would be scheduled in the past
        at = self.timeline.at(grid.take(self.clock.monotonic()))
        loop.state = replace(loop.state, next_at=self.timeline.at(grid.due()))
        await attempt(loop, at)
        grid.tick_ended(self.clock.monotonic(), loop.state.failures_in_a_row)
        self.on_tick(loop)
        if loop.bugs_in_a_row >= BUGS_IN_A_ROW and not self.stop.is_set():
            raise LoopBroken(
                f"the loop {loop.name} met {BUGS_IN_A_ROW} bugs in a row, the last one {loop.state.last_error}; "
                "their tracebacks stand in the log"
            )


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until one of them is over, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        over, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    for task in over:
        task.result()
