"""Transactions of the replaced system: exact amounts, our words, and their place within their mail."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from afpd.model import DatedBy, Status
from afpd.store.adoption.rebuild import rebuild
from afpd.store.adoption.shape import chosen_columns
from afpd.store.adoption.values import currency_of, exact_amount, kind_of, moment_of, status_of
from afpd.store.schema import transactions as table
from afpd.store.sqlite import transaction
from afpd.store.types import utc_text

_READ = (
    *("id", "email_parsing_job_id", "description", "amount", "currency", "date", "transaction_type"),
    *("verification_status", "created_at", "merchant"),
)
_WRITE = """UPDATE transactions SET integration_id = :integration_id, email_message_id = :email_message_id,
    ordinal = :ordinal, kind = :kind, direction = :direction, status = :status, amount = :amount, currency = :currency,
    occurred_at = :occurred_at, dated_by = :dated_by, merchant = :merchant, revision = 1, created_at = :created_at
    WHERE id = :id AND revision IS NULL"""
_PLACES = """SELECT email_message_id, max(ordinal) + 1 FROM transactions WHERE integration_id = ?
    AND email_message_id IN (SELECT value FROM json_each(?)) GROUP BY email_message_id"""


def adopt_transactions(
    connection: sqlite3.Connection, ids: list[int], integration_id: int | None, zone: tzinfo, now: datetime
) -> None:
    """Convert these rows of one integration, after their mails; several of one mail are numbered by id."""
    columns = chosen_columns(connection, "transactions", *_READ)
    query = f"SELECT {columns} FROM transactions WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
    rows = connection.execute(query, (json.dumps(ids),)).fetchall()
    mails = _mails(connection, rows)
    places = _places(connection, integration_id, list(mails.values()))
    converted = []
    for row in rows:
        key = mails.get(row["email_parsing_job_id"])
        mail = {"integration_id": integration_id, "email_message_id": key, "ordinal": places[key] if key else 0}
        places[key] += 1
        converted.append(_transaction(row, zone, now) | mail)
    connection.executemany(_WRITE, converted)


def finish_amounts(connection: sqlite3.Connection, say: Callable[[str], None]) -> None:
    """Declare the amount TEXT once no float of the replaced system is left in it."""
    declared = connection.execute(
        "SELECT type FROM pragma_table_xinfo('transactions') WHERE name = 'amount'"
    ).fetchone()
    left = "SELECT 1 FROM transactions WHERE revision IS NULL LIMIT 1"
    if declared[0] == "TEXT" or connection.execute(left).fetchone():
        return
    with transaction(connection):
        shared = frozenset(table.columns.keys())
        rebuild(connection, table, "transactions", shared=shared, types={"amount": "TEXT"}, say=say)


def _mails(connection: sqlite3.Connection, rows: list[sqlite3.Row]) -> dict[int, str]:
    jobs = json.dumps([row["email_parsing_job_id"] for row in rows])
    query = "SELECT id, email_message_id FROM email_parsing_jobs WHERE id IN (SELECT value FROM json_each(?))"
    return {number: str(key) for number, key in connection.execute(query, (jobs,))}


def _places(connection: sqlite3.Connection, integration_id: int | None, keys: list[str]) -> Counter[str | None]:
    return Counter(dict(connection.execute(_PLACES, (integration_id, json.dumps(keys))).fetchall()))


def _transaction(row: sqlite3.Row, zone: tzinfo, now: datetime) -> dict[str, Any]:
    currency = currency_of(row["currency"])
    dated, created = moment_of(row["date"], zone), moment_of(row["created_at"], zone)
    occurred = dated or created or now
    kind, direction = kind_of(row["transaction_type"])
    status = status_of(row["verification_status"])
    try:
        amount, _ = exact_amount(row["amount"], currency)
    except ValueError:
        amount, status = exact_amount(0, currency)[0], Status.PENDING  # counts nothing, and shows
    return {
        "id": row["id"],
        "kind": kind.value,
        "direction": direction.value,
        "status": status.value,
        "amount": amount,
        "currency": currency,
        "occurred_at": occurred.astimezone(zone).isoformat(),
        "dated_by": (DatedBy.BODY if dated else DatedBy.RECEIVED).value,
        "merchant": row["merchant"] or row["description"],
        "created_at": utc_text(created or occurred),
    }
