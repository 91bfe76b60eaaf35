"""The banks' senders, numbered in the order in which bank files brought them, and those that no bank file knows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import Outcome
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.schema import integrations
from afpd.store.schema import senders as table


@dataclass(frozen=True, slots=True)
class Sender:
    """An address that brings transactions, and since when a bank file knows it."""

    id: int
    address: str
    known_since: datetime


@dataclass(frozen=True, slots=True)
class UnknownSender:
    """An address of a bank's domain that no bank file knows, with its kept mails."""

    address: str
    emails: int
    integrations: int
    first_email_at: datetime
    last_email_at: datetime


async def number(connection: AsyncConnection, addresses: Iterable[str], *, now: datetime) -> dict[str, int]:
    """Number the senders of the bank files: a new one gets a number above all others. Returns the number of each.

    A sender that a bank file no longer has loses its number; should it come back, it is a new one.
    """
    wanted = {address.lower() for address in addresses}
    known = {sender.address: sender.id for sender in await list_senders(connection)}
    gone = [key for address, key in known.items() if address not in wanted]
    newest = await _newest(connection)
    if gone:
        await connection.execute(delete(table).where(table.c.id.in_(gone)))
    new = {address: newest + place for place, address in enumerate(sorted(wanted - known.keys()), start=1)}
    if new:
        rows = [{"id": key, "address": address, "known_since": now} for address, key in new.items()]
        await connection.execute(insert(table), rows)
    return {address: key for address, key in (known | new).items() if address in wanted}


async def _newest(connection: AsyncConnection) -> int:
    """Return the highest number ever given, as far as any mailbox remembers it."""
    here = await connection.scalar(select(func.max(table.c.id)))
    searched = await connection.scalar(select(func.max(integrations.c.searched_senders_id)))
    return max(here or 0, searched or 0)


async def list_senders(connection: AsyncConnection) -> list[Sender]:
    """Return the numbered senders by address."""
    query = select(table.c.id, table.c.address, table.c.known_since).order_by(table.c.address)
    return [Sender(*row) for row in await connection.execute(query)]


async def list_unknown(connection: AsyncConnection, *, least: int = 1) -> list[UnknownSender]:
    """Return unknown senders of the banks' domains with so many mails at least, those with the most first."""
    emails = func.count()
    query = (
        select(
            jobs.c.email_from,
            emails,
            func.count(jobs.c.integration_id.distinct()),
            func.min(jobs.c.received_at),
            func.max(jobs.c.received_at),
        )
        .where(unlearnt())
        .group_by(jobs.c.email_from)
        .having(emails >= least)
        .order_by(emails.desc(), jobs.c.email_from)
    )
    return [UnknownSender(*row) for row in await connection.execute(query)]


def unlearnt() -> ColumnElement[bool]:
    """The condition of a kept mail whose sender no bank file knew, and that nothing has read since.

    Written so that the partial index serves it: said as the index says it, and without an index for the outcome, of
    which SQLite would read every mail.
    """
    in_the_index: ColumnElement[bool] = literal_column("email_parsing_jobs.sender_is_unknown")
    outcome = func.coalesce(jobs.c.parsing_status, Outcome.PENDING.value)
    waits = outcome.in_((Outcome.PENDING.value, Outcome.UNMATCHED.value))
    return and_(in_the_index, jobs.c.sender_is_unknown.is_(True), waits)
