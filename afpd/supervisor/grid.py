"""When a loop is due, and what the wall clock says then. Arithmetic on two clocks; nothing waits here."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from afpd.clock import Clock

JUMP = 30.0  # seconds between wall and monotonic clock that are no longer a correction
FIRST_RETRY = 30.0  # seconds after a first failed tick; doubles up to the loop's own interval


class Timeline:
    """Wall time counted in monotonic seconds, so that small corrections of the wall clock do not reach the grid."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._monotonic = clock.now(), clock.monotonic()

    def at(self, monotonic: float) -> datetime:
        """Return the UTC moment that belongs to those monotonic seconds."""
        return self._wall + timedelta(seconds=monotonic - self._monotonic)

    def take_jump(self) -> float | None:
        """Return the seconds by which the wall clock has left us, once, when they are no longer a correction."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        seconds = (wall - self.at(monotonic)).total_seconds()
        if abs(seconds) <= JUMP:
            return None
        self._wall, self._monotonic = wall, monotonic
        return seconds


class Grid:
    """The moments of one loop in monotonic seconds: `first`, then every interval after the last point reached.

    `every` gives the interval in seconds and is asked each time, so that a changed one counts from the last point.
    """

    def __init__(self, every: Callable[[], float], first: float) -> None:
        self._every = every
        self._first = first
        self._point: float | None = None
        self._ended = first
        self._failures = 0

    def tick_ended(self, at: float, failures_in_a_row: int) -> None:
        """Take note that a tick ended then, and how many in a row have failed up to it."""
        self._ended, self._failures = at, failures_in_a_row

    def due(self) -> float:
        """Return the next grid point, or the sooner moment at which a failed tick is tried again."""
        return min(self._next_point(), self._retry_at())

    def take(self, now: float) -> float:
        """Return the moment the tick that starts now is scheduled for: the grid point reached, else (woken) now."""
        point = self._next_point()
        self._ended, self._failures = now, 0
        if now < point:
            return now
        interval = self._every()
        self._point = point + interval * math.floor((now - point) / interval)
        return self._point

    def _next_point(self) -> float:
        if self._point is None:
            return self._first
        interval = self._every()
        return self._point + interval * max(1, math.ceil((self._ended - self._point) / interval))

    def _retry_at(self) -> float:
        if self._failures == 0:
            return math.inf
        return self._ended + min(self._every(), FIRST_RETRY * 2.0 ** min(self._failures - 1, 30))
