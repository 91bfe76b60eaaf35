"""Parsing jobs of the replaced system: each mail once, its outcome in our words, its body sealed."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from afpd.keyring import Keyring
from afpd.model import Outcome
from afpd.store.adoption.mail import adopted_mail
from afpd.store.adoption.shape import chosen_columns
from afpd.store.adoption.values import outcome_of, utc_of
from afpd.store.sealed import seal_body
from afpd.store.sqlite import column_names
from afpd.store.types import utc_text

_READ = (
    *("id", "email_message_id", "email_subject", "email_from", "email_body"),
    *("parsing_status", "parsing_attempts", "processed_at", "created_at"),
)
_BOOKED = (
    "EXISTS (SELECT 1 FROM transactions WHERE transactions.email_parsing_job_id = email_parsing_jobs.id) AS booked"
)
_WRITE = """UPDATE email_parsing_jobs SET integration_id = :integration_id, rfc_message_id = :rfc_message_id,
    received_at = :received_at, body = :body, parsing_status = :parsing_status, outcome_reason = :reason,
    attempts = :attempts, processed_at = :processed_at, created_at = :created_at, duplicate_of_id = :duplicate_of_id
    {wiped} WHERE id = :id AND received_at IS NULL"""
_KEPT = """SELECT email_message_id, id FROM email_parsing_jobs WHERE integration_id = ? AND duplicate_of_id IS NULL
    AND email_message_id IN (SELECT value FROM json_each(?))"""


@dataclass(frozen=True, slots=True)
class EmailContext:
    """What converting a mail needs beside its row: zone of naive times, the UTC moment of adoption, and the keys."""

    zone: tzinfo
    now: datetime
    keyring: Keyring


def adopt_emails(
    connection: sqlite3.Connection, ids: list[int], integration_id: int | None, context: EmailContext
) -> bool:
    """Convert these rows of one integration. Returns whether a plain body was wiped.

    Of several rows of one mail the first keeps; the later ones stay as its duplicates.
    """
    columns = chosen_columns(connection, "email_parsing_jobs", *_READ)
    query = (
        f"SELECT {columns}, {_BOOKED} FROM email_parsing_jobs WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
    )
    rows = connection.execute(query, (json.dumps(ids),)).fetchall()
    keys = json.dumps([str(row["email_message_id"]) for row in rows])
    kept = {str(key): number for key, number in connection.execute(_KEPT, (integration_id, keys))}
    converted = []
    for row in rows:
        first = kept.setdefault(str(row["email_message_id"]), row["id"]) if integration_id is not None else row["id"]
        duplicate = {"duplicate_of_id": None if first == row["id"] else first, "integration_id": integration_id}
        converted.append(_email(row, integration_id, context) | duplicate)
    plain = "email_body" in column_names(connection, "email_parsing_jobs")
    connection.executemany(_WRITE.format(wiped=", email_body = NULL" if plain else ""), converted)
    return any(row["email_body"] is not None for row in rows)


def _email(row: sqlite3.Row, integration_id: int | None, context: EmailContext) -> dict[str, Any]:
    key, now = str(row["email_message_id"]), utc_text(context.now)
    created = utc_of(row["created_at"], context.zone) or now
    raw = adopted_mail(row["email_subject"], row["email_from"], row["email_body"]) if row["email_body"] else None
    outcome = outcome_of(row["parsing_status"], booked=bool(row["booked"]))
    reason = f"the replaced system called it {row['parsing_status'] or 'nothing'}"
    if outcome is Outcome.PENDING and raw is None:
        outcome, reason = Outcome.UNMATCHED, f"{reason} and kept no body of it to read"
    processed = utc_of(row["processed_at"], context.zone)
    return {
        "id": row["id"],
        "rfc_message_id": key if "@" in key else None,
        "received_at": created,
        "body": None if raw is None else seal_body(context.keyring, integration_id, key, raw),
        "parsing_status": outcome.value,
        "reason": reason,
        "attempts": row["parsing_attempts"] or 0,
        "processed_at": processed if outcome is Outcome.PENDING else processed or created,
        "created_at": created,
    }
