"""Taking over a database of the replaced system: every row kept, in our terms, with the plain secrets gone."""

import email
import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from email import policy
from zoneinfo import ZoneInfo

import pytest
from support.legacy import LegacyMail, make_legacy_database

from afpd.errors import ConfigError, SecretError
from afpd.store.backup import check
from afpd.store.sealed import open_body, open_token

_COUNTED = ("users", "integrations", "email_import_jobs", "email_parsing_jobs", "banks", "transactions")


def _counts(query):
    return {table: query(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in _COUNTED}


def _execute(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _everything(query):
    tables = [row["name"] for row in query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {table: query(f"SELECT * FROM {table} ORDER BY rowid") for table in tables if not _without_rowid(table)}


def _without_rowid(table):
    return table in {"pruned_emails", "parked_emails", "template_days"}


@pytest.mark.parametrize("journal", ["delete", "wal", "persist", "truncate"])
def test_fifty_integrations_and_a_thousand_mails_are_adopted_with_every_row(journal, path, query, run_upgrade, said):
    make_legacy_database(path, journal=journal, extras=True, trouble=True)
    before = _counts(query)

    report = run_upgrade()

    assert _counts(query) == before | {"users": before["users"] + 1}  # the owner of the mailbox that is gone
    assert (report.adoption.adopted, report.adoption.waiting, report.adoption.wiped) == (50, 0, True)
    assert check(path, now=datetime(2026, 3, 5, tzinfo=UTC)) == []
    assert "adopted 50 integrations with all their rows" in said


def test_integrations_wait_from_where_the_replaced_system_stopped(path, query, run_upgrade):
    make_legacy_database(path, integrations=2, jobs=4)

    run_upgrade()

    row = query("SELECT * FROM integrations WHERE id = 2")[0]
    assert (row["import_status"], row["run_frequency_minutes"], row["is_active"]) == ("waiting", 5, 1)
    assert row["last_sync"] == row["last_run_at"] == "2026-03-01 14:32:00.000000"  # 08:32 in Costa Rica
    assert row["search_from"] == "2026-02-27 14:32:00.000000"
    assert row["next_run_at"] == row["adopted_at"] == "2026-03-05 12:00:00.000000"
    assert row["created_at"] == "2026-03-01 14:30:00.000000"
    assert (row["emails_total"], row["first_mail_at"]) == (2, "2026-03-01 14:31:00.000000")


def test_the_same_start_twice_changes_nothing_the_second_time(path, query, run_upgrade):
    make_legacy_database(path, extras=True, trouble=True)
    run_upgrade()
    before, file = _everything(query), path.read_bytes()

    report = run_upgrade(now=datetime(2027, 1, 1, tzinfo=UTC))

    assert report.adoption.adopted == 0
    assert _everything(query) == before
    assert path.read_bytes() == file


@pytest.mark.parametrize("journal", ["delete", "wal", "persist"])
def test_plain_tokens_and_bodies_are_in_no_file_of_the_database_afterwards(journal, path, keyring, query, run_upgrade):
    legacy = make_legacy_database(path, journal=journal, extras=True, trouble=True)
    with closing(sqlite3.connect(path)) as connection:  # a copy of a token in a page that is free today
        connection.execute("CREATE TABLE old AS SELECT * FROM integrations, (SELECT 1 UNION SELECT 2)")
        connection.execute("DROP TABLE old")

    with closing(sqlite3.connect(path)) as beside:  # the replaced system, connected but idle: the -wal file stays
        beside.execute("SELECT count(*) FROM integrations").fetchone()
        run_upgrade()
        files = [file for file in path.parent.iterdir() if "before-afpd" not in file.name]
        content = b"".join(file.read_bytes() for file in files)

    assert legacy.secrets()
    assert [secret for secret in legacy.secrets() if secret.encode() in content] == []
    row = query("SELECT sealed_refresh_token AS sealed FROM integrations WHERE id = 7")[0]
    assert open_token(keyring, 7, "refresh_token", row["sealed"]) == legacy.tokens[7][0]
    mail = query("SELECT * FROM email_parsing_jobs WHERE id = 9")[0]
    body = open_body(keyring, mail["integration_id"], mail["email_message_id"], mail["body"])
    message = email.message_from_bytes(body, policy=policy.default)
    assert str(message["From"]) == "BAC <notificacion@notificacionesbaccr.com>"
    assert message["Subject"] == "Notificación de transacción 8"
    assert message.get_content().strip() == legacy.bodies[9][0]


def test_the_copy_is_made_first_and_holds_the_database_as_it_was(path, query, run_upgrade, said):
    legacy = make_legacy_database(path, journal="wal", trouble=True)
    copy = path.with_name("afpd.db.before-afpd")
    before = _everything(query)

    assert run_upgrade().copy == copy

    assert copy.stat().st_mode & 0o777 == 0o600
    assert said[0].startswith(str(copy))
    assert "still holds plain tokens: delete it once all is well" in said[0]
    with closing(sqlite3.connect(copy)) as connection:
        connection.row_factory = sqlite3.Row
        rows = {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]
            for table in before
        }
    assert rows == before
    assert legacy.tokens[1][0].encode() in copy.read_bytes()
    kept = copy.read_bytes()
    run_upgrade()
    assert copy.read_bytes() == kept


def test_a_draft_of_the_copy_that_a_killed_start_left_is_gone_afterwards(path, run_upgrade):
    make_legacy_database(path, integrations=2, jobs=4)
    draft = path.with_name("afpd.db.before-afpd.draft")
    draft.write_bytes(b"half of a copy with tokens")

    run_upgrade()

    assert not draft.exists()


def test_with_only_the_others_stay_as_they_were_to_the_byte(path, query, run_upgrade):
    legacy = make_legacy_database(path, trouble=True)
    tables = {table: query(f"SELECT * FROM {table} WHERE 0 OR 1 LIMIT 1")[0].keys() for table in _COUNTED}
    mine = "integration_id IN (7, 9)"
    others = {
        "integrations": "id NOT IN (7, 9)",
        "email_import_jobs": f"NOT {mine}",
        "email_parsing_jobs": f"email_import_job_id NOT IN (SELECT id FROM email_import_jobs WHERE {mine})",
        "transactions": f"""ifnull(email_parsing_job_id, 0) NOT IN (SELECT e.id FROM email_parsing_jobs e
            JOIN email_import_jobs i ON i.id = e.email_import_job_id WHERE i.{mine})""",
        "users": "id NOT IN (7, 9)",
        "banks": "1",
    }

    def rows():
        return {
            table: query(f"SELECT {', '.join(tables[table])} FROM {table} WHERE {condition} ORDER BY id")
            for table, condition in others.items()
        }

    before = rows()
    report = run_upgrade(only=frozenset({7, 9}))

    assert rows() == before
    assert (report.adoption.adopted, report.adoption.waiting) == (2, 48)
    content = b"".join(file.read_bytes() for file in path.parent.iterdir() if "before-afpd" not in file.name)
    assert [secret for secret in legacy.secrets(7, 9) if secret.encode() in content] == []
    assert all(
        secret.encode() in content for key in legacy.tokens if key not in {7, 9} for secret in legacy.tokens[key]
    )
    assert (
        query("SELECT count(*) AS n FROM transactions WHERE revision = 1 AND integration_id NOT IN (7, 9)")[0]["n"] == 0
    )


def test_only_first_and_all_later_ends_where_all_at_once_does(path, query, run_upgrade, keyring, tmp_path):
    make_legacy_database(path, trouble=True, extras=True)
    for only in (frozenset(), frozenset({3}), frozenset({7, 9}), None):
        run_upgrade(only=only)
    step_by_step = _comparable(_everything(query))

    path.unlink()
    make_legacy_database(path, trouble=True, extras=True)
    run_upgrade()

    assert step_by_step == _comparable(_everything(query))


def _comparable(tables):
    """Sealed values differ each time; what is sealed is compared elsewhere."""
    return {
        table: [
            {name: type(value) if isinstance(value, bytes) else value for name, value in row.items()} for row in rows
        ]
        for table, rows in tables.items()
    }


def test_old_amounts_become_exact_decimals_of_their_currency(path, query, run_upgrade):
    make_legacy_database(path, integrations=1, jobs=0)
    cases = [
        (19.9, "CRC", "19.90"),
        (0.1 + 0.2, "USD", "0.30"),
        (22000.0, "crc", "22000.00"),
        (1500.0, "JPY", "1500"),
        (1.25, "KWD", "1.250"),
        (-15.5, None, "15.50"),
        (1234567.891, "USD", "1234567.891"),
        (1e15, "USD", "1000000000000000.00"),
    ]
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO transactions (user_id, amount, currency, date) VALUES (1, ?, ?, '2026-01-02 03:04:05')",
            [case[:2] for case in cases],
        )
        connection.commit()

    run_upgrade()

    rows = query("SELECT amount, currency, typeof(amount) AS kind FROM transactions ORDER BY id")
    assert [row["amount"] for row in rows] == [case[2] for case in cases]
    assert {row["kind"] for row in rows} == {"text"}
    assert [row["currency"] for row in rows] == ["CRC", "USD", "CRC", "JPY", "KWD", "XXX", "USD", "USD"]
    declared = query("SELECT type FROM pragma_table_info('transactions') WHERE name = 'amount'")
    assert declared == [{"type": "TEXT"}]


def test_old_transactions_tell_what_they_are(path, query, run_upgrade):
    make_legacy_database(path, integrations=1, jobs=0)
    _execute(
        path,
        "INSERT INTO transactions (user_id, amount, transaction_type, description, verification_status, date) VALUES "
        "(1, 5, 'Ingreso', 'Salario', 'verified', '2026-01-02 03:04:05'), (1, 5, 'compra', 'X', 'rejected', '2026-01-02'),"
        "(1, -5, 'zzz', NULL, NULL, NULL)",
        "UPDATE transactions SET created_at = '2026-02-02 00:00:00' WHERE id = 3",
    )

    run_upgrade()

    rows = query("SELECT * FROM transactions ORDER BY id")
    told = [(row["kind"], row["direction"], row["status"], row["merchant"], row["dated_by"]) for row in rows]
    assert told == [
        ("deposit", "credit", "approved", "Salario", "body"),
        ("purchase", "debit", "declined", "X", "body"),
        ("other", "debit", "approved", None, "received"),
    ]
    assert [row["occurred_at"] for row in rows] == [
        "2026-01-02T03:04:05-06:00",
        "2026-01-02T00:00:00-06:00",
        "2026-02-02T00:00:00-06:00",
    ]
    assert rows[2]["created_at"] == "2026-02-02 06:00:00.000000"


def test_several_transactions_of_one_mail_are_numbered_and_know_their_mail(path, query, run_upgrade):
    make_legacy_database(path, integrations=1, mails=[LegacyMail(1, "m1", "s", "f", "b")])
    _execute(path, "INSERT INTO transactions (user_id, email_parsing_job_id, amount) VALUES (1, 1, 7), (1, 1, 8)")

    run_upgrade()

    rows = query("SELECT integration_id, email_message_id, ordinal, user_id FROM transactions ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(1, "m1", 0, 1), (1, "m1", 1, 1), (1, "m1", 2, 1)]


def test_a_mail_that_was_kept_twice_keeps_both_rows_and_the_first_counts(path, query, run_upgrade):
    mails = [LegacyMail(1, "same", "s", "f", f"b{number}", "failed", transaction=False) for number in range(3)]
    make_legacy_database(path, integrations=2, mails=[*mails, LegacyMail(2, "same", "s", "f", "b")])

    run_upgrade()

    rows = query("SELECT id, integration_id, duplicate_of_id FROM email_parsing_jobs ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(1, 1, None), (2, 1, 1), (3, 1, 1), (4, 2, None)]


@pytest.mark.parametrize(
    ("word", "booked", "outcome"),
    [
        ("success", True, "success"),
        ("Parsed", False, "success"),
        ("done", False, "success"),
        ("error", False, "failed"),
        ("skipped", False, "ignored"),
        ("pending", False, "pending"),
        ("pending", True, "success"),
        ("whatever", False, "unmatched"),
        (None, False, "unmatched"),
        (None, True, "success"),
    ],
)
def test_the_old_words_of_a_parsing_job_become_ours(word, booked, outcome, path, query, run_upgrade):
    make_legacy_database(path, integrations=1, mails=[LegacyMail(1, "m", "s", "f", "b", word, booked)])

    run_upgrade()

    row = query("SELECT * FROM email_parsing_jobs")[0]
    assert row["parsing_status"] == outcome
    assert row["outcome_reason"] == f"the replaced system called it {word or 'nothing'}"
    assert row["received_at"] == row["created_at"] == "2026-03-01 14:30:00.000000"


def test_a_pending_job_without_a_body_waits_for_nothing(path, query, run_upgrade):
    make_legacy_database(path, integrations=1, mails=[LegacyMail(1, "m", "s", "f", "", "pending", transaction=False)])

    run_upgrade()

    row = query("SELECT parsing_status, outcome_reason FROM email_parsing_jobs")[0]
    assert row["parsing_status"] == "unmatched"
    assert "kept no body" in row["outcome_reason"]


def test_old_import_jobs_become_batches_of_one(path, query, run_upgrade):
    make_legacy_database(path, integrations=1, jobs=1)
    _execute(
        path,
        "INSERT INTO email_import_jobs VALUES (2, 1, 1, 'Error', 3, 1, '2026-03-01 08:00:00', '2026-03-01 08:00:30', 'x')",
        "INSERT INTO email_import_jobs VALUES (3, 1, 1, 'running', 0, 0, '2026-03-01 09:00:00', NULL, NULL)",
    )

    run_upgrade()

    rows = query("SELECT * FROM email_import_jobs ORDER BY id")
    assert [row["status"] for row in rows] == ["completed", "failed", "interrupted"]
    assert rows[1] | {"node": None} == rows[1] | {
        "batch_size": 1,
        "total_emails_found": 3,
        "total_emails_processed": 1,
        "errors": 1,
        "started_at": "2026-03-01 14:00:00.000000",
        "completed_at": "2026-03-01 14:00:30.000000",
        "processing_duration_seconds": 30.0,
    }
    own = {"emails_found": 3, "emails_processed": 1, "error": "x"}
    expected = {"1": {"emails_found": 3, "emails_processed": 1, "integrations": {"1": own}}}
    assert json.loads(rows[1]["user_results"]) == expected
    assert rows[2]["completed_at"] == rows[2]["started_at"]


def test_an_integration_without_a_token_says_what_to_do_and_an_inactive_one_stays_so(path, query, run_upgrade):
    make_legacy_database(path, integrations=5, jobs=10, trouble=True)

    run_upgrade()

    rows = {row["id"]: row for row in query("SELECT * FROM integrations")}
    assert rows[3]["import_status"] == "error"
    assert "afpd integrations connect" in rows[3]["last_error_message"]
    assert (rows[4]["import_status"], rows[4]["is_active"]) == ("waiting", 0)
    assert (rows[5]["last_sync"], rows[5]["search_from"], rows[5]["last_run_at"]) == (None, None, None)


def test_rows_of_mailboxes_that_are_gone_are_converted_without_one(path, query, run_upgrade):
    make_legacy_database(path, integrations=5, jobs=10, trouble=True)

    run_upgrade()

    gone = query("SELECT * FROM email_parsing_jobs WHERE email_message_id = 'gone1'")[0]
    assert (gone["integration_id"], gone["parsing_status"], gone["email_body"]) == (None, "success", None)
    booked = query("SELECT * FROM transactions WHERE email_parsing_job_id = ?", gone["id"])[0]
    assert (booked["integration_id"], booked["user_id"], booked["amount"]) == (None, 77, "5.00")
    assert query("SELECT count(*) AS n FROM users WHERE id = 77") == [{"n": 1}]
    assert query("SELECT status, batch_size FROM email_import_jobs WHERE id = 9001") == [
        {"status": "interrupted", "batch_size": 1}
    ]


def test_a_mail_whose_import_job_is_gone_stays_with_the_only_mailbox_of_its_user(path, query, run_upgrade):
    make_legacy_database(
        path, integrations=6, mails=[LegacyMail(6, "m6", "s", "f", "b"), LegacyMail(1, "m1", "s", "f", "b")]
    )
    _execute(path, "DELETE FROM email_import_jobs")

    run_upgrade()

    rows = query("SELECT email_message_id, integration_id FROM email_parsing_jobs ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("m6", 6), ("m1", None)]  # user 1 has two mailboxes


def test_a_missing_users_table_is_made_from_the_users_that_rows_name(path, query, run_upgrade):
    make_legacy_database(path, users=False, integrations=6, jobs=6)

    run_upgrade()

    assert [row["id"] for row in query("SELECT id FROM users ORDER BY id")] == [1, 2, 5, 6]


def test_what_else_is_in_the_database_stays(path, query, run_upgrade):
    make_legacy_database(path, extras=True, integrations=3, jobs=9)
    before = query("SELECT id, Note, is_big FROM transactions ORDER BY id")
    _execute(path, "UPDATE integrations SET import_status = 'asleep' WHERE id = 2")

    run_upgrade()

    assert query("SELECT id, Note, is_big FROM transactions ORDER BY id") == before
    assert query("SELECT label, legacy_import_status FROM integrations WHERE id = 2") == [
        {"label": "home", "legacy_import_status": "asleep"}
    ]
    assert query("SELECT * FROM budgets") == [
        {"id": 1, "user_id": 1, "amount": 100.5},
        {"id": 2, "user_id": 2, "amount": 7.0},
    ]
    assert query("SELECT count(*) AS n FROM spending")[0]["n"] > 0
    names = {row["name"] for row in query("SELECT name FROM sqlite_master")}
    assert {"one_address", "ix_email_parsing_jobs_status", "seen", "spending"} <= names


def test_a_trigger_that_cannot_run_here_is_dropped_with_a_word(path, query, run_upgrade, said):
    make_legacy_database(path, integrations=1, jobs=1)
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("notify_app", 1, lambda _: None)
        connection.execute("CREATE TRIGGER tell AFTER UPDATE ON transactions BEGIN SELECT notify_app(NEW.id); END")

    run_upgrade()

    assert query("SELECT count(*) AS n FROM sqlite_master WHERE name = 'tell'") == [{"n": 0}]
    assert any("trigger tell of transactions could not be kept" in sentence for sentence in said)


def test_tables_and_columns_in_another_case_are_the_same(path, query, run_upgrade):
    make_legacy_database(path, integrations=2, jobs=10)
    _execute(
        path,
        "ALTER TABLE transactions RENAME TO t",
        "ALTER TABLE t RENAME TO Transactions",
        "ALTER TABLE Transactions RENAME COLUMN amount TO Amount",
    )

    run_upgrade()

    assert query("SELECT name FROM sqlite_master WHERE type = 'table' AND lower(name) = 'transactions'") == [
        {"name": "transactions"}
    ]
    assert "amount" in query("SELECT * FROM transactions")[0]


def test_a_message_id_in_place_of_gmails_id_is_kept_as_one(path, query, run_upgrade):
    make_legacy_database(
        path, integrations=1, mails=[LegacyMail(1, "<a@b.cr>", "s", "f", "b"), LegacyMail(1, "18f", "s", "f", "b")]
    )

    run_upgrade()

    rows = query("SELECT rfc_message_id FROM email_parsing_jobs ORDER BY id")
    assert [row["rfc_message_id"] for row in rows] == ["<a@b.cr>", None]


def test_an_hour_that_comes_twice_or_never_is_still_a_time(path, query, run_upgrade):
    make_legacy_database(path, integrations=3, jobs=0)
    for key, local in enumerate(("2025-11-02 01:30:00", "2025-03-09 02:30:00", "no time"), 1):
        _execute(path, f"UPDATE integrations SET last_sync = '{local}' WHERE id = {key}")

    run_upgrade(zone=ZoneInfo("America/New_York"))

    rows = query("SELECT last_sync FROM integrations ORDER BY id")
    assert [row["last_sync"] for row in rows] == ["2025-11-02 05:30:00.000000", "2025-03-09 07:30:00.000000", None]


def test_without_a_key_nothing_is_wiped(path, query, run_upgrade):
    make_legacy_database(path, integrations=2, jobs=2)

    with pytest.raises(SecretError, match="key_file"):
        run_upgrade(keyring=None)

    assert query("SELECT count(refresh_token) AS n FROM integrations") == [{"n": 2}]


def test_while_another_program_reads_the_wipe_is_put_off_and_said(path, run_upgrade, query, said):
    legacy = make_legacy_database(path, journal="wal", integrations=3, jobs=30)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM integrations").fetchone()
        report = run_upgrade()
        reader.execute("COMMIT")

    assert not report.adoption.wiped
    assert "finished at the next start" in said[-1]
    assert any("wiped tokens may still stand" in sentence for sentence in check(path))

    assert run_upgrade().adoption.wiped
    assert query("SELECT * FROM program_state") == []
    content = b"".join(file.read_bytes() for file in path.parent.iterdir() if "before-afpd" not in file.name)
    assert [secret for secret in legacy.secrets() if secret.encode() in content] == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE integrations", "tables of another program"),
        ("CREATE TABLE templates (x)", "table 'templates' of another program"),
        ("ALTER TABLE transactions RENAME COLUMN amount TO value", "'transactions' has no column 'amount'"),
    ],
)
def test_what_is_not_the_replaced_system_is_refused_untouched(statement, words, path, run_upgrade):
    make_legacy_database(path, integrations=2, jobs=2)
    _execute(path, statement)
    before = path.read_bytes()

    with pytest.raises(ConfigError, match=words):
        run_upgrade()

    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["afpd.db"]


def test_mails_by_the_thousand_in_one_mailbox_take_seconds(path, query, run_upgrade):
    mails = [LegacyMail(1, f"m{number}", "s", "f", "Monto 5", "success") for number in range(6000)]
    make_legacy_database(path, integrations=1, mails=mails)
    began = time.process_time()

    run_upgrade()

    assert time.process_time() - began < 10
    assert query("SELECT count(*) AS n FROM transactions WHERE revision = 1") == [{"n": 6000}]
