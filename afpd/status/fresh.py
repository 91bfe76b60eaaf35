"""An answer that many may ask for and that is looked up once: shared, short-lived, and never waited for too long."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from afpd.clock import Clock, SystemClock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value, its age in seconds, and whether it is an old one because the new one is late."""

    value: T
    age_seconds: float
    late: bool


class Fresh(Generic[T]):
    """Asks `ask` at most once at a time and at most every `max_age` seconds; waits `patience` seconds for it.

    An answer that is older by no more than `grace` seconds is given at once, while a new one is looked up: whoever asks
    all the time never waits.

    A question that is late goes on in the background; meanwhile the last answer is given, with its age. An error is
    an answer as well: it is raised for everybody who asks within `max_age`.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[T]],
        *,
        clock: Clock | None = None,
        max_age: float = 0.5,
        patience: float = 1.0,
        grace: float = 0.0,
    ) -> None:
        self._ask = ask
        self._clock = clock or SystemClock()
        self._max_age = max_age
        self.patience = patience
        self._grace = grace
        self._asked_at = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._answered_at: float | None = None
        self._last: tuple[T, float] | None = None
        self._error: Exception | None = None

    async def get(self) -> Answer[T] | None:
        """Return an answer at most `max_age` (and `grace`) old, or, when that is late, the last one.

        None when there is none yet.

        Raises whatever `ask` raises.
        """
        if self._is_nearly_fresh():
            self._begin()
            in_time = True
        else:
            in_time = self._is_fresh() or await self._is_answered_in_time()
        if in_time and self._error is not None:
            raise self._error
        if self._last is None:
            return None
        value, answered_at = self._last
        return Answer(value, self._clock.monotonic() - answered_at, late=not in_time)

    async def close(self) -> None:
        """Give up a question that is still open."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _is_fresh(self) -> bool:
        if self._asking is not None or self._answered_at is None:
            return False
        return self._clock.monotonic() - self._answered_at < self._max_age

    def _is_nearly_fresh(self) -> bool:
        if self._error is not None or self._last is None:
            return False
        return self._max_age <= self._clock.monotonic() - self._last[1] < self._max_age + self._grace

    def _begin(self) -> "asyncio.Task[None]":
        if self._asking is None:
            # A task of its own: whoever asked first may hang up, the others still want the answer.
            self._asked_at = self._clock.monotonic()
            self._asking = asyncio.create_task(self._answer(), name="status:ask")
        return self._asking

    async def _is_answered_in_time(self) -> bool:
        asking = self._begin()
        left = self._asked_at + self.patience - self._clock.monotonic()
        answered, _ = await asyncio.wait([asking], timeout=max(0.0, left))
        return bool(answered)

    async def _answer(self) -> None:
        try:
            value = await self._ask()
        except Exception as error:  # noqa: BLE001 - kept, and raised for everybody who asks
            self._error = error
        else:
            self._last, self._error = (value, self._clock.monotonic()), None
        finally:
            self._answered_at = self._clock.monotonic()
            self._asking = None
