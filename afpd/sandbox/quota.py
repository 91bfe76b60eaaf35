"""Gmail's quota: what a call costs, and who has spent too much.

The tables are data (quota_tables.toml): "now" for projects since 2026-05-01, "before" for older ones. Units are always
counted; a `Meter` refuses only with `enforced=True`. Minutes are those of the clock, days those of Pacific time.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from afpd.sandbox.answers import Refusal
from afpd.sandbox.search_terms import PACIFIC


@dataclass(frozen=True, slots=True)
class Table:
    """Units per method, and limits in units; zero means no limit."""

    units: Mapping[str, int]
    per_user_minute: int
    per_project_minute: int
    per_project_day: int


def tables() -> dict[str, Table]:
    """Return Google's tables by name."""
    text = resources.files(__package__).joinpath("quota_tables.toml").read_text(encoding="utf-8")
    return {name: Table(**table) for name, table in tomllib.loads(text).items()}


class Meter:
    """Counts units: `total`, `by_method`, `by_user`, and those of this minute and this day."""

    def __init__(self, table: Table, *, enforced: bool = False) -> None:
        self.table = table
        self.enforced = enforced
        self.total = 0
        self.by_method: Counter[str] = Counter()
        self.by_user: Counter[str] = Counter()
        self._minute = -1
        self._minute_by_user: Counter[str] = Counter()
        self._minute_total = 0
        self._day = ""
        self._day_total = 0

    def charge(self, user: str, method: str, now: datetime) -> None:
        """Count one call of `method` by `user`. Raises `Refusal` when a limit is enforced and passed."""
        units = self.table.units.get(method, 0)
        self._turn(now)
        self.total += units
        self.by_method[method] += units
        self.by_user[user] += units
        self._minute_by_user[user] += units
        self._minute_total += units
        self._day_total += units
        if self.enforced:
            self._check(user)

    def _turn(self, now: datetime) -> None:
        minute = int(now.timestamp() // 60)
        if minute == self._minute:
            return
        self._minute, self._minute_total = minute, 0
        self._minute_by_user.clear()
        day = now.astimezone(PACIFIC).date().isoformat()
        if day != self._day:
            self._day, self._day_total = day, 0

    def _check(self, user: str) -> None:
        if 0 < self.table.per_project_day < self._day_total:
            raise daily_limit()
        if 0 < self.table.per_project_minute < self._minute_total:
            raise rate_limit("Queries per minute")
        if 0 < self.table.per_user_minute < self._minute_by_user[user]:
            raise rate_limit("Queries per minute per user")


def rate_limit(limit: str) -> Refusal:
    """Return the 403 of a minute's quota: only the text tells whether user or project, the reason is the same."""
    return Refusal(
        403,
        "rateLimitExceeded",
        f"Quota exceeded for quota metric 'Queries' and limit '{limit}' of service 'gmail.googleapis.com' "
        "for consumer 'project_number:100000000001'.",
        "usageLimits",
    )


def daily_limit() -> Refusal:
    """Return the 403 of a project whose day is used up."""
    return Refusal(403, "dailyLimitExceeded", "Daily Limit Exceeded", "usageLimits")
