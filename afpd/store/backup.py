"""A copy of the database while it is in use, and a look whether it is sound."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from afpd.errors import ConfigError
from afpd.model import BatchStatus, ImportStatus, Outcome, Status
from afpd.store.adoption.wipe import wipe_is_pending
from afpd.store.copying import copy_database
from afpd.store.sqlite import column_names, errors_in_words, open_file, require_file
from afpd.store.types import utc_text
from afpd.store.upgrade import current_revision, head_revision

# Words of the replaced system stay in its rows until those are adopted.
_WORDS: tuple[tuple[str, str, type[StrEnum], str], ...] = (
    ("integrations", "import_status", ImportStatus, ""),
    ("email_import_jobs", "status", BatchStatus, "AND batch_size IS NOT NULL"),
    ("email_parsing_jobs", "parsing_status", Outcome, "AND received_at IS NOT NULL"),
    ("transactions", "status", Status, "AND revision IS NOT NULL"),
)
_STUCK = (
    ("integrations", "import_status = 'running' AND lease_until < :late", "are running although their lease is over"),
    ("email_parsing_jobs", "parsing_status = 'pending' AND lease_until < :late", "are leased although that is over"),
    ("email_import_jobs", "status = 'running' AND batch_size IS NOT NULL AND started_at < :long_ago", "never ended"),
    ("integrations", "import_status = 'suspended' AND suspend_until < :long_ago", "are suspended beyond their time"),
)
_UNSOUND = (
    (
        "email_parsing_jobs",
        """parsing_status = 'success' AND template IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM transactions WHERE transactions.email_parsing_job_id = email_parsing_jobs.id)""",
        "ended as success without a transaction",
    ),
    ("transactions", "revision IS NOT NULL AND (amount IS NULL OR typeof(amount) <> 'text')", "have no exact amount"),
    (
        "transactions",
        "integration_id IS NOT NULL AND integration_id NOT IN (SELECT id FROM integrations)",
        "belong to no integration",
    ),
)
_LATE = timedelta(minutes=5)
_LONG_AGO = timedelta(days=1)


def backup(path: Path, target: Path) -> None:
    """Write a consistent copy of the database to a new file of mode 0600, also while a daemon runs.

    The key file is not in it: keep a copy of that elsewhere. Raises ConfigError when `target` is there already or
    either place is wrong, StorageUnavailable when the disk is full.
    """
    require_file(path)
    if not target.absolute().parent.is_dir():
        raise ConfigError(f"{target}: the folder {target.absolute().parent} does not exist: make it first")
    with errors_in_words(target):
        try:
            copy_database(path, target, replace=False)
        except FileExistsError:
            raise ConfigError(f"{target}: is there already and is not overwritten: name another file") from None


def check(path: Path, *, now: datetime | None = None) -> list[str]:
    """Return what is wrong with a database, a sentence each; nothing is changed. `now` is an aware moment.

    Raises ConfigError or StorageUnavailable when it cannot be read at all.
    """
    revision = current_revision(path)
    if revision is None:
        return ["the database is not one of afpd's yet: `afpd db upgrade` makes it one"]
    with errors_in_words(path), closing(open_file(path)) as connection:
        connection.execute("PRAGMA query_only = ON")
        found = _integrity(connection)
        if revision != head_revision():
            return [*found, f"the database is at revision {revision}, not {head_revision()}: run `afpd db upgrade`"]
        return [*found, *_rows(connection, now or datetime.now(UTC)), *_left_over(connection)]


def _integrity(connection: sqlite3.Connection) -> list[str]:
    rows = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    return [] if rows == ["ok"] else [f"the file is damaged, restore a backup: {row}" for row in rows]


def _rows(connection: sqlite3.Connection, now: datetime) -> Iterator[str]:
    times = {"late": utc_text(now - _LATE), "long_ago": utc_text(now - _LONG_AGO)}
    for table, condition, words in (*_STUCK, *_UNSOUND):
        yield from _sentence(connection, table, condition, words, times)
    for table, column, known, scope in _WORDS:
        words = ", ".join(f"'{word.value}'" for word in known)
        unknown = f"{column} NOT IN ({words}) {scope}"
        yield from _sentence(connection, table, unknown, f"have a {column} that afpd does not know", {})


def _sentence(
    connection: sqlite3.Connection, table: str, condition: str, words: str, times: dict[str, str]
) -> Iterable[str]:
    query = f"SELECT count(*), min(id) FROM {table} WHERE {condition}"  # noqa: S608 - constants of this file
    count, example = connection.execute(query, times).fetchone()
    return [f"{table}: {count} rows {words} (the first is {example})"] if count else []


def _left_over(connection: sqlite3.Connection) -> Iterator[str]:
    waiting = (
        "SELECT count(*) FROM integrations WHERE adopted_at IS NULL AND sealed_refresh_token IS NULL AND is_active"
    )
    if (count := connection.execute(waiting).fetchone()[0]) and "refresh_token" in column_names(
        connection, "integrations"
    ):
        yield f"integrations: {count} rows still belong to the replaced system: `afpd run` without --only adopts them"
    if wipe_is_pending(connection):
        yield "wiped tokens may still stand in free pages of the file: restart afpd while no other program reads it"
