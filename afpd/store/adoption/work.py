"""What is left to adopt, gathered once per start: which rows of the replaced system belong to which integration."""

import sqlite3
from collections.abc import Iterator
from itertools import islice

from afpd.store.sqlite import column_names

_ROWS_AT_ONCE = 500

_BATCHES = """INSERT INTO temp.adopting_batches
    SELECT job.id, known.id FROM email_import_jobs job LEFT JOIN integrations known ON known.id = job.integration_id
    WHERE job.batch_size IS NULL"""
# A mail whose import job is gone belongs to the only integration of the user who has its transaction, if that is so.
_EMAILS = """INSERT INTO temp.adopting_emails
    SELECT email.id, coalesce(email.integration_id, known.id, CASE WHEN job.id IS NULL THEN (
        SELECT CASE count(*) WHEN 1 THEN min(one.id) END FROM integrations one WHERE one.user_id = (
            SELECT user_id FROM transactions booked WHERE booked.email_parsing_job_id = email.id LIMIT 1)) END)
    FROM email_parsing_jobs email
    LEFT JOIN email_import_jobs job ON job.id = email.email_import_job_id
    LEFT JOIN integrations known ON known.id = job.integration_id
    WHERE email.received_at IS NULL"""
_TRANSACTIONS = """INSERT INTO temp.adopting_transactions
    SELECT booked.id, coalesce(email.integration_id, waiting.integration_id) FROM transactions booked
    LEFT JOIN email_parsing_jobs email ON email.id = booked.email_parsing_job_id
    LEFT JOIN temp.adopting_emails waiting ON waiting.id = booked.email_parsing_job_id
    WHERE booked.revision IS NULL"""


def gather(connection: sqlite3.Connection) -> None:
    """Fill the lists of rows to adopt: adopting_batches, adopting_emails, adopting_transactions."""
    for name in ("batches", "emails", "transactions"):
        connection.execute(f"DROP TABLE IF EXISTS temp.adopting_{name}")
        connection.execute(f"CREATE TEMP TABLE adopting_{name} (id INTEGER PRIMARY KEY, integration_id INTEGER)")
        connection.execute(f"CREATE INDEX temp.adopting_{name}_integration ON adopting_{name} (integration_id, id)")
    if "integration_id" in column_names(connection, "email_import_jobs"):
        connection.execute(_BATCHES)
        connection.execute(_EMAILS)
    connection.execute(_TRANSACTIONS)


def forget(connection: sqlite3.Connection) -> None:
    """Drop the lists."""
    for name in ("batches", "emails", "transactions"):
        connection.execute(f"DROP TABLE IF EXISTS temp.adopting_{name}")


def integrations_left(connection: sqlite3.Connection, only: frozenset[int] | None) -> list[int]:
    """Return, by id, the integrations that have anything to adopt: themselves, rows, or a plain token.

    `only` limits them; None means all.
    """
    existing = column_names(connection, "integrations")
    plain = "".join(f" OR {name} IS NOT NULL" for name in ("refresh_token", "access_token") if name in existing)
    query = f"SELECT id FROM integrations WHERE adopted_at IS NULL{plain}" + "".join(
        f" UNION SELECT integration_id FROM temp.adopting_{name} WHERE integration_id IS NOT NULL"
        for name in ("batches", "emails", "transactions")
    )
    found = sorted(row[0] for row in connection.execute(query))
    return [key for key in found if only is None or key in only]


def orphans_left(connection: sqlite3.Connection) -> bool:
    """Tell whether any row to adopt belongs to no integration, or a user has none of its own."""
    query = " UNION ALL ".join(
        f"SELECT 1 FROM temp.adopting_{name} WHERE integration_id IS NULL"
        for name in ("batches", "emails", "transactions")
    )
    if "email" in column_names(connection, "users"):
        query += " UNION ALL SELECT 1 FROM users WHERE adopted_at IS NULL AND email IS NOT NULL"
    return connection.execute(f"{query} LIMIT 1").fetchone() is not None


def rows_left(connection: sqlite3.Connection, name: str, integration_id: int | None) -> Iterator[list[int]]:
    """Yield the ids of listed rows of an integration, or (None) of none, some at a time, by id."""
    query = f"SELECT id FROM temp.adopting_{name} WHERE integration_id IS ? ORDER BY id"
    ids = [row[0] for row in connection.execute(query, (integration_id,))]
    iterator = iter(ids)
    while some := list(islice(iterator, _ROWS_AT_ONCE)):
        yield some
