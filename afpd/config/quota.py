"""Gmail's quota as afpd reckons with it: one of Google's tables, and what the operator set otherwise."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class QuotaTable(StrEnum):
    """Which of Google's tables holds for a project, by when it was made."""

    SINCE_2026_05 = "2026-05"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Quota:
    """Units that each method costs, and the budgets in units; a budget of zero is none."""

    profile: int
    labels: int
    history: int
    messages_list: int
    messages_get: int
    attachments_get: int
    user_units_per_minute: int
    project_units_per_minute: int
    project_units_per_day: int

    @property
    def one_mail(self) -> int:
        """What a visit costs that finds one mail: bell, history, search and download."""
        return self.profile + self.history + self.messages_list + self.messages_get


def quota_of(table: QuotaTable, budgets: Mapping[str, int | None], units: Mapping[str, int | None]) -> Quota:
    """Return Google's table with what is given laid over it; None stands for "as the table says"."""
    numbers = tables()[table]
    given = {name: number for name, number in {**budgets, **units}.items() if number is not None}
    return Quota(**{**numbers, **given})


@cache
def tables() -> dict[QuotaTable, dict[str, int]]:
    """Return Google's tables, budgets and units side by side."""
    text = resources.files(__package__).joinpath("quota_tables.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    return {table: {**read[table]["units"], **_budgets(read[table])} for table in QuotaTable}


def _budgets(table: Mapping[str, object]) -> dict[str, int]:
    return {name: number for name, number in table.items() if isinstance(number, int)}
