"""Leaving no trace of plain tokens: free pages, the write-ahead log and its neighbours.

A token's own cell is overwritten at once (PRAGMA secure_delete); older copies of it may stand in pages that were
free before, so the file is written anew (VACUUM) and the log emptied. Until both are done the database says so.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime

from afpd.store.sqlite import transaction
from afpd.store.types import utc_text

_KEY = "wipe_pending"
_PATIENCE_MILLISECONDS = 2000


def mark_wipe(connection: sqlite3.Connection, now: datetime) -> None:
    """Note, in the caller's transaction, that something was wiped and older copies of it may remain in the file."""
    connection.execute("INSERT OR REPLACE INTO program_state (key, value) VALUES (?, ?)", (_KEY, utc_text(now)))


def wipe_is_pending(connection: sqlite3.Connection) -> bool:
    """Tell whether older copies of wiped secrets may remain in the file."""
    return connection.execute("SELECT 1 FROM program_state WHERE key = ?", (_KEY,)).fetchone() is not None


def finish_wipe(connection: sqlite3.Connection, say: Callable[[str], None]) -> bool:
    """Write the file anew and empty its log where a wipe is pending. Returns whether nothing remains to be done.

    When another program reads at the moment, or the disk is full, `say` tells so and the next start tries again.
    """
    if not wipe_is_pending(connection):
        return True
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MILLISECONDS}")
    try:
        connection.execute("VACUUM")
        _empty_log(connection)
    except sqlite3.OperationalError as error:
        say(f"wiped tokens may still stand in free pages of the database ({error}): finished at the next start")
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    with transaction(connection):
        connection.execute("DELETE FROM program_state WHERE key = ?", (_KEY,))
    return True


def _empty_log(connection: sqlite3.Connection) -> None:
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError("another program reads the database")
