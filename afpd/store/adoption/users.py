"""The users table of an adopted database: numbers from the replaced system, opaque text from afpd, side by side."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime, tzinfo

from afpd.store.adoption.values import utc_of
from afpd.store.sqlite import column_names
from afpd.store.types import utc_text

# An INTEGER PRIMARY KEY would refuse text; INT is not the row id (https://www.sqlite.org/lang_createtable.html#rowid),
# so these two keep number and row id equal: the replaced system leaves the id out and reads it as last_insert_rowid().
_TRIGGERS = (
    """CREATE TRIGGER afpd_users_number AFTER INSERT ON users WHEN NEW.id IS NULL BEGIN
    UPDATE users SET id = CASE WHEN EXISTS (SELECT 1 FROM users WHERE id = NEW.rowid)
        THEN (SELECT id + 1 FROM users WHERE id < '' ORDER BY id DESC LIMIT 1) ELSE NEW.rowid END
    WHERE rowid = NEW.rowid; END""",
    """CREATE TRIGGER afpd_users_rowid AFTER INSERT ON users
    WHEN typeof(NEW.id) = 'integer' AND NEW.id <> NEW.rowid BEGIN
    UPDATE users SET rowid = (SELECT max(rowid) + 1 FROM users) WHERE rowid = NEW.id;
    UPDATE users SET rowid = NEW.id WHERE rowid = NEW.rowid; END""",
)
_HOLDERS = ("integrations", "email_import_jobs", "transactions")


def users_declared(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Return the declared type that users.id must have, so that it takes both numbers and text."""
    declared = connection.execute("SELECT type FROM pragma_table_xinfo('users') WHERE lower(name) = 'id'").fetchone()[0]
    return {"id": "INT"} if "INT" in declared.upper() else {}


def add_number_triggers(connection: sqlite3.Connection) -> None:
    """Make inserts without an id work as they did, where ids are numbers."""
    if users_declared(connection):
        for trigger in _TRIGGERS:
            connection.execute(trigger)


def fill_users(connection: sqlite3.Connection) -> None:
    """Insert every user that a row of the replaced system names and the users table lacks."""
    for table in _HOLDERS:
        if "user_id" in column_names(connection, table):
            connection.execute(
                f"INSERT OR IGNORE INTO users (id) SELECT DISTINCT user_id FROM {table} "
                "WHERE user_id IS NOT NULL AND user_id NOT IN (SELECT id FROM users)"
            )


def adopt_users(connection: sqlite3.Connection, zone: tzinfo, now: datetime, user_id: int | str | None = None) -> None:
    """Turn the created_at of a user, or of all, from local to UTC, once. Rows that afpd made have no email."""
    if "email" not in column_names(connection, "users"):
        return
    chosen = "adopted_at IS NULL AND email IS NOT NULL" + ("" if user_id is None else " AND id = :id")
    rows = connection.execute(f"SELECT id, created_at FROM users WHERE {chosen}", {"id": user_id}).fetchall()
    connection.executemany(
        "UPDATE users SET created_at = ?, adopted_at = ? WHERE id = ?",
        [(utc_of(row["created_at"], zone), utc_text(now), row["id"]) for row in rows],
    )
