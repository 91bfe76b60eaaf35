"""Rebuilding the tables of the replaced system so that both systems can write them.

SQLite cannot drop a NOT NULL or change a type in place; this is the procedure of
https://www.sqlite.org/lang_altertable.html, section 7, inside the caller's transaction.
"""

import re
import sqlite3
from collections.abc import Callable, Mapping

from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex

from afpd.store.adoption.columns import existing_columns, plan_columns
from afpd.store.adoption.shape import LEGACY_TABLES, SHARED
from afpd.store.adoption.users import add_number_triggers, fill_users, users_declared
from afpd.store.sqlite import column_names, quoted, table_names

_UNIQUE = re.compile(r"^\s*CREATE\s+UNIQUE\s+INDEX", re.IGNORECASE)
# What finds the rows that are not adopted yet, whatever the size of the table; empty once all are.
_WAITING = {
    "email_import_jobs": ("integration_id", "batch_size"),
    "email_parsing_jobs": ("email_import_job_id", "received_at"),
    "transactions": ("email_parsing_job_id", "revision"),
}
# Until a row is adopted its float stays the float it was; see `afpd.store.adoption.transactions.finish_amounts`.
_UNTYPED_AMOUNT = {"amount": ""}


def merge(connection: sqlite3.Connection, metadata: MetaData, *, say: Callable[[str], None]) -> frozenset[str]:
    """Give each table of the replaced system our columns, keeping its rows and columns. Returns the tables done.

    Does nothing in a database without such tables. `say` is told of what could not be kept.
    """
    names = table_names(connection)
    present = [name for name in LEGACY_TABLES if name in names]
    for name in present:
        types = _UNTYPED_AMOUNT if name == "transactions" else users_declared(connection) if name == "users" else {}
        rebuild(connection, metadata.tables[name], names[name], shared=SHARED[name], types=types, say=say)
        if name in _WAITING:
            key, mark = _WAITING[name]
            connection.execute(f"CREATE INDEX legacy_{name}_waiting ON {name} ({key}) WHERE {mark} IS NULL")
    if not present:
        return frozenset()
    if "users" not in names:
        connection.execute("CREATE TABLE users (id INT PRIMARY KEY, created_at DATETIME, adopted_at DATETIME)")
        fill_users(connection)
    add_number_triggers(connection)
    return frozenset(present) | {"users"}


def rebuild(
    connection: sqlite3.Connection,
    table: Table,
    existing: str,
    *,
    shared: frozenset[str],
    types: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Replace the table called `existing` by one that has the columns of `table` as well; row ids stay.

    `shared` and `types` as in `plan_columns`. CHECKs and foreign keys go, unique indexes stay as plain ones: none of
    them may refuse what the other system writes.
    """
    plan = plan_columns(existing_columns(connection, existing), table, shared, types)
    indexes, triggers = _indexes(connection, existing, table), _triggers(connection, existing)
    for old, new in plan.aside:
        say(f"{table.name}.{old}: afpd has a column of that name; what it held is in {new}")
    draft = f"afpd_new_{table.name}"
    connection.execute(f"CREATE TABLE {draft} ({', '.join(plan.definitions)})")
    copied = plan.copied + ([("rowid", "id")] if types.get("id") == "INT" else [])
    targets, sources = (", ".join(quoted(pair[side]) for pair in copied) for side in (0, 1))
    connection.execute(f"INSERT INTO {draft} ({targets}) SELECT {sources} FROM {quoted(existing)}")
    connection.execute(f"DROP TABLE {quoted(existing)}")
    connection.execute(f"ALTER TABLE {draft} RENAME TO {table.name}")
    for index in table.indexes:
        connection.execute(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
    for name, statement in indexes:
        _create(connection, statement, f"the index {name} of {table.name}", say)
    for name, statement in triggers:
        if _create(connection, statement, f"the trigger {name} of {table.name}", say):
            _drop_if_broken(connection, table.name, name, say)


def _indexes(connection: sqlite3.Connection, existing: str, table: Table) -> list[tuple[str, str]]:
    own = {str(index.name).lower() for index in table.indexes}
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE"
    found = []
    for name, statement in connection.execute(query, (existing,)).fetchall():
        if statement is None:
            found += _of_constraint(connection, name, existing)
        elif name.lower() not in own:
            found.append((name, _UNIQUE.sub("CREATE INDEX", statement)))
    return found


def _of_constraint(connection: sqlite3.Connection, index: str, existing: str) -> list[tuple[str, str]]:
    """Return the plain index that stands in for a UNIQUE of the table; the primary key keeps its own."""
    columns = [row[0] for row in connection.execute("SELECT name FROM pragma_index_info(?)", (index,))]
    if [name.lower() for name in columns] == ["id"]:
        return []
    name = f"legacy_{index.removeprefix('sqlite_')}"
    return [(name, f"CREATE INDEX {quoted(name)} ON {quoted(existing)} ({', '.join(map(quoted, columns))})")]


def _triggers(connection: sqlite3.Connection, existing: str) -> list[tuple[str, str]]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY rowid"
    return [(name, statement) for name, statement in connection.execute(query, (existing,))]


def _create(connection: sqlite3.Connection, statement: str, what: str, say: Callable[[str], None]) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        say(f"{what} could not be kept: {error}")
        return False
    return True


def _drop_if_broken(connection: sqlite3.Connection, table: str, trigger: str, say: Callable[[str], None]) -> None:
    """Drop a trigger that cannot run here (it calls a function of the other program): it would refuse every write."""
    updated = ", ".join(f"{quoted(name)} = NULL" for name in _plain_columns(connection, table))
    try:
        connection.execute(f"EXPLAIN INSERT INTO {table} DEFAULT VALUES")
        connection.execute(f"EXPLAIN UPDATE {table} SET {updated}")
        connection.execute(f"EXPLAIN DELETE FROM {table}")
    except sqlite3.OperationalError as error:
        connection.execute(f"DROP TRIGGER {quoted(trigger)}")
        say(f"the trigger {trigger} of {table} could not be kept: {error}")


def _plain_columns(connection: sqlite3.Connection, table: str) -> list[str]:
    generated = {column.name for column in existing_columns(connection, table) if column.generated}
    return sorted(column_names(connection, table) - {name.lower() for name in generated})
