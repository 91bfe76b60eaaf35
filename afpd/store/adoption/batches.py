"""Import jobs of the replaced system, one per run and user, as batches of one integration."""

import json
import sqlite3
from datetime import datetime, tzinfo
from typing import Any

from afpd.model import BatchStatus
from afpd.store.adoption.shape import chosen_columns
from afpd.store.adoption.values import batch_status_of, moment_of
from afpd.store.types import utc_text

_READ = (
    *("id", "user_id", "integration_id", "status", "emails_found", "emails_processed"),
    *("started_at", "completed_at", "error_message"),
)
_WRITE = """UPDATE email_import_jobs SET status = :status, started_at = :started_at, completed_at = :completed_at,
    batch_size = 1, total_emails_found = :found, total_emails_processed = :processed, errors = :errors,
    processing_duration_seconds = :seconds, user_results = :user_results WHERE id = :id AND batch_size IS NULL"""


def adopt_batches(connection: sqlite3.Connection, ids: list[int], zone: tzinfo, now: datetime) -> None:
    """Convert these rows; times become UTC, and a job that never ended counts as interrupted."""
    columns = chosen_columns(connection, "email_import_jobs", *_READ)
    rows = connection.execute(
        f"SELECT {columns} FROM email_import_jobs WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
    ).fetchall()
    connection.executemany(_WRITE, [_batch(row, zone, now) for row in rows])


def _batch(row: sqlite3.Row, zone: tzinfo, now: datetime) -> dict[str, Any]:
    started, completed = moment_of(row["started_at"], zone), moment_of(row["completed_at"], zone)
    status = batch_status_of(row["status"], error=row["error_message"], ended=completed is not None)
    ended = completed or started or now  # cleanup goes by it
    return {
        "id": row["id"],
        "status": status.value,
        "started_at": utc_text(started) if started else None,
        "completed_at": utc_text(ended),
        "found": row["emails_found"] or 0,
        "processed": row["emails_processed"] or 0,
        "errors": int(status is BatchStatus.FAILED),
        "seconds": max(0.0, (completed - started).total_seconds()) if started and completed else None,
        "user_results": json.dumps(_user_results(row), ensure_ascii=False),
    }


def _user_results(row: sqlite3.Row) -> dict[str, Any]:
    counts = {"emails_found": row["emails_found"] or 0, "emails_processed": row["emails_processed"] or 0}
    own = counts | {"error": row["error_message"]}
    return {str(row["user_id"]): counts | {"integrations": {str(row["integration_id"]): own}}}
