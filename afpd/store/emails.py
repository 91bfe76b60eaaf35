"""Mails that were kept: parsing jobs, and the keys that outlive them. Ids that wait are in store.parked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, func, or_, select, union_all, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.keyring import Keyring
from afpd.model import Email, Outcome
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.schema import integrations
from afpd.store.schema import pruned_emails as pruned
from afpd.store.sealed import seal_body

_IDS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class SealedEmail:
    """A mail of one integration, its body compressed and sealed, ready to be inserted."""

    integration_id: int
    email_message_id: str
    received_at: datetime
    subject: str
    sender: str
    rfc_message_id: str | None
    body: bytes
    found_by: str = "visit"
    sender_is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class PendingEmail:
    """A parsing job taken for reading. Without a user its integration is gone; nobody knows some mails' time."""

    id: int
    integration_id: int
    user_id: str | None
    email_account: str | None
    email_message_id: str
    received_at: datetime | None
    attempts: int
    body: bytes | None


def seal_email(keyring: Keyring, integration_id: int, email: Email) -> SealedEmail:
    """Return the mail with its body compressed and sealed for that integration and Gmail id."""
    return SealedEmail(
        integration_id,
        email.email_message_id,
        email.received_at,
        email.subject,
        email.sender,
        email.rfc_message_id,
        seal_body(keyring, integration_id, email.email_message_id, email.raw),
        email.found_by,
        email.sender_is_unknown,
    )


async def known(connection: AsyncConnection, integration_id: int, keys: Iterable[str]) -> set[str]:
    """Return those of the keys (Gmail ids or Message-IDs) that a job of the integration has, or had until pruned."""
    wanted = list(dict.fromkeys(keys))
    found: set[str] = set()
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        some = wanted[start : start + _IDS_PER_QUERY]
        # A duplicate's mail is known by the row it doubles; said here, so that the unique index can answer.
        kept = select(jobs.c.email_message_id).where(
            _among(jobs, integration_id, some), jobs.c.duplicate_of_id.is_(None)
        )
        gone = select(pruned.c.email_message_id).where(_among(pruned, integration_id, some))
        query = union_all(kept, gone)
        found.update((await connection.scalars(query)).all())
    return found


def _among(table: Table, integration_id: int, keys: list[str]) -> ColumnElement[bool]:
    return and_(table.c.integration_id == integration_id, table.c.email_message_id.in_(keys))


async def remember(connection: AsyncConnection, integration_id: int, keys: Iterable[str]) -> None:
    """Note Gmail ids of mails that need no job of their own, since an adopted job has them under their Message-ID."""
    rows = [{"integration_id": integration_id, "email_message_id": key} for key in keys]
    if rows:
        await connection.execute(insert(pruned).on_conflict_do_nothing(), rows)


async def insert_emails(
    connection: AsyncConnection, emails: Sequence[SealedEmail], *, batch_id: int | None, now: datetime
) -> set[str]:
    """Insert pending jobs of one integration; a mail that is there already stays as it is.

    Returns the Gmail ids that were new. The caller's transaction holds the write lock, so nobody comes in between.
    """
    if not emails:
        return set()
    here = await known(connection, emails[0].integration_id, [email.email_message_id for email in emails])
    new = {email.email_message_id: email for email in emails if email.email_message_id not in here}
    if new:
        await connection.execute(insert(jobs), [_job_values(email, batch_id, now) for email in new.values()])
    return set(new)


async def count_pending(connection: AsyncConnection) -> int:
    """Return how many jobs wait to be read."""
    query = select(func.count()).select_from(jobs).where(jobs.c.parsing_status == Outcome.PENDING)
    return (await connection.scalar(query)) or 0


async def claim_pending(
    connection: AsyncConnection, *, owner: str, now: datetime, lease_until: datetime, limit: int
) -> list[int]:
    """Lease up to `limit` pending jobs, oldest first, and return their ids in order."""
    free = or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < now)
    chosen = (
        select(jobs.c.id)
        .where(jobs.c.parsing_status == Outcome.PENDING, free, jobs.c.integration_id.is_not(None))
        .order_by(jobs.c.id)
        .limit(limit)
    )
    statement = update(jobs).where(jobs.c.id.in_(chosen)).values(lease_owner=owner, lease_until=lease_until)
    return sorted((await connection.scalars(statement.returning(jobs.c.id))).all())


async def release_pending(connection: AsyncConnection, *, owner: str | None = None) -> None:
    """Give back leased jobs, those of `owner` alone or all of them (at the start of the only daemon)."""
    leased = jobs.c.lease_owner.is_not(None) if owner is None else jobs.c.lease_owner == owner
    await connection.execute(
        update(jobs).where(jobs.c.parsing_status == Outcome.PENDING, leased).values(lease_owner=None, lease_until=None)
    )


def _job_values(email: SealedEmail, batch_id: int | None, now: datetime) -> dict[str, Any]:
    return {
        "integration_id": email.integration_id,
        "email_import_job_id": batch_id,
        "email_message_id": email.email_message_id,
        "rfc_message_id": email.rfc_message_id,
        "email_subject": email.subject,
        "email_from": email.sender,
        "received_at": email.received_at,
        "body": email.body,
        "found_by": email.found_by,
        "sender_is_unknown": email.sender_is_unknown,
        "parsing_status": Outcome.PENDING,
        "created_at": now,
    }


async def load_pending(connection: AsyncConnection, ids: Sequence[int]) -> list[PendingEmail]:
    """Return leased jobs with what reading them needs, in the order of their ids."""
    query = (
        select(
            jobs.c.id,
            jobs.c.integration_id,
            integrations.c.user_id,
            integrations.c.email_account,
            jobs.c.email_message_id,
            func.coalesce(jobs.c.received_at, jobs.c.created_at, type_=jobs.c.received_at.type).label("received_at"),
            jobs.c.attempts,
            jobs.c.body,
        )
        .outerjoin(integrations, integrations.c.id == jobs.c.integration_id)
        .where(jobs.c.id.in_(ids))
        .order_by(jobs.c.id)
    )
    return [PendingEmail(*row) for row in await connection.execute(query)]
