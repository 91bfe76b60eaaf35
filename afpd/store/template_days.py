"""What each template read on each day, so that its rate can be held against its own past.

A day is that of the mail's receipt in the configured zone. The template '' stands for mails that none fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Protocol

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import Outcome
from afpd.store.schema import template_days as table

Key = tuple[int, str, str]
"""Bank, template, day."""

_READ = (Outcome.SUCCESS, Outcome.IGNORED)


class Ended(Protocol):
    """How reading a mail ended: a reading, or what a job remembers of one."""

    @property
    def outcome(self) -> Outcome:
        """The outcome."""

    @property
    def template(self) -> str | None:
        """The template that decided."""


@dataclass(frozen=True, slots=True)
class Place:
    """The cluster that a mail is in, and whether its mails count as unread."""

    id: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What a mail counts for: its bank, the template that decided or '', and whether that read it."""

    bank_id: int
    template: str
    matched: bool


class Tally(dict[Key, tuple[int, int]]):
    """Matched and failed mails by bank, template and day."""

    def count(self, one: Standing | None, day: str, times: int = 1) -> None:
        """Add what a mail counts for; with -1 times take it away."""
        if one is not None:
            key = (one.bank_id, one.template, day)
            matched, failed = self.get(key, (0, 0))
            self[key] = (matched + times, failed) if one.matched else (matched, failed + times)


def standing(bank_id: int | None, ended: Ended, place: Place | None) -> Standing | None:
    """Return what a mail counts for: how it ended, and its cluster; None for one that counts for nothing.

    Mails that are held back, or that somebody ignores, are no template's failure.
    """
    if bank_id is None:
        return None
    if ended.outcome in _READ:
        return None if ended.template is None else Standing(bank_id, ended.template, matched=True)
    return Standing(bank_id, ended.template or "", matched=False) if place is not None and place.is_open else None


def day_of(moment: datetime, zone: tzinfo) -> str:
    """Return the day of an aware moment in a zone, in ISO 8601."""
    return moment.astimezone(zone).date().isoformat()


async def add(connection: AsyncConnection, changes: Mapping[Key, tuple[int, int]]) -> None:
    """Add matched and failed mails to their days; less than nothing becomes nothing."""
    for (bank_id, template, day), (matched, failed) in changes.items():
        first = {"matched": max(0, matched), "failed": max(0, failed)}
        later = {"matched": func.max(0, table.c.matched + matched), "failed": func.max(0, table.c.failed + failed)}
        statement = insert(table).values(bank_id=bank_id, template=template, day=day, **first)
        keys = ["bank_id", "template", "day"]
        await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=later))


async def load(connection: AsyncConnection, since: date) -> list[tuple[int, str, str, int, int]]:
    """Return bank, template, day, matched and failed of all days from that one on."""
    columns = (table.c.bank_id, table.c.template, table.c.day, table.c.matched, table.c.failed)
    rows = await connection.execute(select(*columns).where(table.c.day >= since.isoformat()))
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


async def forget(connection: AsyncConnection, before: date) -> int:
    """Delete the days before that one; returns how many rows went."""
    return (await connection.execute(delete(table).where(table.c.day < before.isoformat()))).rowcount
