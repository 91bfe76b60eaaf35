"""What /status counts. Every count is served by an index and looks at one state of the database."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import BatchStatus, Counts, EmailCounts, ImportStatus, IntegrationCounts, Outcome
from afpd.store.schema import email_import_jobs, integrations, transactions
from afpd.store.schema import email_parsing_jobs as jobs

QUIET_FACTOR = 5
QUIET_LEAST_DAYS = 7
QUIET_LEAST_EMAILS = 10


async def count_all(
    connection: AsyncConnection, *, now: datetime, today_began: datetime, stale_after: int, tick: timedelta
) -> Counts:
    """Return all counts at `now`; today began at a UTC moment, and an integration is stale after so many intervals."""
    return Counts(
        integrations=await _integrations(connection, now, stale_after, tick),
        emails=await _emails(connection, today_began),
        transactions_created_today=await _created_since(connection, today_began),
        last_batch=await _last_batch(connection),
    )


def is_stale(now: datetime, stale_after: int, tick: timedelta) -> ColumnElement[bool]:
    """The condition of an active integration that was not verified for so many of its intervals.

    An interval is at least a tick long: nobody is visited more often. A new one is counted from its making or adoption.
    """
    table = integrations
    interval = func.max(
        func.coalesce(table.c.run_every_seconds, table.c.run_frequency_minutes * 60.0), tick.total_seconds()
    )
    since = func.coalesce(table.c.last_verified_at, table.c.adopted_at, table.c.created_at)
    age_seconds = (func.julianday(literal(_text(now))) - func.julianday(since)) * 86400.0
    return and_(table.c.is_active, age_seconds > interval * stale_after)


def is_quiet(now: datetime) -> ColumnElement[bool]:
    """The condition of an active integration whose banks wrote regularly and stopped.

    Learnt from its own past: silent for more than five times its mean gap, and for a week at least, after ten mails.
    """
    table = integrations
    days = (func.julianday(table.c.last_mail_at) - func.julianday(table.c.first_mail_at)) / (table.c.emails_total - 1)
    silent = func.julianday(literal(_text(now))) - func.julianday(table.c.last_mail_at)
    return and_(
        table.c.is_active,
        table.c.emails_total >= QUIET_LEAST_EMAILS,
        silent > QUIET_LEAST_DAYS,
        silent > days * QUIET_FACTOR,
    )


async def silent(
    connection: AsyncConnection, *, now: datetime, stale_after: int, tick: timedelta
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the ids of the stale and of the quiet integrations at `now`, as `count_all` counts them."""
    stale = await connection.scalars(select(integrations.c.id).where(is_stale(now, stale_after, tick)))
    quiet = await connection.scalars(select(integrations.c.id).where(is_quiet(now)))
    return frozenset(stale), frozenset(quiet)


async def _integrations(
    connection: AsyncConnection, now: datetime, stale_after: int, tick: timedelta
) -> IntegrationCounts:
    table = integrations
    sums = [func.count(), _sum(table.c.is_active)]
    sums += [_sum(table.c.import_status == status) for status in ImportStatus]
    sums += [_sum(is_stale(now, stale_after, tick)), _sum(is_quiet(now))]
    row = (await connection.execute(select(*sums))).one()
    total, active, *states, stale, quiet = [int(value or 0) for value in row]
    by_status = dict(zip((status.value for status in ImportStatus), states, strict=True))
    return IntegrationCounts(total=total, active=active, stale=stale, quiet=quiet, **by_status)


async def _emails(connection: AsyncConnection, today_began: datetime) -> EmailCounts:
    waiting = (Outcome.PENDING, Outcome.UNMATCHED, Outcome.FAILED, Outcome.QUARANTINED)
    counts = [_count(jobs.c.parsing_status == outcome) for outcome in waiting]
    today = and_(jobs.c.parsing_status == Outcome.SUCCESS, jobs.c.processed_at >= today_began)
    missing = select(func.coalesce(func.sum(integrations.c.emails_missing), 0)).scalar_subquery()
    row = (await connection.execute(select(*counts, _count(today), missing))).one()
    pending, unmatched, failed, quarantined, parsed, lost = [int(value) for value in row]
    return EmailCounts(pending, parsed, unmatched, failed, quarantined, lost)


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


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
