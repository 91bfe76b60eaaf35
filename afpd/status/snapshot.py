"""The object that /status answers with, put together from what the daemon knows and what the database counts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import afpd
from afpd.clock import Clock
from afpd.errors import StorageUnavailable
from afpd.model import Counts, LoopState, Pause
from afpd.status.fresh import Answer, Fresh

GRACE = 0.5  # seconds: with 0.5 s of freshness, counts are at most a second old


class Snapshot:
    """Builds the object. What lives in memory is always of this moment; only the counts may be old.

    `counts` asks the database; `loops` gives each loop's state by name; `gmail` says why nobody is visited, None when
    all is well; `quota` tells units used and Google's limits; `tokens` says why access tokens cannot be had, or
    refusals of grants are doubted; `clock_skew` gives the seconds by which this machine is ahead of Google, None while
    unknown; `node` names this daemon. `started_at` and the uptime count from the making of this object.
    """

    def __init__(
        self,
        *,
        counts: Callable[[], Awaitable[Counts]],
        loops: Callable[[], Mapping[str, LoopState]],
        gmail: Callable[[], Pause | None],
        quota: Callable[[], Mapping[str, float | None]],
        tokens: Callable[[], str | None] = lambda: None,
        clock_skew: Callable[[], float | None],
        node: str,
        clock: Clock,
        patience: float = 1.0,
    ) -> None:
        self._counts = Fresh(counts, clock=clock, patience=patience, grace=GRACE)
        self._loops = loops
        self._gmail = gmail
        self._quota = quota
        self._tokens = tokens
        self._clock_skew = clock_skew
        self._node = node
        self._clock = clock
        self._started_at = clock.now()
        self._started = clock.monotonic()

    async def build(self) -> dict[str, Any]:
        """Return the object; times are aware datetimes in UTC.

        When the database does not answer in time, the counts are the last known ones, and `snapshot_age_seconds` and
        `snapshot_old_because` stand beside them. Raises `StorageUnavailable` when there are none yet, and whatever
        the counting raises.
        """
        answer = await self._counts.get()
        if answer is None:
            raise StorageUnavailable(self._late_because())
        return {**_counted(answer.value), **self._known(), **self._excuse(answer)}

    async def counted(self) -> Counts | None:
        """Return the counts, as `build` shows them; None while the database does not answer and none are known."""
        answer = await self._counts.get()
        return None if answer is None else answer.value

    async def close(self) -> None:
        """Give up a count that is still under way; before the database is closed."""
        await self._counts.close()

    def _known(self) -> dict[str, Any]:
        pause = self._gmail()
        return {
            "loops": {name: _loop(state) for name, state in self._loops().items()},
            "gmail": {
                "paused_kind": pause and pause.kind,
                "paused_reason": pause and pause.reason,
                "paused_until": pause and pause.until,
                "tokens_trouble": self._tokens(),
                **self._quota(),
            },
            "clock_skew_seconds": self._clock_skew(),
            "node": self._node,
            "version": afpd.__version__,
            "started_at": self._started_at,
            "uptime_seconds": round(self._clock.monotonic() - self._started, 3),
            "now": self._clock.now(),
        }

    def _excuse(self, answer: Answer[Counts]) -> dict[str, Any]:
        if not answer.late:
            return {}
        return {
            "snapshot_age_seconds": round(answer.age_seconds, 3),
            "snapshot_old_because": self._late_because(),
        }

    def _late_because(self) -> str:
        return f"the database did not answer within {self._counts.patience:g} s"


def _counted(counts: Counts) -> dict[str, Any]:
    return {
        "integrations": asdict(counts.integrations),
        "emails": asdict(counts.emails),
        "transactions": {"created_today": counts.transactions_created_today},
        "troubles": [dict(trouble) for trouble in counts.troubles],
        "drift": [{name: value for name, value in one.items() if name != "bank_id"} for one in counts.drift],
        "last_batch": None if counts.last_batch is None else dict(counts.last_batch),
    }


def _loop(state: LoopState) -> dict[str, datetime | float | str | bool | dict[str, object] | None]:
    return {
        "running": state.running,
        "last_started_at": state.last_started_at,
        "last_finished_at": state.last_finished_at,
        "next_at": state.next_at,
        "last_duration_seconds": None if state.last_duration_seconds is None else round(state.last_duration_seconds, 6),
        "failures_in_a_row": state.failures_in_a_row,
        "last_error": state.last_error,
        "last": None if state.last is None else dict(state.last),
    }
