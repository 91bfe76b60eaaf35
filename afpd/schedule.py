"""What happens next to an integration, given how its visit ended. Pure: the time is an argument.

Every state has a way out: waiting and suspended by time, running by its lease, error by a person.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from afpd.errors import (
    AccessDenied,
    AccessRevoked,
    AfpdError,
    BudgetSpent,
    EndpointDown,
    ProjectError,
    RateLimited,
    Unavailable,
)
from afpd.model import ImportStatus

LONGEST_SUSPENSION = timedelta(hours=24)
_MOST_DOUBLINGS = 16
_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """The pauses of the configuration that scheduling obeys."""

    backoff_base: timedelta
    backoff_max: timedelta
    rate_pause: timedelta
    confirm_revoked_after: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an integration stood when it was claimed. `due_at` is the moment it was due, empty for a new one."""

    due_at: datetime | None
    every: timedelta
    failures_in_a_row: int = 0
    revoked_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """State to write on the integration's row. `error` is None when the visit ended well."""

    import_status: ImportStatus
    next_run_at: datetime | None
    failures_in_a_row: int = 0
    suspend_until: datetime | None = None
    suspend_reason: str | None = None
    revoked_since: datetime | None = None
    error: str | None = None


def after_visit(
    standing: Standing, ending: Exception | None, now: datetime, rules: Rules, not_before: datetime
) -> Next:
    """Return the state that follows a visit that ended at `now` (UTC) with `ending`, None for well.

    What waits is due after `not_before`, so that nobody is visited twice within one batch. The one place where errors
    become states; docs/operations.md has a row for each.
    """
    state = _state_after(standing, ending, now, rules)
    if state.import_status is not ImportStatus.WAITING or isinstance(ending, ProjectError):
        return state
    if ending is None:
        return replace(state, next_run_at=next_on_grid(standing.due_at, standing.every, max(now, not_before)))
    return replace(state, next_run_at=max(state.next_run_at or now, not_before + _A_MOMENT))


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often mailboxes are visited: idle ones once in `idlest` at least; `stretch` times more rarely under pressure.

    Without `is_adaptive` every mailbox is visited at its own frequency, whatever happens.
    """

    is_adaptive: bool
    idlest: timedelta
    stretch: float = 1.0

    def interval(self, every: timedelta, silence: timedelta) -> timedelta:
        """Return the time until the next visit of a mailbox of frequency `every` that got no new mail for `silence`.

        It is half of the silence, in whole turns of the frequency: a mail then waits no longer than half of the time
        that there was none before it. Silence below zero (a clock that was wrong) is none.
        """
        if not self.is_adaptive:
            return every
        turns = max(1, min(silence / 2, self.idlest) // every)
        return every * (turns * self.stretch)


def _state_after(standing: Standing, ending: Exception | None, now: datetime, rules: Rules) -> Next:
    failures = standing.failures_in_a_row + 1
    match ending:
        case None:
            return Next(ImportStatus.WAITING, None)
        case RateLimited():
            return _suspended(standing, ending, now, rules)
        case AccessRevoked():
            return _revoked(standing, ending, now, rules)
        case AccessDenied():
            return Next(ImportStatus.ERROR, None, failures, error=str(ending))
        case ProjectError() | BudgetSpent():
            unchanged = Next(ImportStatus.WAITING, standing.due_at or now, standing.failures_in_a_row)
            return replace(unchanged, revoked_since=standing.revoked_since)
        case EndpointDown():
            return replace(undecided(standing, ending.until or now), error=str(ending))
        case _:
            pause = backoff(rules.backoff_base, rules.backoff_max, failures)
            again = max(now + pause, _asked_for(ending, now))
            waiting = Next(ImportStatus.WAITING, again, failures, error=_in_words(ending))
            return replace(waiting, revoked_since=standing.revoked_since)


def undecided(standing: Standing, again_at: datetime) -> Next:
    """Return the state after a visit that says nothing about the integration: as before, due at `again_at` (UTC)."""
    unchanged = Next(ImportStatus.WAITING, again_at, standing.failures_in_a_row)
    return replace(unchanged, revoked_since=standing.revoked_since)


def _asked_for(ending: Exception, now: datetime) -> datetime:
    until = ending.until if isinstance(ending, Unavailable) else None
    return now if until is None else min(until, now + LONGEST_SUSPENSION)


def _in_words(ending: Exception) -> str:
    """Return what to show of it. A bug's own text may quote what it choked on, and that may come from a mail."""
    if isinstance(ending, AfpdError):
        return str(ending) or type(ending).__name__
    return f"a bug of afpd ended this visit ({type(ending).__name__}): the log has its traceback"


def next_on_grid(due_at: datetime | None, every: timedelta, now: datetime) -> datetime:
    """Return the first moment after `now` on the grid `due_at + n * every`: no drift, no pile-up.

    Without a due time the grid begins at `now`. One who was taken early (run-now) keeps its turn.
    """
    start = due_at or now
    return start + (math.floor((now - start) / every) + 1) * every


def backoff(base: timedelta, most: timedelta, failures: int) -> timedelta:
    """Return the pause after so many failures in a row: doubled each time, at most `most`."""
    doublings: int = 1 << min(max(failures - 1, 0), _MOST_DOUBLINGS)
    return min(most, base * doublings)


def _suspended(standing: Standing, ending: RateLimited, now: datetime, rules: Rules) -> Next:
    failures = standing.failures_in_a_row + 1
    pause = backoff(rules.rate_pause, LONGEST_SUSPENSION, failures)
    until = max(now + pause, ending.until or now)
    until = min(until, now + LONGEST_SUSPENSION)
    return Next(
        ImportStatus.SUSPENDED,
        until,
        failures,
        suspend_until=until,
        suspend_reason=str(ending),
        revoked_since=standing.revoked_since,
        error=str(ending),
    )


def _revoked(standing: Standing, ending: AccessRevoked, now: datetime, rules: Rules) -> Next:
    failures = standing.failures_in_a_row + 1
    since = standing.revoked_since if standing.revoked_since and standing.revoked_since <= now else now
    if now - since >= rules.confirm_revoked_after and standing.revoked_since is not None:
        return Next(ImportStatus.ERROR, None, failures, revoked_since=since, error=str(ending))
    again = since + rules.confirm_revoked_after
    return Next(ImportStatus.WAITING, again, failures, revoked_since=since, error=str(ending))
