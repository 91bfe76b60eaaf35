"""What readiness means: the database answers, and no loop's watermark is frozen.

A loop whose ticks end well may still do nothing; so readiness also asks for what the ticks are for: that integrations
get verified, and that mails get read.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from afpd.errors import StorageUnavailable
from afpd.model import Counts, LoopState, Pause
from afpd.status.readiness import Check, Readiness

FROZEN_AFTER_INTERVALS = 3
_LEAST_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Watched:
    """A loop as readiness sees it: its state, the interval at which it should finish ticks, whether it shows life."""

    state: LoopState
    every: timedelta
    is_alive: bool = True

    @property
    def patience(self) -> timedelta:
        """How long the loop may come to nothing."""
        return max(FROZEN_AFTER_INTERVALS * self.every, _LEAST_PATIENCE)


async def judge(
    loops: Mapping[str, Watched],
    *,
    now: datetime,
    started_at: datetime,
    ask_database: Callable[[], Awaitable[None]],
    pause: Pause | None,
    count: Callable[[], Awaitable[Counts | None]] | None = None,
) -> Readiness:
    """Return all checks at `now`; the daemon itself started at `started_at`. `count` tells what the loops came to."""
    checks = [await _database(ask_database), _gmail(pause)]
    checks += [_loop(name, watched, now, started_at) for name, watched in loops.items()]
    counts = None if count is None else await count()
    if counts is not None:
        checks += [_verification(counts, loops["import"], now, started_at), _reading(counts, loops["parsing"], now)]
    return Readiness(tuple(checks))


def _verification(counts: Counts, watched: Watched, now: datetime, started_at: datetime) -> Check:
    """Integrations get verified, as long as some should: not one since long, though some are overdue, is a freeze."""
    last = max(counts.verified_at or started_at, started_at)
    if counts.overdue and now - last > watched.patience:
        since = last.isoformat(timespec="seconds")
        return Check("verification", ok=False, why=f"nothing verified since {since}, {counts.overdue} are overdue")
    return Check("verification", ok=True)


def _reading(counts: Counts, watched: Watched, now: datetime) -> Check:
    """Mails get read: a tick that read none while the oldest waits for long is a freeze."""
    since, last = counts.pending_since, watched.state.last
    read = None if last is None else last.get("emails_parsed")
    if since is not None and now - since > watched.patience and read == 0 and not watched.state.running:
        return Check("reading", ok=False, why=f"nothing read, the oldest since {since.isoformat(timespec='seconds')}")
    return Check("reading", ok=True)


async def _database(ask: Callable[[], Awaitable[None]]) -> Check:
    try:
        await ask()
    except StorageUnavailable as error:
        return Check("database", ok=False, why=str(error))
    return Check("database", ok=True)


def _gmail(pause: Pause | None) -> Check:
    return Check("gmail", ok=pause is None, why="" if pause is None else pause.reason)


def _loop(name: str, watched: Watched, now: datetime, started_at: datetime) -> Check:
    """A loop is well while a tick that ended well lies no further back than some intervals."""
    state = watched.state
    if state.failures_in_a_row:
        return Check(name, ok=False, why=f"{state.failures_in_a_row} failures in a row: {state.last_error}")
    if not watched.is_alive:
        return Check(name, ok=False, why="no sign of life")
    last = state.last_finished_at or started_at
    if now - last > watched.patience and not state.running:
        return Check(name, ok=False, why=f"nothing finished since {last.isoformat(timespec='seconds')}")
    return Check(name, ok=True)
