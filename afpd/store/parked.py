"""Ids that a visit sets aside: unseen by a search so far, failed to download, or poison for all that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, func, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import ImportStatus
from afpd.store.schema import integrations
from afpd.store.schema import parked_emails as table

POISON_ATTEMPTS = 5
"""Failed downloads, no rate limit among them, after which visits leave a message alone."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""A look that is due whatever Gmail's clock says."""

_KEYS = [table.c.integration_id, table.c.email_message_id]


class Reason(StrEnum):
    """Why an id is parked."""

    UNSEEN = "unseen"  # the history told of it, no search has shown it; most of these are nobody's bank
    FAILED = "failed"  # its download failed on its own; tried again at its time
    POISON = "poison"  # it failed so often that only audits and people try it again


@dataclass(frozen=True, slots=True)
class ParkedEmail:
    """A parked id. `next_at` is Gmail's time: when to try a failed one, when to forget an unseen one; poison has none.

    A failed one without `next_at` is tried at once.
    """

    email_message_id: str
    attempts: int
    error: str | None
    next_at: datetime | None
    reason: Reason = Reason.FAILED


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A parked id as commands show it."""

    email_message_id: str
    reason: str
    attempts: int
    error: str | None
    parked_at: datetime
    next_at: datetime | None


async def park(
    connection: AsyncConnection, integration_id: int, emails: Sequence[ParkedEmail], *, now: datetime
) -> None:
    """Keep ids for another try, so that one bad message never blocks a mailbox nor gets lost.

    An unseen id never takes the place of one that failed.
    """
    rows = [
        {
            "integration_id": integration_id,
            "email_message_id": email.email_message_id,
            "reason": email.reason.value,
            "attempts": email.attempts,
            "error": email.error,
            "parked_at": now,
            "next_at": email.next_at,
        }
        for email in emails
    ]
    unseen = [row for row in rows if row["reason"] == Reason.UNSEEN]
    failed = [row for row in rows if row["reason"] != Reason.UNSEEN]
    statement = insert(table)
    if unseen:
        await connection.execute(statement.on_conflict_do_nothing(index_elements=_KEYS), unseen)
    if failed:
        changed = {name: statement.excluded[name] for name in ("reason", "attempts", "error", "next_at")}
        await connection.execute(statement.on_conflict_do_update(index_elements=_KEYS, set_=changed), failed)


async def unpark(connection: AsyncConnection, integration_id: int, ids: Sequence[str]) -> None:
    """Forget parked ids: they were kept, are gone from the mailbox, or are nobody's bank."""
    if ids:
        here = table.c.integration_id == integration_id
        await connection.execute(delete(table).where(here, table.c.email_message_id.in_(ids)))


async def parked_ids(connection: AsyncConnection, integration_id: int) -> dict[str, ParkedEmail]:
    """Return the parked ids of an integration."""
    names = ("email_message_id", "attempts", "error", "next_at", "reason")
    query = select(*(table.c[name] for name in names)).where(table.c.integration_id == integration_id)
    return {
        row.email_message_id: ParkedEmail(
            row.email_message_id, row.attempts, row.error, row.next_at, Reason(row.reason)
        )
        for row in await connection.execute(query)
    }


async def list_parked(connection: AsyncConnection, integration_id: int) -> list[ParkedRow]:
    """Return the parked ids of an integration as commands show them, the oldest first."""
    query = (
        select(*(table.c[name] for name in ParkedRow.__slots__))
        .where(table.c.integration_id == integration_id)
        .order_by(table.c.parked_at, table.c.email_message_id)
    )
    return [ParkedRow(*row) for row in await connection.execute(query)]


async def retry(connection: AsyncConnection, integration_id: int) -> int:
    """Let the next visit try everything that failed, poison as well. Returns how many ids that are.

    A visit under way loses its lease: it knows nothing of the wish, and would overwrite it.
    """
    its = integrations.c.id == integration_id
    await connection.execute(update(integrations).where(its).values(look_again_at=LONG_AGO))
    is_running = integrations.c.import_status == ImportStatus.RUNNING
    free = {"import_status": ImportStatus.WAITING, "lease_owner": None, "lease_until": None}
    await connection.execute(update(integrations).where(its, is_running).values(**free))
    statement = (
        update(table)
        .where(table.c.integration_id == integration_id, table.c.reason != Reason.UNSEEN)
        .values(reason=Reason.FAILED, attempts=0, next_at=None)
    )
    return (await connection.execute(statement)).rowcount


async def count_poison(connection: AsyncConnection) -> int:
    """Return how many messages are parked for good."""
    query = select(func.count()).select_from(table).where(is_poison())
    return (await connection.scalar(query)) or 0


def is_poison() -> ColumnElement[bool]:
    """The condition of a message that is parked for good; written so that the partial index serves it."""
    return table.c.reason == literal_column("'poison'")
