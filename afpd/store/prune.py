"""Cleanup, in transactions so small that the import never waits for them. Transactions are never deleted."""

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import BatchStatus, Outcome
from afpd.store.clusters import leave
from afpd.store.schema import email_import_jobs, integrations, pruned_emails
from afpd.store.schema import email_parsing_jobs as jobs

_READ = (Outcome.SUCCESS, Outcome.IGNORED)
_UNREAD = (Outcome.UNMATCHED, Outcome.FAILED, Outcome.QUARANTINED, Outcome.PENDING)


async def last_adoption(connection: AsyncConnection) -> datetime | None:
    """Return when an integration of the replaced system was last taken over (UTC); None where none ever was."""
    table = integrations
    query = select(func.max(table.c.adopted_at)).where(table.c.adopted_at.is_distinct_from(table.c.created_at))
    moment: datetime | None = await connection.scalar(query)
    return moment


async def prune_batches(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` closed batches that were completed before a UTC moment. Returns how many."""
    table = email_import_jobs
    chosen = (
        select(table.c.id)
        .where(table.c.status.in_([status for status in BatchStatus if status is not BatchStatus.RUNNING]))
        .where(table.c.completed_at < before, table.c.batch_size.is_not(None))
        .limit(limit)
    )
    return (await connection.execute(delete(table).where(table.c.id.in_(chosen)))).rowcount


async def prune_emails(connection: AsyncConnection, *, before: datetime, limit: int, unread: bool = False) -> int:
    """Delete up to `limit` jobs that ended before a UTC moment, keeping their keys so that no resync books them again.

    Those that ended as success or ignored; with `unread` the others, by the time they were made.
    """
    age = jobs.c.created_at if unread else jobs.c.processed_at
    query = (
        select(jobs.c.id, jobs.c.integration_id, jobs.c.email_message_id)
        .where(jobs.c.parsing_status.in_(_UNREAD if unread else _READ), age < before)
        .where(jobs.c.received_at.is_not(None))  # rows of the replaced system that are not adopted are not ours
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    keys = [
        {"integration_id": row.integration_id, "email_message_id": row.email_message_id}
        for row in rows
        if row.integration_id is not None
    ]
    if keys:
        await connection.execute(insert(pruned_emails).on_conflict_do_nothing(), keys)
    if unread:
        await leave(connection, [row.id for row in rows])
    await connection.execute(delete(jobs).where(jobs.c.id.in_([row.id for row in rows])))
    return len(rows)


async def drop_bodies(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Empty the bodies of up to `limit` mails that were read before a UTC moment. Returns how many."""
    chosen = (
        select(jobs.c.id)
        .where(jobs.c.parsing_status.in_(_READ), jobs.c.processed_at < before, jobs.c.body.is_not(None))
        .limit(limit)
    )
    return (await connection.execute(update(jobs).where(jobs.c.id.in_(chosen)).values(body=None))).rowcount
