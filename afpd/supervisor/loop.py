"""A loop: what it does, how often, and what it is doing now."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from afpd.clock import Clock, SystemClock
from afpd.model import LoopState

OVERDUE = 60.0  # seconds that a pausing loop may be late and still count as living
SILENCE = 600.0  # seconds that a running tick may go without a beat and still count as living


@dataclass(slots=True, eq=False)
class Loop:
    """Something that is done again and again.

    `every` gives the interval in seconds and is asked anew all the time, so that a reload changes it within a second.
    `tick` gets the UTC moment it is scheduled for (consecutive grid points are exact multiples of the interval apart)
    and returns what /status and the log show of it: counts, never anything from a mail. `first_after` is the number of
    seconds from the start to the first tick. Name and result keys are greppable: `loop.ticked loop=import errors=0`.
    """

    name: str
    every: Callable[[], float]
    tick: Callable[[datetime], Awaitable[Mapping[str, object]]]
    first_after: float = 0.0
    state: LoopState = field(default_factory=LoopState, init=False)
    woken: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    due: float | None = field(default=None, init=False)  # monotonic, while pausing
    beaten: float | None = field(default=None, init=False)  # monotonic, while ticking
    bugs_in_a_row: int = field(default=0, init=False)
    clock: Clock = field(default_factory=SystemClock, init=False, repr=False)

    def wake(self) -> None:
        """Tick at once. During a tick: exactly one more after it, however often it is asked. The grid stays."""
        self.woken.set()

    def beat(self) -> None:
        """Say that a long tick is getting on, at least every ten minutes; between ticks it says nothing."""
        if self.beaten is not None:
            self.beaten = self.clock.monotonic()

    def begin(self) -> None:
        """Enter a tick."""
        self.woken.clear()
        self.due, self.beaten = None, self.clock.monotonic()
        self.state = replace(self.state, running=True, last_started_at=self.clock.now())

    def succeed(self, last: Mapping[str, object], seconds: float) -> None:
        """Leave a tick that ended well after so many seconds."""
        self.bugs_in_a_row = 0
        self._leave(seconds, last=last, failures_in_a_row=0, last_error=None)

    def fail(self, why: str, seconds: float, *, bug: bool) -> None:
        """Leave a tick that failed after so many seconds; only bugs count towards breaking the loop."""
        self.bugs_in_a_row += bug
        self._leave(seconds, failures_in_a_row=self.state.failures_in_a_row + 1, last_error=why)

    def rest(self) -> None:
        """Neither tick nor wait any more."""
        self.due = self.beaten = None
        self.state = replace(self.state, running=False, next_at=None)

    def _leave(self, seconds: float, **changes: Any) -> None:
        self.beaten = None
        self.state = replace(
            self.state, running=False, last_finished_at=self.clock.now(), last_duration_seconds=seconds, **changes
        )


def lifeless(loops: Iterable[Loop], now_monotonic: float) -> list[str]:
    """Return the names of the loops that show no life: a pause overdue by a minute, or ten minutes without a beat.

    `now_monotonic` is in seconds of the clock that the loops are supervised with. The watchdog is fed only while the
    answer is empty. A loop that has not started, or that a stop has ended, is not counted.
    """
    return [loop.name for loop in loops if _is_lifeless(loop, now_monotonic)]


def _is_lifeless(loop: Loop, now: float) -> bool:
    if loop.beaten is not None:
        return now - loop.beaten > SILENCE
    return loop.due is not None and now - loop.due > OVERDUE
