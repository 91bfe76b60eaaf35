"""Batches: one row of email_import_jobs for each import tick."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import BatchStatus
from afpd.store.schema import email_import_jobs as table
from afpd.store.schema import email_parsing_jobs


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as commands and /status show it. Rows of the replaced system have no node."""

    id: int
    status: str
    node: str | None
    started_at: datetime | None
    completed_at: datetime | None
    batch_size: int | None
    total_emails_found: int | None
    total_emails_processed: int | None
    errors: int
    processing_duration_seconds: float | None
    user_results: dict[str, Any] | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class Closing:
    """What a batch came to. `user_results` has the shape that contract and docs/operations.md give."""

    status: BatchStatus
    batch_size: int
    total_emails_found: int
    total_emails_processed: int
    errors: int
    duration_seconds: float
    user_results: dict[str, Any]
    error_message: str | None = None


_COLUMNS = [table.c[name] for name in Batch.__slots__]


async def open_batch(connection: AsyncConnection, *, node: str, now: datetime) -> int:
    """Insert a running batch and return its id."""
    values = {"status": BatchStatus.RUNNING, "node": node, "started_at": now, "batch_size": 0}
    statement = insert(table).values(**values, total_emails_found=0, total_emails_processed=0)
    batch_id: int = (await connection.execute(statement.returning(table.c.id))).scalar_one()
    return batch_id


async def close_batch(connection: AsyncConnection, batch_id: int, closing: Closing, *, now: datetime) -> None:
    """Write what a batch came to."""
    await connection.execute(
        update(table)
        .where(table.c.id == batch_id)
        .values(
            status=closing.status,
            completed_at=now,
            batch_size=closing.batch_size,
            total_emails_found=closing.total_emails_found,
            total_emails_processed=closing.total_emails_processed,
            errors=closing.errors,
            processing_duration_seconds=round(closing.duration_seconds, 3),
            user_results=closing.user_results,
            error_message=closing.error_message,
        )
    )


async def close_interrupted(connection: AsyncConnection, *, node: str | None = None, now: datetime) -> int:
    """Close the batches that a dead process left running, those of `node` alone or all; their mails are counted.

    Without a node this is for the start of the only daemon on a database: a host's name may change between two starts.
    """
    others = table.c.node.is_not(None) if node is None else table.c.node == node
    kept = (
        select(func.count())
        .select_from(email_parsing_jobs)
        .where(email_parsing_jobs.c.email_import_job_id == table.c.id)
        .scalar_subquery()
    )
    result = await connection.execute(
        update(table)
        .where(table.c.status == BatchStatus.RUNNING, others)
        .values(
            status=BatchStatus.INTERRUPTED,
            completed_at=now,
            total_emails_found=kept,
            total_emails_processed=kept,
            error_message="this batch was cut off; its visits are taken up again",
        )
    )
    return result.rowcount


async def list_batches(connection: AsyncConnection, *, limit: int) -> list[Batch]:
    """Return the newest batches first."""
    rows = await connection.execute(select(*_COLUMNS).order_by(table.c.id.desc()).limit(limit))
    return [_batch(row) for row in rows]


async def find_batch(connection: AsyncConnection, batch_id: int) -> Batch | None:
    """Return one batch, or None."""
    row = (await connection.execute(select(*_COLUMNS).where(table.c.id == batch_id))).one_or_none()
    return None if row is None else _batch(row)


def _batch(row: Row[Any]) -> Batch:
    return Batch(*tuple(row))
