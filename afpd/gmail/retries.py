"""Trying again inside a visit: truncated exponential backoff with full jitter, and never past the visit's deadline."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from afpd.clock import Clock
from afpd.errors import EndpointDown, Unavailable
from afpd.gmail.faults import TokenRefused
from afpd.gmail.transport import AnswerTooLarge

# Google's advice for its APIs: "truncated exponential backoff", at most 64 seconds.
LONGEST_BACKOFF_SECONDS = 64.0

Result = TypeVar("Result")


class TokenUnavailable(Unavailable):
    """No access token could be had for now; the token endpoint was asked more than once already."""


_FINAL = (AnswerTooLarge, TokenRefused, TokenUnavailable, EndpointDown)


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a visit is: `most` more attempts, the first after up to `base`. `chance` draws the jitter."""

    clock: Clock
    chance: random.Random
    base: timedelta
    most: int

    async def run(self, attempt: Callable[[], Awaitable[Result]], deadline: float) -> Result:
        """Return what `attempt` returns, again after an `Unavailable` that may pass; anything else ends it.

        `deadline` is in the clock's monotonic seconds: rather than sleep past it, the last error is raised.
        """
        tried = 0
        while True:
            try:
                return await attempt()
            except _FINAL:
                raise
            except Unavailable as trouble:
                pause = max(self._pause_seconds(tried), self._asked_for(trouble))
                if tried >= self.most or self.clock.monotonic() + pause >= deadline:
                    raise
            await self.clock.sleep(pause)
            tried += 1

    def _asked_for(self, trouble: Unavailable) -> float:
        return 0.0 if trouble.until is None else (trouble.until - self.clock.now()).total_seconds()

    def _pause_seconds(self, tried: int) -> float:
        longest = min(LONGEST_BACKOFF_SECONDS, self.base.total_seconds() * 2**tried)
        return self.chance.uniform(0.0, longest)
