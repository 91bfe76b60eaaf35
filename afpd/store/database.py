"""The database of one daemon: one writer, a few readers, and errors in words.

SQLite in WAL mode: writers take the lock at once (BEGIN IMMEDIATE), readers never wait for them. No network I/O
belongs inside either context.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from afpd.errors import StorageUnavailable

Connection = AsyncConnection
"""An open transaction, as every function of this room takes it first."""

_BUSY_SECONDS = 10
_READERS = 4
_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "secure_delete = ON")
_REASONS = {
    "disk is full": "the disk is full: free some space",
    "readonly": "the database is read-only: check its file system and the rights of its folder",
    "locked": "another program holds the database: let it finish, or stop it",
    "disk I/O error": "the disk fails to read or write: look at the system log",
    "unable to open": "the database cannot be opened: check that its folder exists and belongs to this user",
    "malformed": "the database file is damaged: restore a backup",
    "not a database": "the file is no SQLite database: check [database] url",
}


class Database:
    """Connections to one SQLite file. Open it with `async with`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = asyncio.Lock()
        self._writer = _engine(path, writes=True, size=1)
        self._readers = _engine(path, writes=False, size=_READERS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._readers.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction that may write; it commits at the end, or leaves no trace after an error.

        Raises StorageUnavailable when the database refuses for now (disk full, read-only, locked).
        """
        async with self._write_lock:
            with storage_errors():
                async with self._writer.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction that sees one state of the database and cannot write.

        Raises StorageUnavailable when the database refuses for now.
        """
        with storage_errors():
            async with self._readers.begin() as connection:
                yield connection

    async def ask(self) -> None:
        """Ask the database for a sign of life. Raises StorageUnavailable when it gives none."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))


class storage_errors:  # noqa: N801 - used as a statement, like contextlib.suppress
    """Turn the driver's errors about the database as a whole into StorageUnavailable, in words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, DBAPIError) and (reason := storage_reason(str(error.orig))):
            raise StorageUnavailable(reason) from error
        if isinstance(error, PoolTimeout):
            raise StorageUnavailable("the database answers too slowly: look at the disk's load") from error


@contextmanager
def closed_on_error(connection: Any) -> Iterator[None]:
    """Close a connection that cannot be prepared, because a damaged file is first noticed then."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def storage_reason(message: str) -> str | None:
    """Return what to do about a message of SQLite that concerns the whole database, or None for any other."""
    return next((words for mark, words in _REASONS.items() if mark in message), None)


def _engine(path: Path, *, writes: bool, size: int) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,  # values of a mail must not enter the text of an error
        connect_args={"timeout": _BUSY_SECONDS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # this engine says BEGIN itself, below
        with closed_on_error(connection):
            cursor = connection.cursor()
            for pragma in _PRAGMAS if writes else ("query_only = ON", "temp_store = MEMORY"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
