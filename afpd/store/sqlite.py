"""A plain connection to the SQLite file, for what happens around the daemon: upgrade, adoption, backup, check."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from afpd.errors import AfpdError, ConfigError, StorageUnavailable
from afpd.store.database import closed_on_error, storage_reason

BUSY_SECONDS = 10.0
# legacy_alter_table: a rename then leaves views and triggers of others alone (https://www.sqlite.org/pragma.html).
# synchronous: with a write-ahead log NORMAL may lose the last commits to a power cut, but never half of one.
PRAGMAS = ("secure_delete = ON", "foreign_keys = OFF", "legacy_alter_table = ON", "synchronous = NORMAL")
_DAMAGE = ("not a database", "unable to open", "malformed")


def open_file(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open an existing database file. Every statement stands alone unless `transaction` holds it.

    Text that is no UTF-8 is read with replacement characters, so that one bad row stops nothing.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=busy_seconds)
    connection.isolation_level = None
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    with closed_on_error(connection):
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Take the write lock at once; commit at the end, or leave no trace after an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def errors_in_words(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into ConfigError or StorageUnavailable that name the file."""
    try:
        yield
    except (sqlite3.DatabaseError, DBAPIError) as error:
        raise _in_words(path, str(error.orig if isinstance(error, DBAPIError) else error)) from error
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror or error}") from error


def require_folder(path: Path) -> None:
    """Raise ConfigError unless the database's folder exists and this user may write it.

    Raises StorageUnavailable while its file system is mounted read-only: that mends itself, a wrong setting does not.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder: [database] url must name a file in it")
    if not folder.is_dir():
        raise ConfigError(f"{path}: the folder {folder} does not exist: make it, or change [database] url")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise StorageUnavailable(f"{path}: {storage_reason('readonly')}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: this user may not write the folder {folder}, which SQLite needs: change its owner")


def require_file(path: Path) -> None:
    """Raise ConfigError, in words, unless the database exists and this user may write it and its folder."""
    require_folder(path)
    if not path.exists():
        raise ConfigError(f"{path}: there is no database: check [database] url, or let `afpd db upgrade` make it")
    if not os.access(path, os.R_OK | os.W_OK):
        raise ConfigError(f"{path}: this user may not read and write the database: change its owner or mode")


def make_file(path: Path) -> None:
    """Make an empty database of mode 0600 where there is none. Raises ConfigError as `require_file` does."""
    require_folder(path)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        require_file(path)
    except OSError as error:
        raise StorageUnavailable(f"{path}: the database cannot be made: {error.strerror}") from error


def table_names(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the tables of the database: lower-case name -> name as it is spelt."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return {row[0].lower(): row[0] for row in connection.execute(query)}


def column_names(connection: sqlite3.Connection, table: str) -> set[str]:
    """Return the columns of a table in lower case, generated ones included; empty when there is no such table."""
    return {row[0].lower() for row in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))}


def quoted(name: str) -> str:
    """Return a name of the database as SQL reads it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _in_words(path: Path, message: str) -> AfpdError:
    kind = ConfigError if any(mark in message for mark in _DAMAGE) else StorageUnavailable
    return kind(f"{path}: {storage_reason(message) or message}")
