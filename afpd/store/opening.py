"""Opening the database before anything else: its key, its schema, and what an older system left in it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from os import environ as process_environment
from pathlib import Path

from afpd.clock import SystemClock
from afpd.config import Settings, key_place
from afpd.errors import ConfigError
from afpd.keyring import Keyring
from afpd.store.sqlite import column_names, errors_in_words, open_file
from afpd.store.upgrade import require_current, upgrade

_SEALED = (
    ("integrations", "sealed_refresh_token"),
    ("integrations", "sealed_access_token"),
    ("email_parsing_jobs", "body"),
)


def open_for_run(
    settings: Settings, *, now: datetime, only: frozenset[int] | None, say: Callable[[str], None]
) -> Keyring:
    """Bring the database to this version's schema, adopt an older system's rows, and return the key.

    `only` limits adoption to some integrations; `say` is told what a person should know. Raises SchemaTooNew,
    ConfigError, SecretError or StorageUnavailable.
    """
    keyring = keyring_of(settings)
    upgrade(settings.database.sqlite_path, keyring=keyring, zone=settings.zone, now=now, only=only, say=say)
    return keyring


def open_for_verb(settings: Settings, *, creates: bool) -> None:
    """Check that a verb may work on the database; one that `creates` makes a database where there is none.

    Nothing is adopted here: a database of an older system or version is the daemon's, or `afpd db upgrade`'s.
    Raises ConfigError that says what to do, or SchemaTooNew.
    """
    path = settings.database.sqlite_path
    if not path.exists():
        if not creates:
            raise ConfigError(f"{path}: there is no database yet: `afpd integrations add` or `afpd run` makes it")
        upgrade(path, zone=settings.zone, now=SystemClock().now(), only=frozenset(), say=lambda _: None)
    require_current(path)


def keyring_of(settings: Settings, environ: Mapping[str, str] = process_environment) -> Keyring:
    """Return the key of the configuration; it is made when it is missing and the database holds nothing sealed.

    Raises SecretError for a missing key of a database that holds sealed values, and for an unreadable one.
    """
    path = settings.database.sqlite_path
    return Keyring.open_or_create(key_place(settings, environ=environ), holds_sealed=lambda: holds_sealed(path))


def holds_sealed(path: Path) -> bool:
    """Tell whether the database holds anything that only its key can open."""
    if not path.exists():
        return False
    with errors_in_words(path):
        connection = open_file(path)
        try:
            for table, column in _SEALED:
                if column not in column_names(connection, table):
                    continue
                query = f"SELECT 1 FROM {table} WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608 - names of ours
                if connection.execute(query).fetchone():
                    return True
        finally:
            connection.close()
    return False
