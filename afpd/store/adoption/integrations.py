"""Integrations of the replaced system: waiting, due at once, searching from shortly before their last sync."""

import sqlite3
from datetime import datetime, timedelta, tzinfo
from typing import Any

from afpd.keyring import Keyring
from afpd.model import ImportStatus
from afpd.store.adoption.shape import chosen_columns
from afpd.store.adoption.values import moment_of, utc_of
from afpd.store.sealed import TokenKind, seal_token
from afpd.store.sqlite import column_names
from afpd.store.types import utc_text

# Mail that the other system saw late, or that Gmail dated before it was there.
_OVERLAP = timedelta(hours=48)
_TOKENS: tuple[TokenKind, ...] = ("refresh_token", "access_token")
_GMAIL = ("gmail", "google")
_READ = (
    *("id", "user_id", "provider", "import_status", "last_sync", "created_at", "updated_at", "adopted_at", "cursor"),
    *("sealed_refresh_token", *_TOKENS),
)


def adopt_integration(
    connection: sqlite3.Connection, integration_id: int, zone: tzinfo, now: datetime, keyring: Keyring
) -> tuple[int | str, bool]:
    """Convert one row, or only take the plain tokens of one adopted before. Returns its user and whether any was wiped.

    A token that somebody connected since the merge stays; so does a suspension.
    """
    columns = chosen_columns(connection, "integrations", *_READ)
    row = connection.execute(f"SELECT {columns} FROM integrations WHERE id = ?", (integration_id,)).fetchone()
    values = _tokens(row, keyring) | {
        name: None for name in _TOKENS if name in column_names(connection, "integrations")
    }
    if row["adopted_at"] is None and row["cursor"] is not None:  # connected and visited before its adoption
        values |= {"adopted_at": utc_text(now)}
    elif row["adopted_at"] is None:
        values |= _first_state(row, zone, now, connected=bool(values.get("sealed_refresh_token")))
    elif values.get("sealed_refresh_token") and row["import_status"] == ImportStatus.ERROR:
        values |= {"import_status": ImportStatus.WAITING.value, "next_run_at": utc_text(now)}
    assigned = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(f"UPDATE integrations SET {assigned} WHERE id = :id", values | {"id": integration_id})
    return row["user_id"], any(row[name] is not None for name in _TOKENS)


def count_mails(connection: sqlite3.Connection, integration_id: int) -> None:
    """Set how many mails an integration has, and when the first and the last came, from its converted rows."""
    connection.execute(
        """UPDATE integrations SET (emails_total, first_mail_at, last_mail_at) = (
            SELECT count(*), min(received_at), max(received_at) FROM email_parsing_jobs
            WHERE integration_id = :id AND duplicate_of_id IS NULL) WHERE id = :id AND emails_total = 0""",
        {"id": integration_id},
    )


def _tokens(row: sqlite3.Row, keyring: Keyring) -> dict[str, Any]:
    if row["adopted_at"] is None and row["sealed_refresh_token"]:
        return {"sealed_refresh_token": row["sealed_refresh_token"]}
    return {
        f"sealed_{which}": seal_token(keyring, row["id"], which, str(row[which])) for which in _TOKENS if row[which]
    }


def _first_state(row: sqlite3.Row, zone: tzinfo, now: datetime, *, connected: bool) -> dict[str, Any]:
    last_sync = moment_of(row["last_sync"], zone)
    provider = str(row["provider"]).strip().casefold()
    values = {
        "provider": "gmail" if provider in _GMAIL else row["provider"],
        "import_status": ImportStatus.WAITING.value,
        "last_sync": utc_text(last_sync) if last_sync else None,
        "last_run_at": utc_text(last_sync) if last_sync else None,
        "next_run_at": utc_text(now),
        "run_frequency_minutes": 5,
        "search_from": utc_text(last_sync - _OVERLAP) if last_sync else None,
        "created_at": utc_of(row["created_at"], zone),
        "updated_at": utc_of(row["updated_at"], zone),
        "adopted_at": utc_text(now),
        "last_error_message": None,
        "last_error_at": None,
    }
    if trouble := _trouble(provider, connected):
        values |= {
            "import_status": ImportStatus.ERROR.value,
            "last_error_message": trouble,
            "last_error_at": utc_text(now),
        }
    elif row["import_status"] == ImportStatus.SUSPENDED:
        values |= {"import_status": ImportStatus.SUSPENDED.value, "next_run_at": None}
    return values


def _trouble(provider: str, connected: bool) -> str | None:
    if provider not in _GMAIL:
        return f"the provider {provider!r} is not one that afpd reads: connect a Gmail account instead"
    return None if connected else "the replaced system held no refresh token: sign in with `afpd integrations connect`"
