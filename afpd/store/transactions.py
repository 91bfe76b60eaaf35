"""Transactions: recorded once, whatever is retried, together with the end of their job and the bank's statistics."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import Outcome, Reading, Status
from afpd.store import clusters
from afpd.store.bookings import Mail, Origin, book
from afpd.store.emails import PendingEmail
from afpd.store.linking import link
from afpd.store.schema import banks
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.schema import transactions as table
from afpd.store.template_days import Tally, add, day_of, standing

_EXPORTED = (
    "id",
    "user_id",
    "integration_id",
    "email_message_id",
    "template",
    "template_version",
    "revision",
    "kind",
    "direction",
    "status",
    "amount",
    "currency",
    "occurred_at",
    "dated_by",
    "merchant",
    "account",
    "reference",
    "authorization",
    "reverses_id",
    "same_as_id",
    "created_at",
    "looks_like_id",
    "counterpart_id",
    "bank",
)

_COUNTING = (Status.APPROVED, Status.REVERSED)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many transactions were new, and how many jobs ended with each outcome."""

    created: int
    outcomes: dict[Outcome, int]


async def record(
    connection: AsyncConnection,
    readings: Sequence[tuple[PendingEmail, Reading]],
    *,
    owner: str,
    node: str,
    now: datetime,
    read_with: Mapping[str | None, str],
    zone: tzinfo = UTC,
) -> Recorded:
    """End jobs with their readings: transactions, outcome and the bank's statistics in the caller's transaction.

    `read_with` gives the fingerprint of each bank's file by its code, under None that of all banks; match rates are
    counted by days of `zone`. A job whose lease is gone is left to whoever has it. Transactions are booked for the
    outcome success alone.
    """
    codes = await bank_ids(connection)
    held = await _held(connection, [email.id for email, _ in readings], owner)
    booked = await _booked_jobs(connection, list(held))
    created, outcomes, days = 0, dict.fromkeys(Outcome, 0), Tally()
    made, corrected = list[int](), list[int]()
    for email, reading in readings:
        if email.id not in held:
            continue
        bank_id = codes.get(reading.bank) if reading.bank else None
        new = 0
        if email.user_id is not None:
            mail = Mail(email.id, email.integration_id, email.email_message_id, email.user_id)
            origin = Origin(bank_id, node, now, "read again")
            done = await book(connection, mail, reading, origin, is_first=email.id not in booked)
            new = sum(change.id is None for _, change in done)
            made += [key for key, change in done if change.id is None]
            corrected += [key for key, change in done if change.id is not None]
        await _end_job(connection, email, reading, bank_id, node, now, read_with.get(reading.bank))
        if bank_id is not None:
            await _count(connection, bank_id, email, reading, new)
        place = await clusters.join(connection, email.id, bank_id, reading, email.received_at or now)
        days.count(standing(bank_id, reading, place), day_of(email.received_at or now, zone))
        created += new
        outcomes[reading.outcome] += 1
    await link(connection, made, corrected, now)
    await add(connection, days)
    return Recorded(created, outcomes)


async def bank_ids(connection: AsyncConnection) -> dict[str, int]:
    """Return the row id of each bank code."""
    query = select(banks.c.code, banks.c.id).where(banks.c.code.is_not(None))
    return {row.code: row.id for row in await connection.execute(query)}


async def export(
    connection: AsyncConnection,
    *,
    user_id: str | None = None,
    after_id: int = 0,
    since: datetime | None = None,
    limit: int | None = None,
    newest_first: bool = False,
) -> AsyncIterator[dict[str, Any]]:
    """Yield transactions as export records, by id, streamed; retracted ones stay out.

    `after_id` and `since` (created or changed at or after, UTC) let a reader continue where it stopped; `newest_first`
    turns the order around, so that `limit` takes the newest.
    """
    order = table.c.id.desc() if newest_first else table.c.id
    query = _export_query().where(table.c.id > after_id).order_by(order).limit(limit)
    if user_id is not None:
        query = query.where(table.c.user_id == user_id)
    if since is not None:
        query = query.where((table.c.created_at >= since) | (table.c.updated_at >= since))
    async with connection.stream(query) as rows:
        async for row in rows:
            yield _export_record(dict(zip(_EXPORTED, row, strict=True)))


def _export_query() -> Any:
    columns = [table.c[name] for name in _EXPORTED if name != "bank"]
    joined = table.outerjoin(banks, banks.c.id == table.c.bank_id)
    query = select(*columns, banks.c.code.label("bank")).select_from(joined)
    # Without a revision it is a row of the replaced system that is not adopted yet.
    return query.where(table.c.retracted_at.is_(None), table.c.revision.is_not(None))


def _export_record(row: dict[str, Any]) -> dict[str, Any]:
    amount = row["amount"]
    return row | {
        "amount": None if amount is None else format(amount, "f"),
        "created_at": None if row["created_at"] is None else row["created_at"].isoformat(),
        "counts": row["status"] in _COUNTING and row["same_as_id"] is None,
    }


async def _held(connection: AsyncConnection, ids: Sequence[int], owner: str) -> set[int]:
    query = select(jobs.c.id).where(
        jobs.c.id.in_(ids), jobs.c.lease_owner == owner, jobs.c.parsing_status == Outcome.PENDING
    )
    return set((await connection.scalars(query)).all())


async def _booked_jobs(connection: AsyncConnection, ids: Sequence[int]) -> set[int]:
    """Return those of the jobs that have transactions: a replay, or a kill between two commits of another version."""
    query = select(table.c.email_parsing_job_id).where(table.c.email_parsing_job_id.in_(ids))
    return {key for key in (await connection.scalars(query)).all() if key is not None}


async def _end_job(
    connection: AsyncConnection,
    email: PendingEmail,
    reading: Reading,
    bank_id: int | None,
    node: str,
    now: datetime,
    read_with: str | None,
) -> None:
    await connection.execute(
        update(jobs)
        .where(jobs.c.id == email.id)
        .values(
            parsing_status=reading.outcome,
            outcome_reason=reading.why,
            bank_id=bank_id,
            template=reading.template,
            template_version=reading.template_version,
            attempts=jobs.c.attempts + 1,
            node=node,
            lease_owner=None,
            lease_until=None,
            processed_at=now,
            read_with=read_with,
        )
    )


async def _count(
    connection: AsyncConnection, bank_id: int, email: PendingEmail, reading: Reading, created: int
) -> None:
    latest = case((banks.c.last_email_at > email.received_at, banks.c.last_email_at), else_=email.received_at)
    await connection.execute(
        update(banks)
        .where(banks.c.id == bank_id)
        .values(
            emails_seen=banks.c.emails_seen + 1,
            emails_success=banks.c.emails_success + int(reading.outcome is Outcome.SUCCESS),
            transactions_created=banks.c.transactions_created + created,
            last_email_at=latest,
        )
    )
