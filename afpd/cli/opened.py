"""The database as a verb uses it: looked at, opened for one transaction, closed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from afpd.config import Settings
from afpd.store.database import Connection, Database
from afpd.store.opening import open_for_verb

Result = TypeVar("Result")


def reading(settings: Settings, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Return what `work` finds in a transaction that cannot write.

    Raises ConfigError where there is no database of this version, StorageUnavailable when it refuses for now.
    """
    open_for_verb(settings, creates=False)

    async def read() -> Result:
        async with Database(settings.database.sqlite_path) as database, database.read() as connection:
            return await work(connection)

    return asyncio.run(read())


def writing(settings: Settings, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Return what `work` did in a transaction that is kept as a whole or not at all. Raises as `reading` does."""
    open_for_verb(settings, creates=False)

    async def write() -> Result:
        async with Database(settings.database.sqlite_path) as database, database.write() as connection:
            return await work(connection)

    return asyncio.run(write())
