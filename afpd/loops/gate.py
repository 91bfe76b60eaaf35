"""What all visits share: the gate that shuts while Google refuses the whole project, and Google's time beside ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from afpd.errors import ProjectError, QuotaExhausted
from afpd.log import get
from afpd.store.quota import Refused

_LOOK_AGAIN_AFTER = timedelta(minutes=5)
_SHORTEST = timedelta(seconds=1)
_LONGEST_DAY = timedelta(hours=25)
_TOLERATED_SKEW_SECONDS = 120
_QUOTA, _CLIENT = "quota", "client"

log = get("gmail")


@dataclass(slots=True)
class Gate:
    """Whether Gmail may be asked at all. One loud line when it shuts, one when it opens."""

    until: datetime | None = None
    reason: str | None = None
    kind: str = _CLIENT
    _trying: asyncio.Lock = field(default_factory=asyncio.Lock)

    def shut(self, error: ProjectError, now: datetime) -> None:
        """Stop asking for everyone until the error's own time, or for a few minutes."""
        if self.reason is None:
            log.error("gmail.project_paused", reason=str(error))
        until = max(error.until or now + _LOOK_AGAIN_AFTER, now + _SHORTEST)
        self.until = until if self.until is None else max(self.until, until)
        self.reason = str(error)
        self.kind = _QUOTA if isinstance(error, QuotaExhausted) else _CLIENT

    def is_shut(self, now: datetime) -> bool:
        """Tell whether to wait; past its time the gate lets the next visits try."""
        return self.until is not None and now < self.until

    def refused(self, now: datetime) -> Refused | None:
        """Return what the next start has to know: a quota that is used up stays so when the process is another."""
        if self.reason is None or self.until is None or self.kind != _QUOTA or not self.is_shut(now):
            return None
        return Refused(self.reason, self.until)

    def stay_shut(self, refused: Refused, now: datetime) -> None:
        """Go on being shut where a process before this one was refused, until the same moment.

        A moment further ahead than a day of the quota can end was written by a clock that was wrong.
        """
        if now < refused.until <= now + _LONGEST_DAY:
            self.shut(QuotaExhausted(refused.reason, refused.until), now)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn: until somebody got through, one after the other tries, and not everybody at once."""
        if self.reason is not None:
            async with self._trying:
                if self.reason is not None:
                    yield
                    return
        yield

    def passed(self, now: datetime) -> None:
        """A visit got through: the episode is over, unless it only was on its way when the gate shut."""
        if self.reason is None or self.is_shut(now):
            return
        log.warning("gmail.project_resumed", reason=self.reason)
        self.until = self.reason = None

    def look_again(self, now: datetime) -> None:
        """Let the next visits try: the clock went back, and what is kept here is a time of the future."""
        if self.until is not None:
            self.until = now


@dataclass(slots=True)
class Skew:
    """By how many seconds this machine is ahead of Google; None while unknown."""

    seconds: float | None = None

    def note(self, google: datetime | None, ours: datetime) -> None:
        """Compare the two times of one answer, and say so when they begin to differ by more than a minute or two."""
        if google is None:
            return
        was_off = self.is_off
        self.seconds = round((ours - google).total_seconds(), 1)
        if self.is_off and not was_off:
            log.warning("clock.skewed", seconds_ahead_of_google=self.seconds)

    @property
    def is_off(self) -> bool:
        """Whether the clocks differ by more than answers take."""
        return self.seconds is not None and abs(self.seconds) > _TOLERATED_SKEW_SECONDS
