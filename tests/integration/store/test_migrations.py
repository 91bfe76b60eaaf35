"""The schema: what the migrations make is what the program believes, and no row is lost on the way there."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, NullPool, create_engine, inspect
from support.legacy import make_legacy_database

from afpd.errors import ConfigError, SchemaTooNew
from afpd.store.migrations import VERSION_TABLE
from afpd.store.schema import metadata
from afpd.store.upgrade import _migrate, current_revision, head_revision, require_current, revisions, upgrade

_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> ? AND sql IS NOT NULL ORDER BY type, name"


def _same(_: object) -> None:
    return None


def test_a_new_database_is_made_with_mode_0600_at_the_newest_revision(run_upgrade, path):
    report = run_upgrade()

    assert (report.before, report.after, report.copy) == (None, head_revision(), None)
    assert current_revision(path) == head_revision()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["afpd.db"]


def test_the_migrated_schema_is_the_schema_of_the_program(run_upgrade, path):
    run_upgrade()

    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_server_default": True, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_migrated_schema_is_the_same_to_the_letter(run_upgrade, path, query, tmp_path):
    """Partial indexes, row-id tables and declared types, of which the comparison above sees nothing."""
    run_upgrade()
    created = tmp_path / "created.db"
    engine = create_engine(f"sqlite:///{created}", poolclass=NullPool)
    metadata.create_all(engine)

    assert _letters(query, path) == _letters(query, created)


def _letters(query, file):
    """Every index as it is written; of each table its columns, whose order a later revision cannot choose."""
    rows = query(_OBJECTS, VERSION_TABLE, file=file)
    letters = {row["name"]: row["sql"] for row in rows if row["type"] != "table"}
    for table in (row for row in rows if row["type"] == "table"):
        columns = query(
            "SELECT name, type, [notnull], dflt_value, pk FROM pragma_table_xinfo(?)", table["name"], file=file
        )
        letters[table["name"]] = (sorted(map(str, columns)), "WITHOUT ROWID" in table["sql"])
    return letters


def test_a_second_upgrade_writes_not_a_byte(run_upgrade, path):
    run_upgrade()
    before = path.read_bytes()

    assert run_upgrade().before == head_revision()
    assert path.read_bytes() == before


@pytest.mark.parametrize("start", [*revisions(), "the replaced system"])
def test_every_row_survives_from_every_earlier_version(start, run_upgrade, path, query):
    if start == "the replaced system":
        make_legacy_database(path, integrations=3, jobs=30)
    else:
        path.touch(0o600)
        _migrate(path, _same, start)
        _fill(path)
    tables = {row["name"] for row in query("SELECT name FROM sqlite_master WHERE type = 'table'")} - {VERSION_TABLE}
    before = {table: query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}

    run_upgrade(only=frozenset())

    assert current_revision(path) == head_revision()
    for table, rows in before.items():
        assert rows, f"{table} was not filled"
        columns = ", ".join(f'"{name}"' for name in rows[0])
        assert query(f"SELECT {columns} FROM {table} ORDER BY 1, 2") == rows, table


def _fill(path: Path) -> None:
    """Put three rows into every table of the database, whatever its revision has."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    inspector = inspect(engine)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in set(inspector.get_table_names()) - {VERSION_TABLE}:
            columns = inspector.get_columns(table)
            for number in range(1, 4):
                values = [_value(column, number) for column in columns]
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)


def _value(column: "Column[object]", number: int) -> object:
    name, declared = column["name"], str(column["type"])
    if name == "duplicate_of_id":
        return None
    if name.endswith("_at") or "DATE" in declared:
        return datetime(2026, 1, number, 12).isoformat(sep=" ", timespec="microseconds")
    if "INT" in declared or "BOOL" in declared or "FLOAT" in declared:
        return number
    return b"\x00sealed" if "BLOB" in declared else f'"{name} {number}"' if declared == "JSON" else f"{name} {number}"


def test_a_database_of_a_newer_version_is_refused_and_not_touched(run_upgrade, path, query):
    run_upgrade()
    query(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    before = path.read_bytes()

    with pytest.raises(SchemaTooNew, match=r"revision 9999, which afpd .* upgrade afpd, or restore a backup") as error:
        run_upgrade()

    assert error.value.exit_code == 78
    assert path.read_bytes() == before
    with pytest.raises(SchemaTooNew):
        require_current(path)


def test_a_database_that_has_to_be_upgraded_first_is_said_to_be_older(path):
    make_legacy_database(path, integrations=1, jobs=1)

    with pytest.raises(ConfigError, match="older version: start the daemon, or run `afpd db upgrade`"):
        require_current(path)


def test_a_migration_that_fails_half_way_leaves_no_trace(path, keyring):
    make_legacy_database(path, integrations=3, jobs=30)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE VIEW parked_emails AS SELECT 1")  # the name of a table that comes late
        before = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()

    with pytest.raises(Exception, match="parked_emails"):
        upgrade(path, keyring=keyring, zone=None, now=None, say=_same)

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall() == before
        assert connection.execute("SELECT count(*) FROM email_parsing_jobs").fetchone() == (30,)
