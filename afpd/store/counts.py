"""What /status counts. Every count is served by an index and looks at one state of the database."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import BatchStatus, Counts, EmailCounts, ImportStatus, IntegrationCounts, Outcome
from afpd.schedule import Cadence
from afpd.store import clusters, drift
from afpd.store.parked import count_poison
from afpd.store.schema import email_import_jobs, integrations, transactions
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.senders import unlearnt
from afpd.store.silence import AT_THEIR_FREQUENCY, is_quiet, is_stale
from afpd.store.troubles import troubles

HISTORIES_REFUSED = 3
"""Histories refused in a row, from which on a mailbox counts as one without a history."""


async def count_all(
    connection: AsyncConnection,
    *,
    now: datetime,
    today_began: datetime,
    stale_after: int,
    tick: timedelta,
    cadence: Cadence = AT_THEIR_FREQUENCY,
) -> Counts:
    """Return all counts at `now`; today began at a UTC moment; for the others see `is_stale`."""
    stale = is_stale(now, stale_after, tick, cadence)
    row = await _integrations(connection, stale)
    return Counts(
        integrations=_by_state(row),
        emails=await _emails(connection, today_began),
        transactions_created_today=await _created_since(connection, today_began),
        last_batch=await _last_batch(connection),
        overdue=int(row.overdue or 0),
        verified_at=row.verified_at,
        pending_since=await _pending_since(connection),
        drift=await drift.noted(connection),
        troubles=await troubles(connection),
    )


async def _integrations(connection: AsyncConnection, stale: ColumnElement[bool]) -> Row[Any]:
    table = integrations
    sums = {
        "total": func.count(),
        "active": _sum(table.c.is_active),
        **{status.value: _sum(table.c.import_status == status) for status in ImportStatus},
        "stale": _sum(stale),
        "quiet": _sum(is_quiet()),
        "history_refused": _sum(and_(table.c.is_active, table.c.histories_refused >= HISTORIES_REFUSED)),
        "overdue": _sum(and_(stale, _is_no_persons())),
        "verified_at": func.max(case((table.c.is_active, table.c.last_verified_at)), type_=table.c.created_at.type),
    }
    return (await connection.execute(select(*(value.label(name) for name, value in sums.items())))).one()


def _by_state(row: Row[Any]) -> IntegrationCounts:
    names = (field.name for field in dataclasses.fields(IntegrationCounts))
    return IntegrationCounts(**{name: int(getattr(row, name) or 0) for name in names})


def _is_no_persons() -> ColumnElement[bool]:
    """The condition of an integration that no person has to act for: the daemon should verify it."""
    table = integrations
    by_time = and_(table.c.import_status == ImportStatus.SUSPENDED, table.c.suspend_until.is_not(None))
    return or_(table.c.import_status.in_((ImportStatus.WAITING, ImportStatus.RUNNING)), by_time)


async def _emails(connection: AsyncConnection, today_began: datetime) -> EmailCounts:
    waiting = (Outcome.PENDING, Outcome.UNMATCHED, Outcome.FAILED, Outcome.QUARANTINED)
    counts = [_count(jobs.c.parsing_status == outcome) for outcome in waiting]
    today = and_(jobs.c.parsing_status == Outcome.SUCCESS, jobs.c.processed_at >= today_began)
    missing = select(func.coalesce(func.sum(integrations.c.emails_missing), 0)).scalar_subquery()
    row = (await connection.execute(select(*counts, _count(today), missing, _count(unlearnt())))).one()
    pending, unmatched, failed, quarantined, parsed, lost, unknown = [int(value) for value in row]
    poison = await count_poison(connection)
    open_clusters, ignored = await clusters.count(connection)
    unmatched, failed = unmatched - ignored[Outcome.UNMATCHED], failed - ignored[Outcome.FAILED]
    return EmailCounts(pending, parsed, unmatched, failed, quarantined, lost, unknown, poison, open_clusters)


async def _pending_since(connection: AsyncConnection) -> datetime | None:
    waits = and_(jobs.c.parsing_status == Outcome.PENDING, jobs.c.integration_id.is_not(None))
    query = select(jobs.c.created_at).where(waits).order_by(jobs.c.id).limit(1)
    found: datetime | None = await connection.scalar(query)
    return found


async def _created_since(connection: AsyncConnection, moment: datetime) -> int:
    query = select(func.count()).where(transactions.c.created_at >= moment)
    return (await connection.scalar(query)) or 0


async def _last_batch(connection: AsyncConnection) -> dict[str, object] | None:
    table = email_import_jobs
    names = (
        "id",
        "status",
        "started_at",
        "completed_at",
        "batch_size",
        "total_emails_found",
        "total_emails_processed",
        "errors",
        "processing_duration_seconds",
        "error_message",
    )
    query = (
        select(*(table.c[name] for name in names))
        .where(table.c.status != BatchStatus.RUNNING, table.c.batch_size.is_not(None))
        .order_by(table.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else dict(zip(names, row, strict=True))


def _count(where: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(jobs).where(where).scalar_subquery()


def _sum(condition: Any) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
