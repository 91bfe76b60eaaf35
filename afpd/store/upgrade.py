"""Bringing a database to the schema of this version at start: made, migrated or taken over, never recreated."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, NullPool, create_engine, event

from afpd import __version__
from afpd.errors import ConfigError, SchemaTooNew
from afpd.keyring import Keyring
from afpd.store.adoption.adopt import Adopter, Adoption
from afpd.store.adoption.shape import looks_legacy, require_shape
from afpd.store.copying import copy_database
from afpd.store.database import closed_on_error
from afpd.store.migrations import VERSION_TABLE
from afpd.store.schema import metadata
from afpd.store.sqlite import BUSY_SECONDS, PRAGMAS, errors_in_words, make_file, open_file, require_file, table_names


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """What an upgrade did: revisions before (None: not afpd's yet) and after, the copy it made, and the adoption."""

    before: str | None
    after: str
    copy: Path | None
    adoption: Adoption


def upgrade(
    path: Path,
    *,
    keyring: Keyring | None = None,
    zone: tzinfo,
    now: datetime,
    only: frozenset[int] | None = None,
    say: Callable[[str], None],
) -> UpgradeReport:
    """Make the database, or bring it to the newest revision and adopt what the replaced system left in it.

    Every row is kept; a second call changes nothing. `zone` is that of the replaced system's naive times, `now` an
    aware moment; `only` limits adoption to these integrations (an empty set: only the schema). `keyring` is needed
    where there is something to seal. `say` is told, in sentences, what a person should know.

    Raises SchemaTooNew, with nothing touched, for a database of a newer afpd; ConfigError for a file that is no
    database of afpd's, StorageUnavailable when it refuses for now, SecretError when a key is needed and missing.
    """
    make_file(path)
    with errors_in_words(path):
        before = current_revision(path)
        _refuse_newer(path, before)
        copy = _copy_of_legacy(path, say) if before is None else None
        if before != head_revision():
            _migrate(path, say)
        with closing(open_file(path)) as connection:
            adoption = Adopter(connection, keyring, zone, now, say).run(only)
    return UpgradeReport(before, head_revision(), copy, adoption)


def current_revision(path: Path) -> str | None:
    """Return the revision of a database; None while afpd has not touched it. Raises as `upgrade` does."""
    require_file(path)
    with errors_in_words(path), closing(open_file(path)) as connection:
        if VERSION_TABLE not in table_names(connection):
            return None
        row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
        return None if row is None else str(row[0])


def require_current(path: Path) -> None:
    """Raise SchemaTooNew for a database of a newer afpd, ConfigError for one that has to be upgraded first."""
    revision = current_revision(path)
    _refuse_newer(path, revision)
    if revision != head_revision():
        raise ConfigError(f"{path}: the database is of an older version: start the daemon, or run `afpd db upgrade`")


def head_revision() -> str:
    """Return the newest revision that this version knows."""
    return revisions()[-1]


def revisions() -> list[str]:
    """Return every revision that this version knows, oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def is_legacy(path: Path) -> bool:
    """Tell whether the file is a database of the replaced system that afpd has not touched yet."""
    require_file(path)
    with errors_in_words(path), closing(open_file(path)) as connection:
        return looks_legacy(connection)


def _refuse_newer(path: Path, revision: str | None) -> None:
    if revision is not None and revision not in revisions():
        raise SchemaTooNew(
            f"{path}: the database is at revision {revision}, which afpd {__version__} does not know (up to "
            f"{head_revision()}): upgrade afpd, or restore a backup made before. Nothing was changed"
        )


def _copy_of_legacy(path: Path, say: Callable[[str], None]) -> Path | None:
    with closing(open_file(path)) as connection:
        if not looks_legacy(connection):
            return None
        try:
            require_shape(connection, frozenset(metadata.tables))
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
    target = path.with_name(f"{path.name}.before-afpd")
    # A second process may have migrated in the meantime: a copy of that is none of the database as it was.
    if not copy_database(path, target, replace=True, keep_if=looks_legacy):
        return None
    say(
        f"{target}: a copy of the database as it was before afpd. It still holds plain tokens: "
        "delete it once all is well"
    )
    return target


def _migrate(path: Path, say: Callable[[str], None], revision: str = "head") -> None:
    """Apply revisions in one transaction; SQLite's schema changes are transactional when nothing commits between."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        with closed_on_error(connection):
            for pragma in ("journal_mode = WAL", *PRAGMAS):
                connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        try:
            command.upgrade(_config(connection=connection, say=say), revision)
        except sqlite3.IntegrityError as error:
            raise ConfigError(f"{path}: the database is not one to take over: {error}") from error


def _config(**attributes: Any) -> Config:
    config = Config(attributes=attributes)
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
