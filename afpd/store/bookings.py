"""Booking what a mail tells: its transactions are made, corrected or retracted, and every former state is kept.

The rows of a mail are matched with what a reading gives by what they say, then by their place, so that an id stays
with its movement also when a mended template finds another one before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import Outcome, Reading, Transaction
from afpd.store.schema import transaction_revisions as revisions
from afpd.store.schema import transactions as table

TOLD = tuple(Transaction.__dataclass_fields__)
"""The columns that say what a mail tells."""

_KEPT = (*TOLD, "ordinal", "template", "template_version", "has_unique_reference", "retracted_at")


@dataclass(frozen=True, slots=True)
class Change:
    """What a reading means for one transaction of a mail: `id` is None for a new one, `told` for a lost one.

    `before` holds the former values of the fields that change.
    """

    ordinal: int
    id: int | None
    told: Transaction | None
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return added, changed, lost, or same."""
        if self.id is None or (self.told is not None and "retracted_at" in self.before):
            return "added"
        if self.told is None:
            return "lost"
        return "changed" if self.before else "same"


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail that tells, and who is told."""

    job_id: int
    integration_id: int
    email_message_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What goes with each booking: the bank's row, the machine, the moment (UTC), and why a former state was left."""

    bank_id: int | None
    node: str
    now: datetime
    reason: str


def booked_by(reading: Reading) -> tuple[Transaction, ...]:
    """Return what a reading books: only the outcome success books anything."""
    return reading.transactions if reading.outcome is Outcome.SUCCESS else ()


async def compare(connection: AsyncConnection, mail: Mail, reading: Reading) -> list[Change]:
    """Return what a reading means for the transactions of its mail, in their order, lost ones last."""
    return _changes(await _rows(connection, mail), reading)


async def book(
    connection: AsyncConnection, mail: Mail, reading: Reading, origin: Origin, *, is_first: bool = False
) -> list[tuple[int, Change]]:
    """Make the transactions of a mail what a reading tells, and return what changed with the id of each.

    `is_first` says that the mail has no transactions yet, which saves looking for them.

    A second call with the same reading changes nothing. Ids stay; a changed or retracted row counts its revision up and
    its former state goes to transaction_revisions.
    """
    rows = [] if is_first else await _rows(connection, mail)
    changes = _changes(rows, reading)
    await _make_room(connection, rows, changes)
    done = [(await _apply(connection, mail, reading, change, origin), change) for change in changes]
    return [(key, change) for key, change in done if change.kind != "same"]


def _changes(rows: Sequence[Row[Any]], reading: Reading) -> list[Change]:
    pairs = _paired(rows, booked_by(reading))
    unique = reading.has_unique_reference
    changes = [_change(place, row, told, unique) for place, (row, told) in enumerate(pairs)]
    paired = {row.id for row, _ in pairs if row is not None}
    lost = [row for row in rows if row.id not in paired and row.retracted_at is None]
    return changes + [Change(row.ordinal, row.id, None) for row in lost]


async def _rows(connection: AsyncConnection, mail: Mail) -> Sequence[Row[Any]]:
    columns = [table.c.id, table.c.revision, *(table.c[name] for name in _KEPT)]
    query = select(*columns).where(
        table.c.integration_id == mail.integration_id, table.c.email_message_id == mail.email_message_id
    )
    return (await connection.execute(query.order_by(table.c.ordinal))).all()


def _paired(rows: Sequence[Row[Any]], told: Sequence[Transaction]) -> list[tuple[Row[Any] | None, Transaction]]:
    """Give each transaction the row that says the same, else the row at its place, else the next free one."""
    free = {row.id: row for row in sorted(rows, key=lambda row: row.retracted_at is not None)}  # standing ones first
    found: dict[int, Row[Any] | None] = {}
    # What is exactly the same first, for all: otherwise a new movement of an equal sum would take its row.
    for of_row, of_told in ((_values, _told), (_mark, _mark)):
        for place, one in enumerate(told):
            alike = next((row for row in free.values() if of_row(row) == of_told(one)), None)
            if place not in found and alike is not None:
                found[place] = free.pop(alike.id)
    for place in range(len(told)):
        if place not in found:
            ranked = sorted(free.values(), key=lambda row: (row.retracted_at is not None, row.ordinal != place))
            row = ranked[0] if ranked else None
            found[place] = None if row is None else free.pop(row.id)
    return [(found[place], one) for place, one in enumerate(told)]


def _mark(one: Any) -> tuple[Any, ...]:
    """What tells two movements of one mail apart best."""
    return Decimal(one.amount or 0), one.currency, str(one.direction), one.reference, one.authorization


def _change(place: int, row: Row[Any] | None, told: Transaction, has_unique_reference: bool) -> Change:
    if row is None:
        return Change(place, None, told)
    now, former = _told(told), _values(row)
    before = {name: former[name] for name in TOLD if former[name] != now[name]}
    if row.has_unique_reference != has_unique_reference:  # decides whether it is counted once
        before["has_unique_reference"] = row.has_unique_reference
    if row.retracted_at is not None:
        before["retracted_at"] = row.retracted_at.isoformat()
    return Change(place, row.id, told, before)


def _told(one: Transaction) -> dict[str, Any]:
    """Return a transaction as its columns hold it."""
    return {name: getattr(one, name) for name in TOLD} | {
        "kind": one.kind.value,
        "direction": one.direction.value,
        "status": one.status.value,
        "dated_by": one.dated_by.value,
        "occurred_at": one.occurred_at.isoformat(),
    }


def _values(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in TOLD}


async def _make_room(connection: AsyncConnection, rows: Sequence[Row[Any]], changes: Sequence[Change]) -> None:
    """Move rows out of the way where places change hands, since a place in a mail is unique."""
    wanted = {change.ordinal: change.id for change in changes if change.told is not None}
    if any(row.ordinal in wanted and wanted[row.ordinal] != row.id for row in rows):
        for row in rows:
            await connection.execute(update(table).where(table.c.id == row.id).values(ordinal=-1 - row.id))


async def _apply(connection: AsyncConnection, mail: Mail, reading: Reading, change: Change, origin: Origin) -> int:
    source = {
        "bank_id": origin.bank_id,
        "template": reading.template,
        "template_version": reading.template_version,
        "has_unique_reference": reading.has_unique_reference,
    }
    if change.id is None and change.told is not None:
        return await _insert(connection, mail, change, source, origin)
    key = change.id or 0
    if change.kind == "same":  # only its place may be another
        await connection.execute(update(table).where(table.c.id == key).values(ordinal=change.ordinal))
        return key
    await _keep_revision(connection, key, origin)
    values: dict[str, Any] = {"revision": table.c.revision + 1, "updated_at": origin.now}
    if change.told is None:
        values |= {"retracted_at": origin.now}
    else:
        values |= {**source, **_told(change.told), "ordinal": change.ordinal, "retracted_at": None}
    await connection.execute(update(table).where(table.c.id == key).values(**values))
    return key


async def _insert(
    connection: AsyncConnection, mail: Mail, change: Change, source: dict[str, Any], origin: Origin
) -> int:
    assert change.told is not None
    statement = insert(table).values(
        user_id=mail.user_id,
        integration_id=mail.integration_id,
        email_parsing_job_id=mail.job_id,
        email_message_id=mail.email_message_id,
        ordinal=change.ordinal,
        node=origin.node,
        revision=1,
        created_at=origin.now,
        **source,
        **_told(change.told),
    )
    key: int = (await connection.execute(statement.returning(table.c.id))).scalar_one()
    return key


async def _keep_revision(connection: AsyncConnection, key: int, origin: Origin) -> None:
    """Put the row as it stands into transaction_revisions."""
    names = (*_KEPT, "bank_id", "reverses_id", "same_as_id", "looks_like_id", "counterpart_id")
    columns = [table.c.revision, *(table.c[name] for name in names)]
    row = (await connection.execute(select(*columns).where(table.c.id == key))).one()
    state = {name: _plain(getattr(row, name)) for name in names}
    await connection.execute(
        insert(revisions).values(
            transaction_id=key, revision=row.revision, state=state, reason=origin.reason, replaced_at=origin.now
        )
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime) else value
