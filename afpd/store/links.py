"""What transactions are to each other: a reversal and its original, one purchase told twice, two sides of a transfer.

Nothing is merged: every row stays, and points to another one. The rules are pure functions on two rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import Direction, Kind, Status
from afpd.store.schema import transactions as table

_SAME_WITHIN = timedelta(hours=48)
_ALIKE_WITHIN = timedelta(minutes=10)
_REVERSED_WITHIN = timedelta(days=180)
_LEAST_MERCHANT = 4


@dataclass(frozen=True, slots=True)
class Movement:
    """A row as the rules see it."""

    id: int
    user_id: str
    integration_id: int | None
    email_message_id: str | None
    bank_id: int | None
    kind: str
    direction: str
    status: str
    amount: Decimal
    currency: str
    occurred_at: str
    merchant: str | None
    account: str | None
    reference: str | None
    authorization: str | None
    has_unique_reference: bool
    reverses_id: int | None
    same_as_id: int | None
    looks_like_id: int | None = None
    counterpart_id: int | None = None

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Return the earliest and latest moment (UTC) at which it may have happened: a bare date is a whole day."""
        if len(self.occurred_at) > len("2026-01-01"):
            at = datetime.fromisoformat(self.occurred_at).astimezone(UTC)
            return at, at
        day = datetime.combine(date.fromisoformat(self.occurred_at), time(), UTC)
        return day - timedelta(hours=14), day + timedelta(hours=38)


def apart(one: Movement, other: Movement) -> timedelta:
    """Return the least time that may lie between two movements."""
    (start, end), (other_start, other_end) = one.span, other.span
    return max(timedelta(0), start - other_end, other_start - end)


def is_reversal(one: Movement) -> bool:
    """Tell whether a movement undoes an earlier one."""
    return one.direction == Direction.CREDIT and (one.kind == Kind.REVERSAL or one.status == Status.REVERSED)


def reverses(one: Movement, original: Movement) -> bool:
    """Tell whether `one` undoes `original`: the same account, amount and currency, and a mark or the merchant.

    Never by amount and date alone, and never what came later.
    """
    return (
        is_reversal(one)
        and original.direction == Direction.DEBIT
        and original.status == Status.APPROVED
        and _same_place(one, original)
        and one.span[1] >= original.span[0]
        and apart(one, original) <= _REVERSED_WITHIN
        and (_same_mark(one, original) or _same_merchant(one, original))
    )


def is_told_twice(one: Movement, other: Movement) -> bool:
    """Tell whether two mails surely tell the same movement: both templates declare their reference unique.

    An authorization alone never proves it.
    """
    return (
        one.has_unique_reference
        and other.has_unique_reference
        and one.reference is not None
        and one.reference == other.reference
        and one.status == other.status
        and one.direction == other.direction
        and _same_place(one, other)
        and apart(one, other) <= _SAME_WITHIN
    )


def looks_alike(one: Movement, other: Movement) -> bool:
    """Tell whether two mails perhaps tell the same movement, which a person decides: both keep counting.

    A mark that both carry and that differs says no; a mark in common says yes within two days; otherwise it is the
    merchant within ten minutes, for equal purchases twenty minutes apart are two.
    """
    alike = (
        one.status == other.status
        and one.direction == other.direction
        and (one.amount, one.currency) == (other.amount, other.currency)
        and (one.account is None or other.account is None or one.account == other.account)
    )
    if not alike or _differs(one.reference, other.reference) or _differs(one.authorization, other.authorization):
        return False
    if _same_mark(one, other):
        return apart(one, other) <= _SAME_WITHIN
    told = one.merchant is None or other.merchant is None or _same_merchant(one, other)
    return told and apart(one, other) <= _ALIKE_WITHIN


def are_two_sides(one: Movement, other: Movement) -> bool:
    """Tell whether money went from one account of a user to another one: a reference in common, opposite directions."""
    return (
        one.user_id == other.user_id
        and one.direction != other.direction
        and one.status == other.status == Status.APPROVED
        and one.reference is not None
        and one.reference == other.reference
        and (one.amount, one.currency) == (other.amount, other.currency)
        and (one.bank_id, one.account) != (other.bank_id, other.account)
        and not is_reversal(one)
        and not is_reversal(other)
        and apart(one, other) <= _SAME_WITHIN
    )


async def link(connection: AsyncConnection, new: Sequence[int], corrected: Sequence[int] = ()) -> None:
    """Find what new and corrected transactions are to others, and write it on the later one of each pair.

    What corrected ones were to others before is forgotten first: they may say something else now, or be retracted.
    """
    await _unlink(connection, corrected)
    rows = await _movements(connection, table.c.id.in_([*new, *corrected]))
    places = {(one.integration_id, one.amount) for one in rows if one.integration_id is not None}
    if not places:
        return
    near = await _movements(
        connection,
        and_(table.c.integration_id.in_({key for key, _ in places}), table.c.amount.in_({sum_ for _, sum_ in places})),
    )
    references = {one.reference for one in rows if one.reference is not None}
    sharing = await _movements(connection, table.c.reference.in_(references)) if references else []
    known = {one.id: one for one in (*near, *sharing)}
    for one in rows:
        for key, name, value in list(_links_of(known[one.id], known.values())):
            known[key] = _pointing(known[key], name, value)
            await connection.execute(update(table).where(table.c.id == key).values({name: value}))


def _pointing(one: Movement, name: str, value: int) -> Movement:
    changed: dict[str, Any] = {name: value}
    return replace(one, **changed)


def _links_of(one: Movement, known: Iterable[Movement]) -> Iterator[tuple[int, str, int]]:
    """Yield what is to be written: a row, its column, and the row that it points to."""
    others = [other for other in known if other.id != one.id]
    near = [other for other in others if other.integration_id == one.integration_id and other.amount == one.amount]
    yield from _reversal_links(one, near)
    yield from _twin_links(one, [other for other in near if other.email_message_id != one.email_message_id])
    for other in [other for other in others if are_two_sides(one, other)][:1]:
        yield one.id, "counterpart_id", other.id
        yield other.id, "counterpart_id", one.id


def _reversal_links(one: Movement, near: Sequence[Movement]) -> Iterator[tuple[int, str, int]]:
    """Point a reversal to the latest original that nothing else reverses, whichever of the two came first."""
    taken = {other.reverses_id for other in near}
    originals = [other for other in near if reverses(one, other) and other.id not in taken]
    orphans = [other for other in near if other.reverses_id is None and reverses(other, one)]
    if originals:
        marked = [other for other in originals if _same_mark(one, other)] or originals
        yield one.id, "reverses_id", max(marked, key=lambda other: other.span[1]).id
    elif orphans:
        yield min(orphans, key=lambda other: other.span[0]).id, "reverses_id", one.id


def _twin_links(one: Movement, others: Sequence[Movement]) -> Iterator[tuple[int, str, int]]:
    same = [other.id for other in others if other.same_as_id is None and is_told_twice(one, other)]
    alike = [other.id for other in others if looks_alike(one, other)]
    if same:
        yield max(one.id, min(same)), "same_as_id", min(one.id, *same)
    elif alike:
        yield max(one.id, min(alike)), "looks_like_id", min(one.id, *alike)


async def _unlink(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Forget what rows were to others, and others to them."""
    if not ids:
        return
    for column in (table.c.reverses_id, table.c.same_as_id, table.c.looks_like_id, table.c.counterpart_id):
        concerned = column.is_not(None) & or_(table.c.id.in_(ids), column.in_(ids))
        await connection.execute(update(table).where(concerned).values({column.name: None}))


async def _movements(connection: AsyncConnection, where: ColumnElement[bool]) -> list[Movement]:
    columns = [table.c[name] for name in Movement.__slots__]
    complete = and_(table.c.amount.is_not(None), table.c.occurred_at.is_not(None), table.c.direction.is_not(None))
    query = select(*columns).where(where, complete, table.c.retracted_at.is_(None), table.c.template.is_not(None))
    return [Movement(*row) for row in await connection.execute(query.order_by(table.c.id))]


def _same_place(one: Movement, other: Movement) -> bool:
    """Whether two movements are of one account, and of one sum; an account that is not told is none."""
    return (
        one.integration_id == other.integration_id
        and one.bank_id == other.bank_id
        and one.account is not None
        and (one.account, one.amount, one.currency) == (other.account, other.amount, other.currency)
    )


def _same_mark(one: Movement, other: Movement) -> bool:
    """Whether they carry the same reference or authorization."""
    return (one.reference is not None and one.reference == other.reference) or (
        one.authorization is not None and one.authorization == other.authorization
    )


def _differs(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _same_merchant(one: Movement, other: Movement) -> bool:
    """Whether one name is the beginning of the other: banks cut names, and glue cities to them."""
    short, long = sorted((_bare(one.merchant), _bare(other.merchant)), key=len)
    return len(short) >= _LEAST_MERCHANT and long.startswith(short)


def _bare(name: str | None) -> str:
    return "".join(letter for letter in (name or "").casefold() if letter.isalnum())
