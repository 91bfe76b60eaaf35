"""Writing what new and corrected transactions are to others, by the rules of `links`."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.store.links import (
    REVERSED_WITHIN,
    SAME_WITHIN,
    Movement,
    are_two_sides,
    is_reversal,
    is_told_twice,
    looks_alike,
    reverses,
    same_mark,
)
from afpd.store.schema import transactions as table

_COLUMNS = ("reverses_id", "same_as_id", "looks_like_id", "counterpart_id")
# A bare date spans 52 hours, and the beginning of a text date knows no zone.
_MARGIN = timedelta(days=4)

_Link = tuple[int, str, int | None]


class _Known:
    """The movements among which others are looked for: by sum in the order of their time, and by reference.

    A mailbox may hold ten thousand equal sums, so nothing here looks at all of them for each.
    """

    def __init__(self, movements: Iterable[Movement]) -> None:
        self.by_id = {one.id: one for one in movements}
        self._times = defaultdict[Any, list[tuple[datetime, int]]](list)
        self._reversals = defaultdict[Any, list[int]](list)
        self._sharing = defaultdict[str | None, list[int]](list)
        for one in self.by_id.values():
            self._times[one.integration_id, one.amount].append((one.span[0], one.id))
            self._sharing[one.reference].append(one.id)
            if is_reversal(one):
                self._reversals[one.integration_id, one.amount].append(one.id)
        for times in self._times.values():
            times.sort()

    def near(self, one: Movement, within: timedelta) -> list[Movement]:
        """Return the others of the same integration and sum, `within` so long before or after, and a little more."""
        times, at = self._times[one.integration_id, one.amount], one.span[0]
        start = bisect_left(times, (at - within - _MARGIN, 0))
        end = bisect_right(times, (at + within + _MARGIN, 0))
        return [self.by_id[key] for _, key in times[start:end] if key != one.id]

    def reversals(self, one: Movement) -> list[Movement]:
        """Return the other reversals of the same integration and sum."""
        return [self.by_id[key] for key in self._reversals[one.integration_id, one.amount] if key != one.id]

    def sharing(self, one: Movement) -> list[Movement]:
        """Return the others with the same reference."""
        keys = [] if one.reference is None else self._sharing[one.reference]
        return [self.by_id[key] for key in keys if key != one.id]

    def point(self, key: int, name: str, value: int | None) -> None:
        """Remember a link that was found."""
        changed: dict[str, Any] = {name: value}
        self.by_id[key] = replace(self.by_id[key], **changed)


async def link(connection: AsyncConnection, new: Sequence[int], corrected: Sequence[int], now: datetime) -> None:
    """Find what new and corrected transactions are to others, and write it on the later one of each pair.

    What corrected ones were to others is forgotten first: they may say something else now, or be retracted. Whoever
    was linked with them is looked at again. An older row that changes so is marked as updated `now` (UTC).
    """
    let_go = await _unlink(connection, corrected, now)
    rows = await _movements(connection, table.c.id.in_({*new, *corrected, *let_go}))
    known = _Known([*rows, *await _candidates(connection, rows)])
    for one in rows:
        for find in (_twin_links, _reversal_links, _counterpart_links):
            for key, name, value in list(find(known.by_id[one.id], known)):
                known.point(key, name, value)
                touched = {} if key in new else {"updated_at": now}
                await connection.execute(update(table).where(table.c.id == key).values({name: value, **touched}))


async def _candidates(connection: AsyncConnection, rows: Sequence[Movement]) -> list[Movement]:
    if not rows:
        return []
    days = [date.fromisoformat(one.occurred_at[:10]) for one in rows]
    first, last = min(days) - REVERSED_WITHIN - _MARGIN, max(days) + REVERSED_WITHIN + _MARGIN
    of_time = and_(table.c.occurred_at >= first.isoformat(), table.c.occurred_at < last.isoformat())
    amounts, places = {one.amount for one in rows}, {one.integration_id for one in rows}
    sums = and_(table.c.integration_id.in_(places), table.c.amount.in_(amounts))
    references = {one.reference for one in rows if one.reference is not None}
    shared = and_(table.c.reference.in_(references), table.c.user_id.in_({one.user_id for one in rows}))
    found = await _movements(connection, and_(sums, of_time))
    return found + (await _movements(connection, and_(shared, of_time)) if references else [])


def _twin_links(one: Movement, known: _Known) -> Iterator[_Link]:
    """Point the later tellings of a movement to the first one; what only looks so, to what it looks like."""
    if one.same_as_id is not None:
        return
    others = [other for other in known.near(one, SAME_WITHIN) if other.email_message_id != one.email_message_id]
    same = [other for other in others if other.same_as_id is None and is_told_twice(one, other)]
    if same:
        first = min((one, *same), key=lambda other: other.id)
        later = same if first is one else [one]
        ids = {other.id for other in later}
        children = [other for other in others if other.same_as_id in ids and is_told_twice(first, other)]
        yield from ((other.id, "same_as_id", first.id) for other in (*later, *children))
    elif one.looks_like_id is None:
        alike = [other.id for other in others if looks_alike(one, other)]
        if alike:
            yield max(one.id, min(alike)), "looks_like_id", min(one.id, *alike)


def _reversal_links(one: Movement, known: _Known) -> Iterator[_Link]:
    """Point a reversal to the latest original that nothing else reverses, whichever of the two came first.

    One that is told again reverses nothing more: it would take another purchase at the same shop.
    """
    if one.same_as_id is not None or one.reverses_id is not None:
        return
    others = known.reversals(one)
    taken = {other.reverses_id for other in others if other.same_as_id is None}
    if is_reversal(one):
        near = [other for other in known.near(one, REVERSED_WITHIN) if other.same_as_id is None]
        free = [other for other in _originals(one, near) if other.id not in taken]
        if free:
            yield one.id, "reverses_id", max(free, key=lambda other: other.span[1]).id
    elif one.id not in taken:
        idle = [other for other in others if other.reverses_id is None and other.same_as_id is None]
        orphans = [other for other in idle if _originals(other, [one])]
        if orphans:
            yield min(orphans, key=lambda other: other.span[0]).id, "reverses_id", one.id


def _originals(one: Movement, near: Sequence[Movement]) -> list[Movement]:
    """Return what a reversal may undo: what shares its mark, if there is such; a look-alike has no other claim."""
    originals = [other for other in near if reverses(one, other)]
    marked = [other for other in originals if same_mark(one, other)]
    return marked if marked or one.looks_like_id is not None else originals


def _counterpart_links(one: Movement, known: _Known) -> Iterator[_Link]:
    if one.counterpart_id is not None or one.same_as_id is not None:
        return
    single = [other for other in known.sharing(one) if other.counterpart_id is None and other.same_as_id is None]
    for other in [other for other in single if are_two_sides(one, other)][:1]:
        yield one.id, "counterpart_id", other.id
        yield other.id, "counterpart_id", one.id


async def _unlink(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> set[int]:
    """Forget what rows were to others, and others to them; returns the ids of these others."""
    others: set[int] = set()
    for name in _COLUMNS if ids else ():
        column = table.c[name]
        concerned = column.is_not(None) & or_(table.c.id.in_(ids), column.in_(ids))
        pairs = (await connection.execute(select(table.c.id, column).where(concerned))).all()
        if pairs:
            others.update(key for pair in pairs for key in pair)
            values = {name: None, "updated_at": now}
            await connection.execute(update(table).where(table.c.id.in_([key for key, _ in pairs])).values(values))
    return others.difference(ids)


async def _movements(connection: AsyncConnection, where: ColumnElement[bool]) -> list[Movement]:
    columns = [table.c[name] for name in Movement.__slots__]
    complete = and_(table.c.amount.is_not(None), table.c.occurred_at.is_not(None), table.c.direction.is_not(None))
    query = select(*columns).where(where, complete, table.c.retracted_at.is_(None), table.c.template.is_not(None))
    return [Movement(*row) for row in await connection.execute(query.order_by(table.c.id))]
