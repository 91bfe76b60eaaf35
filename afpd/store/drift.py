"""The falls of match rates that are noted, until they are over: for /status, and so that each is told once."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.store.schema import program_state

_KEY = "drift"


async def noted(connection: AsyncConnection) -> tuple[dict[str, Any], ...]:
    """Return the records of the falls that are noted, in their order."""
    found = await connection.scalar(select(program_state.c.value).where(program_state.c.key == _KEY))
    return () if found is None else tuple(json.loads(found))


async def note(connection: AsyncConnection, records: Sequence[dict[str, Any]]) -> None:
    """Note these falls instead of the former ones."""
    statement = insert(program_state).values(key=_KEY, value=json.dumps(list(records)))
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value})
    )
