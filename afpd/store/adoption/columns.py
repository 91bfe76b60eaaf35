"""The columns of an existing table as SQLite knows them, and how they stand in the rebuilt one."""

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateColumn

from afpd.store.adoption.definitions import Extras, column_extras
from afpd.store.sqlite import quoted

_DIALECT = sqlite.dialect()
_COMPILER: Any = _DIALECT.ddl_compiler(_DIALECT, None)  # type: ignore[arg-type]  # SQLAlchemy itself passes None
_LITERAL = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[+-]?[\d.]+(?:e[+-]?\d+)?|x'[\da-f]*'|null|true|false|current_\w+""",
    re.IGNORECASE,
)
_GENERATED = (2, 3)  # values of `hidden` in https://www.sqlite.org/pragma.html#pragma_table_xinfo


@dataclass(frozen=True, slots=True)
class Existing:
    """One column of an existing table."""

    name: str
    declared: str
    default: str | None
    not_null: bool
    generated: bool
    extras: Extras


@dataclass(frozen=True, slots=True)
class Plan:
    """The columns of the rebuilt table in SQL, and which existing column fills which new one (new, existing)."""

    definitions: list[str]
    copied: list[tuple[str, str]]
    aside: list[tuple[str, str]]


def existing_columns(connection: sqlite3.Connection, table: str) -> list[Existing]:
    """Return the columns of a table in their order."""
    created = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    extras = column_extras(created)
    return [
        Existing(
            name,
            declared or "",
            default,
            bool(not_null),
            hidden in _GENERATED,
            extras.get(name.lower(), Extras()),
        )
        for _, name, declared, not_null, default, _, hidden in connection.execute(
            f"PRAGMA table_xinfo({quoted(table)})"
        )
    ]


def plan_columns(existing: list[Existing], table: Table, shared: frozenset[str], types: Mapping[str, str]) -> Plan:
    """Return how `table` looks once it holds its own columns and the existing ones.

    `shared` are the columns that stay in place as ours; `types` gives some of them another declared type. Others of
    the same name step aside as legacy_<name>. NOT NULL stays only where both systems always give a value.
    """
    plan = Plan([], [], [])
    taken = {column.name.lower() for column in existing} | set(table.columns.keys())
    for column in existing:
        lower = column.name.lower()
        if lower in shared:
            plan.definitions.append(_shared(column, table.columns[lower], types.get(lower, column.declared)))
            plan.copied.append((lower, column.name))
        else:
            name = column.name if lower not in table.columns else _free_name(f"legacy_{lower}", taken)
            if name != column.name:
                plan.aside.append((column.name, name))
            plan.definitions.append(_kept(column, name))
            if not (column.generated and column.extras.generated):
                plan.copied.append((name, column.name))
    present = {column.name.lower() for column in existing} & shared
    plan.definitions.extend(_own(column) for column in table.columns if column.name not in present)
    return plan


def _shared(column: Existing, own: Column[object], declared: str) -> str:
    if own.primary_key:
        return f"{own.name} {declared} PRIMARY KEY"
    default = column.default if column.default is not None else _own_default(own)
    not_null = " NOT NULL" if column.not_null and not own.nullable else ""
    return f"{quoted(own.name)} {declared}{_default(default)}{column.extras.collate}{not_null}"


def _kept(column: Existing, name: str) -> str:
    if column.generated and column.extras.generated:
        return f"{quoted(name)} {column.declared} {column.extras.generated}{column.extras.collate}"
    return f"{quoted(name)} {column.declared}{_default(column.default)}{column.extras.collate}"


def _own(column: Column[object]) -> str:
    definition = str(CreateColumn(column).compile(dialect=_DIALECT))
    # Rows of the replaced system come without our columns, also in future.
    return definition if column.server_default is not None else definition.replace(" NOT NULL", "")


def _own_default(column: Column[object]) -> str | None:
    return None if column.server_default is None else _COMPILER.get_column_default_string(column)


def _default(expression: str | None) -> str:
    if expression is None:
        return ""
    return f" DEFAULT {expression}" if _LITERAL.fullmatch(expression.strip()) else f" DEFAULT ({expression})"


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
