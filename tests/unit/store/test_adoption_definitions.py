"""What the text of a CREATE TABLE tells of its columns, however it is written."""

import sqlite3
from contextlib import closing

import pytest

from afpd.store.adoption.columns import existing_columns
from afpd.store.adoption.definitions import Extras, column_extras


def test_generated_columns_keep_their_expression_and_collated_ones_their_collation():
    created = """CREATE TABLE "odd(name" (
        id INTEGER PRIMARY KEY, -- a comment, with (a paren
        [a b] TEXT COLLATE nocase DEFAULT 'x, y (' NOT NULL,
        "as" REAL GENERATED ALWAYS AS (round(amount * 2, 1)) STORED,
        amount NUMERIC(10, 2) CHECK (amount > (0)), /* and, another */
        total AS ("as" || ')') VIRTUAL,
        FOREIGN KEY (id) REFERENCES other (id), UNIQUE (amount, total))"""

    found = column_extras(created)

    assert found["a b"] == Extras(collate=" COLLATE nocase")
    assert found["as"] == Extras("GENERATED ALWAYS AS (round(amount * 2, 1)) STORED")
    assert found["total"] == Extras("""GENERATED ALWAYS AS ("as" || ')')""")
    assert found["amount"] == found["id"] == Extras()


@pytest.mark.parametrize(
    "default", ["7", "-1.5e3", "'it''s'", "x'00ff'", "NULL", "CURRENT_TIMESTAMP", "(1 + 2)", "(lower('A, (B'))"]
)
def test_a_default_reads_the_same_from_the_rebuilt_definition(default):
    from sqlalchemy import Column, Integer, MetaData, Table

    from afpd.store.adoption.columns import plan_columns

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE old (id INTEGER PRIMARY KEY, extra VARCHAR(9) DEFAULT {default})")
        table = Table("new", MetaData(), Column("id", Integer, primary_key=True))
        plan = plan_columns(existing_columns(connection, "old"), table, frozenset({"id"}), {})
        connection.execute(f"CREATE TABLE new ({', '.join(plan.definitions)})")
        rows = []
        for name in ("old", "new"):
            connection.execute(f"INSERT INTO {name} DEFAULT VALUES")
            rows.append(connection.execute(f"SELECT extra FROM {name}").fetchall())

    assert rows[0] == rows[1]
