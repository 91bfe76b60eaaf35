"""Claiming integrations by lease, and giving them back. One statement claims; a lease that is gone keeps nothing."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, not_, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import ImportStatus
from afpd.schedule import Standing
from afpd.store.schema import integrations as table

_MOST_MINUTES = 100 * 365 * 24 * 60


@dataclass(frozen=True, slots=True)
class Claimed:
    """An integration taken for a visit: what the visit and the schedule need to know of its row."""

    id: int
    user_id: str
    email_account: str
    standing: Standing
    cursor: str | None
    watermark_at: datetime | None
    search_from: datetime | None
    search_until: datetime | None
    searched_senders_id: int
    histories_refused: int
    reconciled_at: datetime | None
    look_again_at: datetime | None
    active_at: datetime | None
    created_at: datetime | None
    adopted_at: datetime | None
    sealed_refresh_token: bytes | None
    sealed_access_token: bytes | None
    access_token_expires_at: datetime | None
    credential: str
    granted_at: datetime | None
    last_verified_at: datetime | None
    noticed_at: datetime | None

    @property
    def is_adopted(self) -> bool:
        """Whether the replaced system made it: its jobs may be keyed by Message-ID."""
        return self.adopted_at is not None and self.adopted_at != self.created_at

    lease_until: datetime


_COLUMNS = (
    table.c.id,
    table.c.user_id,
    table.c.email_account,
    table.c.next_run_at,
    table.c.run_every_seconds,
    table.c.run_frequency_minutes,
    table.c.failures_in_a_row,
    table.c.revoked_since,
    table.c.cursor,
    table.c.watermark_at,
    table.c.search_from,
    table.c.search_until,
    table.c.searched_senders_id,
    table.c.histories_refused,
    table.c.reconciled_at,
    table.c.look_again_at,
    table.c.active_at,
    table.c.created_at,
    table.c.adopted_at,
    table.c.sealed_refresh_token,
    table.c.sealed_access_token,
    table.c.access_token_expires_at,
    table.c.credential,
    table.c.granted_at,
    table.c.last_verified_at,
    table.c.noticed_at,
    table.c.lease_until,
)


async def claim(
    connection: AsyncConnection,
    *,
    now: datetime,
    due_by: datetime,
    over_by: datetime,
    limit: int,
    owner: str,
    lease: timedelta,
    only: Iterable[int] | None = None,
    owing: bool | None = None,
) -> list[Claimed]:
    """Take up to `limit` integrations that are due, longest waiting first, and lease them to `owner`.

    Due is what waits with its time come by `due_by` (or none), what is suspended and its time is over by `over_by`,
    what somebody asked to run now, and what a lease that ran out before `now` left running. Each branch is served by
    an index of its own, so that the cost follows what is due and not what exists. `owing` chooses those that still owe
    a search of their past, or those that owe none; None takes both.

    Who is taken because somebody asked (run-now, or a time that was emptied: add, connect, resume) counts as active.
    """
    chosen = _due(now, due_by, over_by, limit, _among(only, owing))
    asked_for = or_(table.c.run_now_at.is_not(None), table.c.next_run_at.is_(None), table.c.active_at.is_(None))
    statement = (
        update(table)
        .where(table.c.id.in_(select(chosen.c.id)))
        .values(
            import_status=ImportStatus.RUNNING,
            lease_owner=owner,
            lease_until=now + lease,
            last_run_at=now,
            run_now_at=None,
            suspend_until=None,
            suspend_reason=None,
            active_at=case((asked_for, now), else_=table.c.active_at),
        )
        .returning(*_COLUMNS)
    )
    rows = (await connection.execute(statement)).all()
    return [_claimed(row, over_by) for row in sorted(rows, key=lambda row: (row.next_run_at or now, row.id))]


async def release(connection: AsyncConnection, *, owner: str | None = None) -> int:
    """Give back what is running, that of `owner` alone or everything; due at once. Returns how many there were.

    Without an owner this is for the start of the only daemon on a database: whoever held a lease is dead.
    """
    statement = update(table).where(table.c.import_status == ImportStatus.RUNNING)
    if owner is not None:
        statement = statement.where(table.c.lease_owner == owner)
    result = await connection.execute(
        statement.values(import_status=ImportStatus.WAITING, lease_owner=None, lease_until=None)
    )
    return result.rowcount


async def rebase(connection: AsyncConnection, *, now: datetime, slack: timedelta) -> int:
    """Make due again what was scheduled by a clock that ran ahead of `now`. Returns how many rows that moved.

    Rows with a trace of a visit in the future were written while the clock was wrong. An operator's own suspension
    keeps its time.
    """
    traces = (table.c.last_run_at, table.c.last_verified_at, table.c.last_error_at)
    ahead = or_(*(trace > now + slack for trace in traces))
    timed = and_(table.c.import_status == ImportStatus.SUSPENDED, table.c.suspend_until == table.c.next_run_at)
    statement = (
        update(table)
        .where(ahead, or_(table.c.import_status == ImportStatus.WAITING, timed))
        .values(
            import_status=ImportStatus.WAITING,
            next_run_at=now,
            suspend_until=None,
            suspend_reason=None,
            **{trace.name: case((trace > now, now), else_=trace) for trace in traces},
        )
    )
    return (await connection.execute(statement)).rowcount


def run_every(frequency_minutes: int, seconds: float | None) -> timedelta:
    """Return how often to visit: the exact seconds, unless somebody since changed the minutes on the row.

    Whatever stands on the row, it is at least a second and at most a hundred years.
    """
    if seconds is not None and math.ceil(seconds / 60) == frequency_minutes:
        return timedelta(seconds=max(1.0, seconds))
    return timedelta(minutes=min(max(1, frequency_minutes), _MOST_MINUTES))


def _among(only: Iterable[int] | None, owing: bool | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [table.c.is_active]
    if only is not None:
        conditions.append(table.c.id.in_(tuple(only)))
    if owing is not None:
        owes = or_(table.c.cursor.is_(None), table.c.search_from.is_not(None))
        conditions.append(owes if owing else not_(owes))
    return conditions


def _due(now: datetime, due_by: datetime, over_by: datetime, limit: int, among: list[ColumnElement[bool]]) -> Any:
    waiting = table.c.import_status == ImportStatus.WAITING
    branches = (
        (and_(waiting, table.c.next_run_at.is_(None)), table.c.id),
        (and_(waiting, table.c.next_run_at <= due_by), table.c.next_run_at),
        (
            and_(table.c.import_status == ImportStatus.SUSPENDED, table.c.suspend_until <= over_by),
            table.c.suspend_until,
        ),
        (and_(table.c.import_status == ImportStatus.RUNNING, table.c.lease_until < now), table.c.lease_until),
        (and_(waiting, table.c.run_now_at <= now), table.c.run_now_at),
    )
    return union_all(*(_branch(where, order, limit, among) for where, order in branches)).limit(limit).subquery()


def _branch(where: ColumnElement[bool], order: Any, limit: int, among: list[ColumnElement[bool]]) -> Any:
    query = select(table.c.id).where(where, *among).order_by(order).limit(limit)
    if order is table.c.run_now_at:  # without statistics SQLite would read every waiting row for it
        query = query.with_hint(table, "INDEXED BY ix_integrations_run_now", "sqlite")
    return select(query.subquery().c.id)


def _claimed(row: Row[Any], tick: datetime) -> Claimed:
    standing = Standing(
        due_at=row.next_run_at or tick,
        every=run_every(row.run_frequency_minutes, row.run_every_seconds),
        failures_in_a_row=row.failures_in_a_row,
        revoked_since=row.revoked_since,
    )
    kept = {name: getattr(row, name) for name in Claimed.__slots__ if name != "standing"}
    return Claimed(standing=standing, **kept)
