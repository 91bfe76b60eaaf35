"""What a visit moves: the cursor, and beside it, in the same transaction, all that the cursor leaves behind.

Behind a cursor everything is kept, gone from the mailbox, parked by its id, or owed: a span of time that is still to
be searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.store.parked import ParkedEmail, park, unpark
from afpd.store.schema import integrations as table


@dataclass(frozen=True, slots=True)
class Progress:
    """What a visit moves. All moments but the row's own are Gmail's time.

    A search is owed from `owed_from` to `owed_until`, where that is empty to the open end; without `owed_from` nothing
    is owed and the sync is complete. `unseen` ids the history told of and no search showed; `forgotten` ones no search
    showed in time. What is None of the others stays as it was, but for `look_again_at`.
    """

    cursor: str
    watermark_at: datetime
    look_again_at: datetime | None = None
    reconciled_at: datetime | None = None
    active_at: datetime | None = None
    owed_from: datetime | None = None
    owed_until: datetime | None = None
    searched_senders_id: int | None = None
    histories_refused: int = 0
    unseen: Sequence[ParkedEmail] = ()
    forgotten: Sequence[str] = ()


async def write_progress(connection: AsyncConnection, moved: Sequence[tuple[int, Progress]], *, now: datetime) -> None:
    """Write the progress of visits by integration id; `now` is ours and becomes last_verified_at of complete syncs."""
    if not moved:
        return
    for integration_id, progress in moved:
        await unpark(connection, integration_id, progress.forgotten)
        await park(connection, integration_id, progress.unseen, now=now)
    await connection.execute(_statement(now), [_values(key, progress) for key, progress in moved])


def _statement(now: datetime) -> Any:
    is_complete = bindparam("new_owed_from", type_=table.c.search_from.type).is_(None)
    kept = {
        name: func.coalesce(bindparam(f"new_{name}", type_=table.c[name].type), table.c[name])
        for name in ("reconciled_at", "active_at", "searched_senders_id")
    }
    verified = {name: case((is_complete, now), else_=table.c[name]) for name in ("last_verified_at", "last_sync")}
    return (
        update(table)
        .where(table.c.id == bindparam("key"))
        .values(
            cursor=bindparam("new_cursor"),
            watermark_at=bindparam("new_watermark"),
            look_again_at=bindparam("new_look"),
            search_from=bindparam("new_owed_from"),
            search_until=bindparam("new_owed_until"),
            histories_refused=bindparam("new_refused"),
            **kept,
            **verified,
        )
    )


def _values(integration_id: int, progress: Progress) -> dict[str, Any]:
    return {
        "key": integration_id,
        "new_cursor": progress.cursor,
        "new_watermark": progress.watermark_at,
        "new_look": progress.look_again_at,
        "new_reconciled_at": progress.reconciled_at,
        "new_active_at": progress.active_at,
        "new_searched_senders_id": progress.searched_senders_id,
        "new_owed_from": progress.owed_from,
        "new_owed_until": progress.owed_until,
        "new_refused": progress.histories_refused,
    }
