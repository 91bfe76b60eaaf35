"""Mails of a known sender that no template reads, by their shape: "14 mails like this one since Tuesday".

A mail joins the cluster of its sender that it is most like, in the transaction that writes how reading it ended, and
leaves it when it is read after all. Mails that no template fits and mails in which a value is wrong are apart.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import ColumnElement, and_, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import Outcome, Reading
from afpd.store.schema import banks
from afpd.store.schema import email_parsing_jobs as jobs
from afpd.store.schema import mail_clusters as table
from afpd.store.template_days import Key, Place, add, day_of
from afpd.store.types import UtcDateTime

ALIKE = 0.65
"""The share of places in common from which on two shapes are of one layout."""

MOST_OF_A_SENDER = 200
"""Clusters of one sender; when there are so many, a mail joins the one that it is most like, however little."""

_OPEN, _IGNORED = "open", "ignored"
_LETTERS = {Outcome.UNMATCHED: "u", Outcome.FAILED: "f"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Mails that look alike. `emails` counts those that are unread still; `example_id` is a job that shows them.

    `outcome` is unmatched or failed; `subject` and `why` are those of the example, None where it is gone.
    """

    id: int
    bank: str | None
    sender: str
    outcome: Outcome
    state: str
    emails: int
    example_id: int | None
    first_email_at: datetime | None
    last_email_at: datetime | None
    subject: str | None
    why: str | None

    @property
    def is_ignored(self) -> bool:
        """Whether somebody said that these mails need no template."""
        return self.state == _IGNORED


async def join(
    connection: AsyncConnection,
    job_id: int,
    bank_id: int | None,
    reading: Reading,
    received_at: datetime,
    was: Place | None = None,
) -> Place | None:
    """Put a mail that could not be read into the cluster of its shape; None for one that has none.

    `was` is the cluster that it is in already: a mail that stays there changes nothing.
    """
    if reading.shape is None or reading.sender is None or reading.outcome not in _LETTERS:
        return None
    place = await _nearest(connection, reading.sender, _LETTERS[reading.outcome] + reading.shape)
    if was is not None and place is not None and place.id == was.id:
        return place
    if place is None:
        place = await _begin(connection, job_id, bank_id, reading, received_at)
    at, first, last = literal(received_at, UtcDateTime), table.c.first_email_at, table.c.last_email_at
    await connection.execute(
        update(table)
        .where(table.c.id == place.id)
        .values(
            emails=table.c.emails + 1,
            bank_id=bank_id,
            example_id=func.coalesce(table.c.example_id, job_id),
            first_email_at=func.min(func.coalesce(first, at), at, type_=UtcDateTime),
            last_email_at=func.max(func.coalesce(last, at), at, type_=UtcDateTime),
        )
    )
    await connection.execute(update(jobs).where(jobs.c.id == job_id).values(cluster_id=place.id))
    return place


async def move(
    connection: AsyncConnection, job_id: int, bank_id: int | None, reading: Reading, received_at: datetime
) -> tuple[Place | None, Place | None]:
    """Put a mail that was read again where it belongs now; return the cluster that it was in, and the one it is in."""
    was = await place_of(connection, job_id)
    now = await join(connection, job_id, bank_id, reading, received_at, was)
    if was is not None and now is None:
        await leave(connection, [job_id])
    elif was is not None and now is not None and was.id != now.id:
        await _shrink(connection, was.id, 1)
    return was, now


async def place_of(connection: AsyncConnection, job_id: int) -> Place | None:
    """Return the cluster that a mail is in."""
    query = select(table.c.id, table.c.state).join(jobs, jobs.c.cluster_id == table.c.id).where(jobs.c.id == job_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Place(row.id, row.state == _OPEN)


async def leave(connection: AsyncConnection, job_ids: Sequence[int]) -> None:
    """Take mails out of their clusters, before they go or because they are read."""
    query = select(jobs.c.id, jobs.c.cluster_id).where(jobs.c.id.in_(job_ids), jobs.c.cluster_id.is_not(None))
    rows = (await connection.execute(query)).all()
    if rows:
        await connection.execute(update(jobs).where(jobs.c.id.in_([row.id for row in rows])).values(cluster_id=None))
    for cluster_id, gone in Counter(row.cluster_id for row in rows).items():
        await _shrink(connection, cluster_id, gone)


async def list_clusters(
    connection: AsyncConnection, *, with_ignored: bool = False, only: int | None = None
) -> list[Cluster]:
    """Return the clusters with the most mails first; with the ignored ones, or one of that id alone."""
    columns = [table.c[name] for name in Cluster.__slots__[4:9]]
    query = (
        select(table.c.id, banks.c.code, table.c.sender, table.c.shape, *columns)
        .add_columns(jobs.c.email_subject, jobs.c.outcome_reason)
        .outerjoin(banks, banks.c.id == table.c.bank_id)
        .outerjoin(jobs, jobs.c.id == table.c.example_id)
        .order_by(table.c.emails.desc(), table.c.id)
    )
    if only is not None:
        query = query.where(table.c.id == only)
    elif not with_ignored:
        query = query.where(table.c.state == _OPEN)
    words = {letter: outcome for outcome, letter in _LETTERS.items()}
    rows = await connection.execute(query)
    return [Cluster(row.id, row.code, row.sender, words[row.shape[0]], *row[4:]) for row in rows]


async def ignore(connection: AsyncConnection, cluster_id: int, *, zone: tzinfo, undo: bool = False) -> bool:
    """Let a cluster stay out of list, counts and alarms, or bring it back; False when there is none of that id.

    What its mails count for in the match rates of their days goes and comes with it.
    """
    row = (await connection.execute(select(table.c.state).where(table.c.id == cluster_id))).one_or_none()
    if row is None:
        return False
    state = _OPEN if undo else _IGNORED
    if row.state != state:
        days = await _days(connection, cluster_id, zone)
        await add(connection, {key: (0, count if undo else -count) for key, count in days.items()})
    await connection.execute(update(table).where(table.c.id == cluster_id).values(state=state))
    await connection.execute(delete(table).where(table.c.id == cluster_id, _is_over()))
    return True


async def count(connection: AsyncConnection) -> tuple[int, dict[Outcome, int]]:
    """Return how many clusters are open, and how many mails of each outcome are in ignored ones."""
    query = select(table.c.state, func.substr(table.c.shape, 1, 1), func.count(), func.sum(table.c.emails))
    rows = (await connection.execute(query.group_by(table.c.state, func.substr(table.c.shape, 1, 1)))).all()
    ignored = {letter: int(emails or 0) for state, letter, _, emails in rows if state == _IGNORED}
    by_outcome = {outcome: ignored.get(letter, 0) for outcome, letter in _LETTERS.items()}
    return sum(clusters for state, _, clusters, _ in rows if state == _OPEN), by_outcome


async def newest_example(connection: AsyncConnection, bank_id: int) -> int | None:
    """Return the job that shows the open cluster of a bank which got the newest mail."""
    query = select(table.c.example_id).where(table.c.bank_id == bank_id, table.c.state == _OPEN)
    found: int | None = await connection.scalar(query.order_by(table.c.last_email_at.desc()).limit(1))
    return found


async def _nearest(connection: AsyncConnection, sender: str, shape: str) -> Place | None:
    query = select(table.c.id, table.c.shape, table.c.state).where(table.c.sender == sender).order_by(table.c.id)
    rows = [row for row in await connection.execute(query) if row.shape[0] == shape[0]]
    best = max(rows, key=lambda row: _likeness(row.shape, shape), default=None)
    if best is None or (_likeness(best.shape, shape) < ALIKE and len(rows) < MOST_OF_A_SENDER):
        return None
    return Place(best.id, best.state == _OPEN)


def _likeness(one: str, other: str) -> float:
    """The share of places with the same letter; the first one only tells the outcome."""
    return sum(a == b for a, b in zip(one[1:], other[1:], strict=False)) / max(len(one) - 1, 1)


async def _begin(
    connection: AsyncConnection, job_id: int, bank_id: int | None, reading: Reading, received_at: datetime
) -> Place:
    statement = insert(table).values(
        bank_id=bank_id,
        sender=reading.sender,
        shape=f"{_LETTERS[reading.outcome]}{reading.shape}",
        example_id=job_id,
        first_email_at=received_at,
        last_email_at=received_at,
    )
    return Place((await connection.execute(statement.returning(table.c.id))).scalar_one(), is_open=True)


async def _shrink(connection: AsyncConnection, cluster_id: int, gone: int) -> None:
    """Take so many mails off a cluster; one that is empty disappears, unless it is ignored: that is remembered."""
    query = select(func.max(jobs.c.id), func.min(jobs.c.received_at), func.max(jobs.c.received_at))
    newest, first, last = (await connection.execute(query.where(jobs.c.cluster_id == cluster_id))).one()
    times = {} if newest is None else {"first_email_at": first, "last_email_at": last}
    remaining = func.max(0, table.c.emails - gone)
    statement = update(table).where(table.c.id == cluster_id)
    await connection.execute(statement.values(emails=remaining, example_id=newest, **times))
    await connection.execute(delete(table).where(table.c.id == cluster_id, _is_over()))


def _is_over() -> ColumnElement[bool]:
    return and_(table.c.emails == 0, table.c.state == _OPEN)


async def _days(connection: AsyncConnection, cluster_id: int, zone: tzinfo) -> Counter[Key]:
    """How many mails of a cluster count for which bank, template and day."""
    query = select(jobs.c.bank_id, jobs.c.template, jobs.c.received_at).where(jobs.c.cluster_id == cluster_id)
    rows = await connection.execute(query)
    return Counter((row.bank_id, row.template or "", day_of(row.received_at, zone)) for row in rows if row.received_at)
