"""Databases of the system that afpd replaces, made to measure: its tables, its habits, and what may go wrong in them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

USERS = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(255), email VARCHAR(255) NOT NULL, created_at DATETIME)"
)
TABLES = (
    """CREATE TABLE integrations (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, provider VARCHAR(50) NOT NULL,
    email_account VARCHAR(255) NOT NULL, access_token TEXT, refresh_token TEXT, is_active BOOLEAN NOT NULL,
    last_sync DATETIME, created_at DATETIME, updated_at DATETIME)""",
    """CREATE TABLE email_import_jobs (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, integration_id INTEGER NOT NULL,
    status VARCHAR(50) NOT NULL, emails_found INTEGER NOT NULL, emails_processed INTEGER NOT NULL,
    started_at DATETIME, completed_at DATETIME, error_message TEXT)""",
    """CREATE TABLE banks (id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, domain VARCHAR(255), parsing_patterns JSON,
    confidence_threshold FLOAT, is_active BOOLEAN)""",
    """CREATE TABLE email_parsing_jobs (id INTEGER PRIMARY KEY, email_import_job_id INTEGER NOT NULL, bank_id INTEGER,
    email_message_id VARCHAR(255) NOT NULL, email_subject TEXT, email_from VARCHAR(255), email_body TEXT,
    parsing_status VARCHAR(50), parsing_attempts INTEGER, confidence_score FLOAT, processed_at DATETIME,
    created_at DATETIME)""",
    """CREATE TABLE transactions (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, email_parsing_job_id INTEGER,
    bank_id INTEGER, description TEXT, amount FLOAT NOT NULL, currency VARCHAR(3), date DATETIME,
    transaction_type VARCHAR(50), confidence_score FLOAT, verification_status VARCHAR(50), created_at DATETIME)""",
)
# What create_all of a later version of it, or a person, may have added.
EXTRAS = (
    "ALTER TABLE integrations ADD COLUMN label VARCHAR(40) NOT NULL DEFAULT 'home'",
    "ALTER TABLE integrations ADD COLUMN import_status VARCHAR(20) DEFAULT 'idle'",
    "ALTER TABLE transactions ADD COLUMN is_big BOOLEAN GENERATED ALWAYS AS (coalesce(amount > 100, 0)) VIRTUAL",
    "ALTER TABLE transactions ADD COLUMN Note TEXT NOT NULL DEFAULT (lower('NONE'))",
    "ALTER TABLE email_parsing_jobs ADD COLUMN folder TEXT COLLATE NOCASE",
    "CREATE UNIQUE INDEX one_address ON integrations (user_id, email_account)",
    "CREATE INDEX ix_email_parsing_jobs_status ON email_parsing_jobs (parsing_status)",
    "CREATE INDEX ix_transactions_user ON transactions (user_id)",
    "CREATE TABLE budgets (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id), amount FLOAT)",
    "INSERT INTO budgets VALUES (1, 1, 100.5), (2, 2, 7)",
    "CREATE VIEW spending AS SELECT user_id, sum(amount) AS total FROM transactions GROUP BY user_id",
    "CREATE TABLE audit (what TEXT)",
    "CREATE TRIGGER seen AFTER INSERT ON email_parsing_jobs BEGIN INSERT INTO audit VALUES (NEW.email_message_id); END",
)
BASE = datetime(2026, 3, 1, 8, 30)
_WORDS = ("success", "completed", "failed", "pending", "skipped", None, "parsed", "success")
_TYPES = ("expense", "ingreso", "compra", "Débito", None, "mystery")
_AMOUNTS = (19.9, 0.1 + 0.2, 22000.0, -15.5, 1234567.89, 3.0)


@dataclass(frozen=True, slots=True)
class LegacyMail:
    """One mail as the replaced system kept it. `transaction` tells whether it has one."""

    integration_id: int
    message_id: str
    subject: str
    sender: str
    body: str
    status: str | None = "success"
    transaction: bool = True


@dataclass(slots=True)
class Legacy:
    """What was put into the database: its file, and every plain secret by integration."""

    path: Path
    tokens: dict[int, list[str]] = field(default_factory=dict)
    bodies: dict[int, list[str]] = field(default_factory=dict)

    def secrets(self, *integrations: int) -> list[str]:
        """Return the plain tokens and bodies of these integrations, or of all."""
        chosen = integrations or tuple(self.tokens)
        return [text for key in chosen for text in (*self.tokens.get(key, ()), *self.bodies.get(key, ()))]


def make_legacy_database(
    path: Path,
    *,
    integrations: int = 50,
    jobs: int = 1000,
    journal: str = "delete",
    extras: bool = False,
    users: bool = True,
    trouble: bool = False,
    mails: Sequence[LegacyMail] | None = None,
    seed: int = 7,
) -> Legacy:
    """Write a database of the replaced system with that many integrations and mails (parsing jobs).

    `extras` adds columns, indexes, tables, a view and a trigger of its own; `trouble` adds duplicates, orphans, an
    integration without a token and an inactive one. In WAL mode everything is left in the -wal file.
    """
    legacy, random = Legacy(path), Random(seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("BEGIN")
        for statement in (*((USERS,) if users else ()), *TABLES, *(EXTRAS if extras else ())):
            connection.execute(statement)
        _fill_integrations(connection, legacy, integrations, random, users=users)
        _fill_mails(connection, legacy, mails or _invented(integrations, jobs, random), random)
        if trouble:
            _add_trouble(connection, legacy)
        connection.execute("COMMIT")
    return legacy


def _local(minutes: float) -> str:
    return (BASE + timedelta(minutes=minutes)).isoformat(sep=" ", timespec="microseconds")


def _fill_integrations(
    connection: sqlite3.Connection, legacy: Legacy, count: int, random: Random, *, users: bool
) -> None:
    connection.execute("INSERT INTO banks VALUES (1, 'BAC Credomatic', 'notificacionesbaccr.com', '{}', 0.8, 1)")
    connection.execute("INSERT INTO banks VALUES (2, 'Old bank', NULL, NULL, NULL, 0)")
    for key in range(1, count + 1):
        user = (key + 1) // 2 if key <= 4 else key  # the first users have two mailboxes each
        if users:
            connection.execute(
                "INSERT OR IGNORE INTO users VALUES (?, ?, ?, ?)",
                (user, f"User {user}", f"u{user}@example.org", _local(0)),
            )
        tokens = [f"1//refresh-{key}-{random.getrandbits(64):x}", f"ya29.access-{key}-{random.getrandbits(64):x}"]
        legacy.tokens[key] = tokens
        connection.execute(
            "INSERT INTO integrations (id, user_id, provider, email_account, access_token, refresh_token, is_active, "
            "last_sync, created_at, updated_at) VALUES (?, ?, 'gmail', ?, ?, ?, 1, ?, ?, ?)",
            (key, user, f"mailbox{key}@gmail.com", tokens[1], tokens[0], _local(key), _local(0), _local(key)),
        )


def _invented(integrations: int, jobs: int, random: Random) -> list[LegacyMail]:
    return [
        LegacyMail(
            1 + number % integrations,
            f"{0x18F000000000 + number:x}",
            f"Notificación de transacción {number}",
            "BAC <notificacion@notificacionesbaccr.com>",
            f"Comercio: TIENDA {number} Monto: CRC {number}.00 Autorización: {random.getrandbits(48):012x}",
            status := _WORDS[number % len(_WORDS)],
            status in {"success", "parsed"} and number % 3 > 0,
        )
        for number in range(jobs)
    ]


def _fill_mails(connection: sqlite3.Connection, legacy: Legacy, mails: Sequence[LegacyMail], random: Random) -> None:
    runs: dict[tuple[int, int], int] = {}
    for number, mail in enumerate(mails):
        run = (mail.integration_id, number // 100)
        if run not in runs:
            runs[run] = len(runs) + 1
            user = connection.execute(
                "SELECT user_id FROM integrations WHERE id = ?", (mail.integration_id,)
            ).fetchone()[0]
            words = ("completed", None) if len(runs) % 9 else ("error", "it broke")
            connection.execute(
                "INSERT INTO email_import_jobs VALUES (?, ?, ?, ?, 5, 4, ?, ?, ?)",
                (runs[run], user, *run[:1], words[0], _local(len(runs)), _local(len(runs) + 1.5), words[1]),
            )
        _insert_mail(connection, mail, runs[run], number, random)
        legacy.bodies.setdefault(mail.integration_id, []).append(mail.body)


def _insert_mail(connection: sqlite3.Connection, mail: LegacyMail, run: int, number: int, random: Random) -> None:
    cursor = connection.execute(
        "INSERT INTO email_parsing_jobs (email_import_job_id, bank_id, email_message_id, email_subject, email_from, "
        "email_body, parsing_status, parsing_attempts, confidence_score, processed_at, created_at) "
        "VALUES (?, 1, ?, ?, ?, ?, ?, 1, 0.9, ?, ?)",
        (run, mail.message_id, mail.subject, mail.sender, mail.body, mail.status, _local(number + 2), _local(number)),
    )
    if mail.transaction:
        connection.execute(
            "INSERT INTO transactions (user_id, email_parsing_job_id, bank_id, description, amount, currency, date, "
            "transaction_type, confidence_score, verification_status, created_at) "
            "SELECT user_id, ?, 1, ?, ?, ?, ?, ?, 0.9, 'verified', ? FROM email_import_jobs WHERE id = ?",
            (
                *(cursor.lastrowid, f"TIENDA {number}", _AMOUNTS[number % len(_AMOUNTS)]),
                *(random.choice(("CRC", "USD", None, "JPY")), _local(number), _TYPES[number % len(_TYPES)]),
                *(_local(number + 2), run),
            ),
        )


def _add_trouble(connection: sqlite3.Connection, legacy: Legacy) -> None:
    for statement in (
        "UPDATE integrations SET refresh_token = NULL, access_token = NULL WHERE id = 3",
        "UPDATE integrations SET is_active = 0 WHERE id = 4",
        "UPDATE integrations SET last_sync = NULL WHERE id = 5",
        # The same mails again, from a second run, booked again as well.
        "INSERT INTO email_parsing_jobs (email_import_job_id, email_message_id, email_body, parsing_status, created_at) "
        "SELECT email_import_job_id, email_message_id, email_body, 'success', created_at FROM email_parsing_jobs "
        "WHERE id <= 10",
        "INSERT INTO transactions (user_id, email_parsing_job_id, amount, created_at) "
        "SELECT 1, max(id), 42.5, NULL FROM email_parsing_jobs",
        # Rows of runs and mailboxes that are gone.
        "INSERT INTO email_import_jobs VALUES (9001, 77, 900, 'running', 1, 1, '2026-01-01 10:00:00', NULL, NULL)",
        "INSERT INTO email_parsing_jobs (email_import_job_id, email_message_id, email_body, parsing_status) VALUES "
        "(9001, 'gone1', 'Body of a mailbox that is gone', 'parsed'), (9999, 'gone2', NULL, 'pending')",
        "INSERT INTO transactions (user_id, email_parsing_job_id, amount, date) SELECT 77, id, 5, '2026-01-01' "
        "FROM email_parsing_jobs WHERE email_message_id = 'gone1'",
        "INSERT INTO transactions (user_id, amount, currency, date) VALUES (6, 12.3, 'usd', '2026-02-03 04:05:06')",
    ):
        connection.execute(statement)
    legacy.tokens.pop(3)
    legacy.bodies.setdefault(0, []).append("Body of a mailbox that is gone")
