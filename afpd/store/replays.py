"""Kept mails that are to be read again, and writing what that changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import Outcome, Reading
from afpd.store import clusters
from afpd.store.bookings import Change, Mail, Origin, book, compare
from afpd.store.emails import PendingEmail
from afpd.store.linking import link
from afpd.store.schema import banks, integrations, program_state
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.template_days import Tally, add, day_of, standing
from afpd.store.transactions import bank_ids

_DONE_WITH = "replayed_with"
_REACHED = "replay_reached"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mails to read again.

    `outcomes` are those that they had; `bank` is the code of a bank, whose mails and those of nobody known are taken;
    `since` is a moment (UTC) of receipt. `not_read_with` leaves out what was read with these fingerprints already.
    """

    outcomes: Sequence[Outcome]
    bank: str | None = None
    since: datetime | None = None
    not_read_with: Mapping[str | None, str] | None = None


@dataclass(frozen=True, slots=True)
class KeptEmail:
    """A mail that was read before, and how that ended. `ended_at` tells whether somebody read it in between."""

    email: PendingEmail
    outcome: Outcome
    bank: str | None
    template: str | None
    ended_at: datetime | None


async def count(connection: AsyncConnection, wanted: Wanted) -> int:
    """Return how many mails are to be read."""
    query = select(func.count()).select_from(jobs.outerjoin(banks, banks.c.id == jobs.c.bank_id))
    return (await connection.scalar(query.where(_where(wanted)))) or 0


async def load(connection: AsyncConnection, wanted: Wanted, *, after_id: int, limit: int) -> list[KeptEmail]:
    """Return the next mails beyond an id, by id."""
    pending = [
        jobs.c.id,
        jobs.c.integration_id,
        integrations.c.user_id,
        integrations.c.email_account,
        jobs.c.email_message_id,
        func.coalesce(jobs.c.received_at, jobs.c.created_at, type_=jobs.c.received_at.type),
        jobs.c.attempts,
        jobs.c.body,
    ]
    query = (
        select(*pending, jobs.c.parsing_status, banks.c.code, jobs.c.template, jobs.c.processed_at)
        .join(integrations, integrations.c.id == jobs.c.integration_id)
        .outerjoin(banks, banks.c.id == jobs.c.bank_id)
        .where(_where(wanted), jobs.c.id > after_id)
        .order_by(jobs.c.id)
        .limit(limit)
    )
    rows = await connection.execute(query)
    return [
        KeptEmail(PendingEmail(*row[: len(pending)]), Outcome(row.parsing_status), row.code, row.template, row[-1])
        for row in rows
    ]


async def differences(connection: AsyncConnection, kept: KeptEmail, reading: Reading) -> list[Change]:
    """Return what a reading would change in the transactions of a mail; writes nothing."""
    return [change for change in await compare(connection, _mail(kept), reading) if change.kind != "same"]


async def apply(
    connection: AsyncConnection,
    pairs: Sequence[tuple[KeptEmail, Reading]],
    *,
    node: str,
    now: datetime,
    read_with: Mapping[str | None, str],
    zone: tzinfo = UTC,
) -> list[list[Change] | None]:
    """Make the transactions and jobs of mails what their readings tell, in the caller's transaction.

    Match rates are counted by days of `zone`. Returns what changed for each; None where somebody else read the mail in
    between, which then stays as it is.
    """
    codes = await bank_ids(connection)
    found: list[list[Change] | None] = []
    made, corrected = list[int](), list[int]()
    for kept, reading in pairs:
        if not await _is_unchanged(connection, kept):
            found.append(None)
            continue
        bank_id = codes.get(reading.bank or "")
        done = await book(connection, _mail(kept), reading, Origin(bank_id, node, now, "replay"))
        made += [key for key, change in done if change.id is None]
        corrected += [key for key, change in done if change.id is not None]
        await _end_again(connection, kept, reading, bank_id, now, read_with.get(reading.bank))
        await _count(connection, kept, reading, sum(change.id is None for _, change in done))
        await _settle(connection, kept, reading, codes, kept.email.received_at or now, zone)
        found.append([change for _, change in done])
    await link(connection, made, corrected, now)
    return found


async def _is_unchanged(connection: AsyncConnection, kept: KeptEmail) -> bool:
    unchanged = and_(
        jobs.c.id == kept.email.id,
        jobs.c.parsing_status == kept.outcome,
        jobs.c.processed_at.is_not_distinct_from(kept.ended_at),
    )
    return await connection.scalar(select(jobs.c.id).where(unchanged)) is not None


async def is_done_with(connection: AsyncConnection, fingerprint: str) -> bool:
    """Tell whether everything was read again with the bank files of this fingerprint."""
    query = select(program_state.c.value).where(program_state.c.key == _DONE_WITH)
    return await connection.scalar(query) == fingerprint


async def note_done_with(connection: AsyncConnection, fingerprint: str) -> None:
    """Note that everything was read again with the bank files of this fingerprint."""
    await _note(connection, _DONE_WITH, fingerprint)


async def reached(connection: AsyncConnection, fingerprint: str) -> int:
    """Return the id of the last mail that was read again with the bank files of this fingerprint, 0 before the first.

    Mails that cannot be opened stay wanted; going on from here, they do not hold up those behind them.
    """
    value = await connection.scalar(select(program_state.c.value).where(program_state.c.key == _REACHED))
    read_with, _, last = (value or "").rpartition(" ")
    return int(last) if read_with == fingerprint else 0


async def note_reached(connection: AsyncConnection, fingerprint: str, last: int) -> None:
    """Note the id of the last mail that was read again with the bank files of this fingerprint."""
    await _note(connection, _REACHED, f"{fingerprint} {last}")


async def _note(connection: AsyncConnection, key: str, value: str) -> None:
    statement = insert(program_state).values(key=key, value=value)
    await connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def _where(wanted: Wanted) -> ColumnElement[bool]:
    """The condition of the mails. What the replaced system read was never read by us: it has no node, and stays."""
    conditions: list[ColumnElement[bool]] = [
        jobs.c.parsing_status.in_([outcome.value for outcome in wanted.outcomes]),
        jobs.c.body.is_not(None),
        jobs.c.node.is_not(None),
        jobs.c.integration_id.is_not(None),
        jobs.c.duplicate_of_id.is_(None),
    ]
    if wanted.bank is not None:
        conditions.append(or_(banks.c.code == wanted.bank, jobs.c.bank_id.is_(None)))
    if wanted.since is not None:
        conditions.append(jobs.c.received_at >= wanted.since)
    if wanted.not_read_with is not None:
        conditions.append(_read_otherwise(wanted.not_read_with))
    return and_(*conditions)


def _read_otherwise(fingerprints: Mapping[str | None, str]) -> ColumnElement[bool]:
    """The condition of a mail that was read with other bank files: its bank's, or any when it has none."""
    return or_(jobs.c.read_with.is_(None), jobs.c.read_with.not_in(sorted(set(fingerprints.values()))))


def _mail(kept: KeptEmail) -> Mail:
    email = kept.email
    return Mail(email.id, email.integration_id, email.email_message_id, email.user_id or "")


async def _end_again(
    connection: AsyncConnection,
    kept: KeptEmail,
    reading: Reading,
    bank_id: int | None,
    now: datetime,
    read_with: str | None,
) -> None:
    ended_at = now if reading.outcome is not kept.outcome else kept.ended_at
    await connection.execute(
        update(jobs)
        .where(jobs.c.id == kept.email.id)
        .values(
            parsing_status=reading.outcome,
            outcome_reason=reading.why,
            bank_id=bank_id,
            template=reading.template,
            template_version=reading.template_version,
            processed_at=ended_at,
            read_with=read_with,
        )
    )


async def _count(connection: AsyncConnection, kept: KeptEmail, reading: Reading, created: int) -> None:
    """Correct the banks' statistics: a mail is counted as seen once, by the bank that it is of now."""
    moved = reading.bank != kept.bank
    was, now = kept.outcome is Outcome.SUCCESS, reading.outcome is Outcome.SUCCESS
    if kept.bank is not None and (moved or was != now or created):
        await _add(connection, kept.bank, -int(moved), int(now and not moved) - int(was), 0 if moved else created)
    if reading.bank is not None and moved:
        await _add(connection, reading.bank, 1, int(now), created)


async def _settle(
    connection: AsyncConnection,
    kept: KeptEmail,
    reading: Reading,
    codes: Mapping[str, int],
    received_at: datetime,
    zone: tzinfo,
) -> None:
    """Let clusters and match rates follow: what is read now leaves its cluster, what no longer is joins one."""
    bank_id = codes.get(reading.bank or "")
    was, now = await clusters.move(connection, kept.email.id, bank_id, reading, received_at)
    before, after = standing(codes.get(kept.bank or ""), kept, was), standing(bank_id, reading, now)
    if before != after:
        days, day = Tally(), day_of(received_at, zone)
        days.count(before, day, -1)
        days.count(after, day)
        await add(connection, days)


async def _add(connection: AsyncConnection, code: str, seen: int, success: int, created: int) -> None:
    await connection.execute(
        update(banks)
        .where(banks.c.code == code)
        .values(
            emails_seen=banks.c.emails_seen + seen,
            emails_success=banks.c.emails_success + success,
            transactions_created=banks.c.transactions_created + created,
        )
    )
