"""What was spent of Gmail's quota on each of Google's days, and until when Google refuses the project."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.store.schema import program_state, quota_days

_SINCE = "quota.counted_since"
_REFUSED = "quota.refused"
_DAYS_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Spent:
    """Units, and visits that spent them."""

    units: int = 0
    visits: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """Google refuses the whole project until a UTC moment, for a reason in words."""

    reason: str
    until: datetime


async def add(connection: AsyncConnection, spent: Mapping[date, Spent]) -> None:
    """Add what was spent to its days."""
    for day, more in spent.items():
        statement = insert(quota_days).values(day=day.isoformat(), units=more.units, visits=more.visits)
        both = {"units": quota_days.c.units + more.units, "visits": quota_days.c.visits + more.visits}
        await connection.execute(statement.on_conflict_do_update(index_elements=["day"], set_=both))


async def spent_on(connection: AsyncConnection, day: date) -> Spent:
    """Return what was spent on a day, nothing where nobody counted."""
    query = select(quota_days.c.units, quota_days.c.visits).where(quota_days.c.day == day.isoformat())
    row = (await connection.execute(query)).one_or_none()
    return Spent() if row is None else Spent(row.units, row.visits)


async def forget_old_days(connection: AsyncConnection, today: date) -> None:
    """Remove days that lie more than a year back."""
    await connection.execute(delete(quota_days).where(quota_days.c.day < (today - _DAYS_KEPT).isoformat()))


async def counted_since(connection: AsyncConnection, now: datetime) -> datetime:
    """Return since when this database counts units: from `now` on if nobody did before."""
    value = await connection.scalar(select(program_state.c.value).where(program_state.c.key == _SINCE))
    if value is not None:
        return datetime.fromisoformat(value)
    await _put(connection, _SINCE, now.isoformat())
    return now


async def keep_refused(connection: AsyncConnection, refused: Refused | None) -> None:
    """Remember, or forget, that Google refuses the project, for the next start."""
    if refused is None:
        await connection.execute(delete(program_state).where(program_state.c.key == _REFUSED))
        return
    value = orjson.dumps({"reason": refused.reason, "until": refused.until.isoformat()}).decode()
    await _put(connection, _REFUSED, value)


async def refused(connection: AsyncConnection) -> Refused | None:
    """Return what `keep_refused` remembered last, if anything."""
    value = await connection.scalar(select(program_state.c.value).where(program_state.c.key == _REFUSED))
    if value is None:
        return None
    kept = orjson.loads(value)
    return Refused(str(kept["reason"]), datetime.fromisoformat(kept["until"]))


async def _put(connection: AsyncConnection, key: str, value: str) -> None:
    statement = insert(program_state).values(key=key, value=value)
    await connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
