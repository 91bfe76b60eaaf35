"""What readiness means: the database answers, and no loop's watermark is frozen."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from afpd.errors import StorageUnavailable
from afpd.model import LoopState, Pause
from afpd.status.readiness import Check, Readiness

FROZEN_AFTER_INTERVALS = 3
_LEAST_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Watched:
    """A loop as readiness sees it: its state, and the interval at which it should finish ticks."""

    state: LoopState
    every: timedelta


async def judge(
    loops: Mapping[str, Watched],
    *,
    now: datetime,
    started_at: datetime,
    ask_database: Callable[[], Awaitable[None]],
    pause: Pause | None,
) -> Readiness:
    """Return all checks at `now`; the daemon itself started at `started_at`."""
    checks = [await _database(ask_database), _gmail(pause)]
    checks += [_loop(name, watched, now, started_at) for name, watched in loops.items()]
    return Readiness(tuple(checks))


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
    patience = max(FROZEN_AFTER_INTERVALS * watched.every, _LEAST_PATIENCE)
    last = state.last_finished_at or started_at
    if now - last > patience and not state.running:
        return Check(name, ok=False, why=f"nothing finished since {last.isoformat(timespec='seconds')}")
    return Check(name, ok=True)
