"""What all visits share: the gate that shuts while Google refuses the whole project, and Google's time beside ours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from afpd.errors import ProjectError, QuotaExhausted
from afpd.log import get

_LOOK_AGAIN_AFTER = timedelta(minutes=5)
_SHORTEST = timedelta(seconds=1)
_TOLERATED_SKEW_SECONDS = 120

log = get("gmail")


@dataclass(slots=True)
class Gate:
    """Whether Gmail may be asked at all. One loud line when it shuts, one when it opens."""

    until: datetime | None = None
    reason: str | None = None
    kind: str = "client"

    def shut(self, error: ProjectError, now: datetime) -> None:
        """Stop asking for everyone until the error's own time, or for a few minutes."""
        if self.reason is None:
            log.error("gmail.project_paused", reason=str(error))
        until = max(error.until or now + _LOOK_AGAIN_AFTER, now + _SHORTEST)
        self.until = until if self.until is None else max(self.until, until)
        self.reason = str(error)
        self.kind = "quota" if isinstance(error, QuotaExhausted) else "client"

    def is_shut(self, now: datetime) -> bool:
        """Tell whether to wait; past its time the gate lets the next visits try."""
        return self.until is not None and now < self.until

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
