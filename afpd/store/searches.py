"""How far a mailbox is read, as commands show it: what a search, an audit and a download still owe."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import BatchStatus
from afpd.store.schema import email_import_jobs as batches
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.schema import integrations as table

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Searches:
    """Moments of Gmail's time: see the columns of `schema.integrations`. `watermark_at` empty: never read."""

    watermark_at: datetime | None
    active_at: datetime | None
    reconciled_at: datetime | None
    look_again_at: datetime | None
    search_from: datetime | None
    search_until: datetime | None
    histories_refused: int
    usual_gap_days: float | None


@dataclass(frozen=True, slots=True)
class AuditedEmail:
    """A mail that an audit found: one that a visit should have seen, or one of a sender that nobody knows."""

    email_message_id: str
    sender_is_unknown: bool
    parsing_status: str
    received_at: datetime | None
    created_at: datetime | None


async def searches_of(connection: AsyncConnection, integration_id: int) -> Searches | None:
    """Return how far an integration is read, or None for an id that none has."""
    query = select(*(table.c[name] for name in Searches.__slots__)).where(table.c.id == integration_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Searches(*row)


async def audited_emails(connection: AsyncConnection, integration_id: int) -> list[AuditedEmail]:
    """Return the newest mails of an integration that audits found."""
    query = (
        select(*(jobs.c[name] for name in AuditedEmail.__slots__))
        .where(jobs.c.integration_id == integration_id, jobs.c.duplicate_of_id.is_(None), jobs.c.found_by == "audit")
        .order_by(jobs.c.received_at.desc(), jobs.c.id.desc())
        .limit(MOST_SHOWN)
    )
    return [AuditedEmail(*row) for row in await connection.execute(query)]


async def trouble_of_all(connection: AsyncConnection) -> str | None:
    """Return why nobody was visited in the newest batch that ended, or why it failed; None when all was well."""
    query = select(batches.c.error_message).where(batches.c.status != BatchStatus.RUNNING)
    found: str | None = await connection.scalar(query.order_by(batches.c.id.desc()).limit(1))
    return found
