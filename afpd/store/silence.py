"""Silence as a state: integrations that were not verified in time, and those whose banks stopped writing."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import ImportStatus
from afpd.schedule import Cadence
from afpd.store.habit import LEAST_GAPS
from afpd.store.schema import integrations as table

QUIET_FACTOR = 2.5
"""So many of its usual silences, without mail, make an integration quiet."""

QUIET_LEAST_DAYS = 7

AT_THEIR_FREQUENCY = Cadence(is_adaptive=False, idlest=timedelta(minutes=30))
_DAY_SECONDS = 86400.0


def is_stale(now: datetime, stale_after: int, tick: timedelta, cadence: Cadence) -> ColumnElement[bool]:
    """The condition of an active integration that was not verified for so many of its intervals.

    An interval is at least a tick long, since nobody is visited more often, and as long as the cadence makes it for an
    idle mailbox; one that was stretched for other reasons shows it by its next turn. A new one is counted from its
    making or adoption.
    """
    since = func.coalesce(table.c.last_verified_at, table.c.adopted_at, table.c.created_at)
    return and_(table.c.is_active, _seconds(since, literal(_text(now))) > _interval(tick, cadence) * stale_after)


def is_quiet() -> ColumnElement[bool]:
    """The condition of an active integration whose banks wrote regularly and stopped.

    Learnt from its own past (store.habit): it was seen to be silent for more than its usual silence allows, and for a
    week at least, after five days with mail. What nobody looked at is not silent: counted to its last verification.
    """
    silent = _seconds(table.c.last_mail_at, table.c.last_verified_at) / _DAY_SECONDS
    return and_(
        table.c.is_active,
        table.c.mail_gaps >= LEAST_GAPS,
        silent > QUIET_LEAST_DAYS,
        silent > table.c.usual_gap_days * QUIET_FACTOR,
    )


async def silent(
    connection: AsyncConnection,
    *,
    now: datetime,
    stale_after: int,
    tick: timedelta,
    cadence: Cadence = AT_THEIR_FREQUENCY,
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the ids of the stale and of the quiet integrations at `now`, as `counts.count_all` counts them."""
    stale = await connection.scalars(select(table.c.id).where(is_stale(now, stale_after, tick, cadence)))
    quiet = await connection.scalars(select(table.c.id).where(is_quiet()))
    return frozenset(stale), frozenset(quiet)


def _interval(tick: timedelta, cadence: Cadence) -> ColumnElement[float]:
    """The seconds of an integration's interval: as `Cadence.interval`, or as its row says that its next turn is."""
    every = func.max(
        func.coalesce(table.c.run_every_seconds, table.c.run_frequency_minutes * 60.0), tick.total_seconds()
    )
    chosen = case(
        (
            and_(table.c.failures_in_a_row == 0, table.c.import_status == ImportStatus.WAITING),
            _seconds(table.c.last_run_at, table.c.next_run_at),
        ),
        else_=0.0,
    )
    turns: ColumnElement[int] = literal(1)
    if cadence.is_adaptive:
        silence = func.coalesce(_seconds(table.c.active_at, table.c.last_verified_at), 0.0)
        turns = func.max(1, cast(func.min(silence / 2, cadence.idlest.total_seconds()) / every, Integer))
    return func.max(every * turns, func.coalesce(chosen, 0.0))


def _seconds(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[float]:
    return (func.julianday(until) - func.julianday(since)) * _DAY_SECONDS


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
