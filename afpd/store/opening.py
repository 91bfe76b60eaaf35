"""Opening the database before anything else: its key, its schema, and what an older system left in it."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from os import environ as process_environment
from pathlib import Path

from afpd.clock import SystemClock
from afpd.config import Settings, key_place
from afpd.errors import ConfigError, SecretError
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

    Raises SecretError for a missing key of a database that holds sealed values, for another database's key, and for
    an unreadable one.
    """
    path, place = settings.database.sqlite_path, key_place(settings, environ=environ)
    sealed = some_sealed(path)
    keyring = Keyring.open_or_create(place, holds_sealed=lambda: sealed is not None, environ=environ)
    if sealed is not None and not keyring.holds_key_of(sealed):
        raise SecretError(
            f"{place}: is not the key of {path}, which holds values sealed with another one: put the right file back"
        )
    return keyring


def some_sealed(path: Path) -> bytes | None:
    """Return any value of the database that only its key can open, None where there is none."""
    if not path.exists():
        return None
    with errors_in_words(path), closing(open_file(path)) as connection:
        for table, column in _SEALED:
            if column not in column_names(connection, table):
                continue
            query = f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608 - names of ours
            if (row := connection.execute(query).fetchone()) is not None:
                return bytes(row[0])
    return None
