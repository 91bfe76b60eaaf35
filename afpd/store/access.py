"""What the care for access asks of the store: how mailboxes are opened, and whose owner has to be told of something."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import ImportStatus
from afpd.store.schema import integrations as table


@dataclass(frozen=True, slots=True)
class Untold:
    """An integration whose owner does not know yet: that it needs a person (`recovered` False), or that it is well.

    `since` is the UTC moment from which on that holds; `reason` is the error, None for one that recovered.
    """

    integration_id: int
    user_id: str
    recovered: bool
    reason: str | None
    since: datetime | None


async def credentials(connection: AsyncConnection, only: Iterable[int] | None = None) -> set[str]:
    """Return in which ways active integrations, all or `only` those of the ids, are opened."""
    query = select(table.c.credential).where(table.c.is_active).distinct()
    if only is not None:
        query = query.where(table.c.id.in_(list(only)))
    return set((await connection.scalars(query)).all())


async def untold(connection: AsyncConnection, *, limit: int, only: Iterable[int] | None = None) -> list[Untold]:
    """Return up to `limit` of each kind whose notice is not out yet, the oldest ids first."""
    found: list[Untold] = []
    for query, recovered in ((_in_error(), False), (_recovered(), True)):
        chosen = query if only is None else query.where(table.c.id.in_(list(only)))
        rows = await connection.execute(chosen.order_by(table.c.id).limit(limit))
        found.extend(_untold(row, recovered=recovered) for row in rows)
    return found


async def mark_told(connection: AsyncConnection, integration_id: int, at: datetime | None) -> None:
    """Note that the notice is out since `at` (UTC), or with None that there is nothing to tell any more."""
    await connection.execute(update(table).where(table.c.id == integration_id).values(noticed_at=at))


def _in_error() -> Select[Any]:
    return _columns().where(
        table.c.import_status == ImportStatus.ERROR, table.c.is_active, table.c.noticed_at.is_(None)
    )


def _recovered() -> Select[Any]:
    """A visit ended well since the notice went out."""
    return _columns().where(
        table.c.noticed_at.is_not(None),
        table.c.is_active,
        table.c.import_status.in_((ImportStatus.WAITING, ImportStatus.RUNNING)),
        table.c.failures_in_a_row == 0,
        table.c.last_verified_at > table.c.noticed_at,
    )


def _columns() -> Select[Any]:
    return select(
        table.c.id,
        table.c.user_id,
        table.c.last_error_message,
        table.c.last_error_at,
        table.c.revoked_since,
        table.c.last_verified_at,
    )


def _untold(row: Any, *, recovered: bool) -> Untold:
    if recovered:
        return Untold(row.id, row.user_id, True, None, row.last_verified_at)
    return Untold(row.id, row.user_id, False, row.last_error_message, row.revoked_since or row.last_error_at)
