"""A backup of a database in use, and what a check tells."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from support.legacy import make_legacy_database

from afpd.errors import AlreadyRunning, ConfigError
from afpd.store.backup import backup, check
from afpd.store.upgrade import current_revision

_NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def test_a_backup_is_whole_while_another_program_writes(path, tmp_path, run_upgrade, query):
    run_upgrade()
    target, stop, rounds = tmp_path / "copy.db", threading.Event(), 0

    def write() -> None:
        nonlocal rounds
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO banks (name) VALUES ('one')")
                connection.execute("INSERT INTO banks (name) VALUES ('two')")
                connection.execute("COMMIT")
                rounds += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while rounds < 50:
            pass
        backup(path, target)
    finally:
        stop.set()
        writer.join()

    assert target.stat().st_mode & 0o777 == 0o600
    assert query("PRAGMA integrity_check", file=target) == [{"integrity_check": "ok"}]
    names = query("SELECT count(*) FILTER (WHERE name = 'one') AS one, count(*) AS n FROM banks", file=target)[0]
    assert names["n"] == 2 * names["one"] >= 100
    assert sorted(file.name for file in tmp_path.iterdir() if "copy" in file.name) == ["copy.db"]


def test_a_backup_never_replaces_a_file(path, tmp_path, run_upgrade):
    run_upgrade()
    target = tmp_path / "copy.db"
    target.write_text("mine")

    with pytest.raises(ConfigError, match=r"copy\.db: is there already and is not overwritten"):
        backup(path, target)

    assert target.read_text() == "mine"


def test_a_backup_into_a_folder_that_is_missing_says_so(path, tmp_path, run_upgrade):
    run_upgrade()

    with pytest.raises(ConfigError, match="does not exist: make it first"):
        backup(path, tmp_path / "there" / "copy.db")


def test_two_backups_to_one_place_do_not_mix(path, tmp_path, run_upgrade):
    import fcntl

    run_upgrade()
    with (tmp_path / "copy.db.draft").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(AlreadyRunning, match="another process writes this copy"):
            backup(path, tmp_path / "copy.db")


def test_a_sound_database_has_nothing_to_say(path, run_upgrade):
    run_upgrade()

    assert check(path, now=_NOW) == []


def test_a_check_names_what_is_stuck_unknown_and_inexact(path, run_upgrade, query):
    run_upgrade()
    old = (_NOW - timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S.000000")
    query(
        "INSERT INTO integrations (id, user_id, email_account, import_status, lease_until) VALUES (5, 1, 'a@b.c', 'running', ?)",
        old,
    )
    query("INSERT INTO integrations (id, user_id, email_account, import_status) VALUES (6, 1, 'a@b.d', 'asleep')")
    query("INSERT INTO email_import_jobs (status, started_at, batch_size) VALUES ('running', ?, 3)", old)
    query(
        "INSERT INTO email_parsing_jobs (integration_id, email_message_id, parsing_status, template, received_at) "
        "VALUES (5, 'm', 'success', 't', ?)",
        old,
    )
    query("INSERT INTO transactions (user_id, amount, revision, integration_id) VALUES (1, NULL, 1, 99)")

    told = "\n".join(check(path, now=_NOW))

    assert "integrations: 1 rows are running although their lease is over (the first is 5)" in told
    assert "integrations: 1 rows have a import_status that afpd does not know (the first is 6)" in told
    assert "email_import_jobs: 1 rows never ended" in told
    assert "email_parsing_jobs: 1 rows ended as success without a transaction" in told
    assert "transactions: 1 rows have no exact amount" in told
    assert "transactions: 1 rows belong to no integration" in told


def test_a_check_of_a_damaged_database_says_so(path, run_upgrade, query):
    run_upgrade()
    query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO banks (name) SELECT i FROM n"
    )
    page = query("SELECT rootpage FROM sqlite_master WHERE name = 'ux_banks_code'")[0]["rootpage"]
    size = query("PRAGMA page_size")[0]["page_size"]
    query("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((page - 1) * size + 100)
        file.write(b"\x55" * 400)

    assert any("damaged" in sentence or "integrity" in sentence for sentence in check(path, now=_NOW))


def test_a_check_of_a_database_that_is_not_ours_changes_nothing(path):
    make_legacy_database(path, integrations=1, jobs=1)

    assert check(path, now=_NOW) == ["the database is not one of afpd's yet: `afpd db upgrade` makes it one"]
    assert current_revision(path) is None


def test_a_check_tells_what_still_belongs_to_the_replaced_system(path, run_upgrade):
    make_legacy_database(path, integrations=3, jobs=9)
    run_upgrade(only=frozenset({1}))

    told = check(path, now=_NOW)

    assert told == ["integrations: 2 rows still belong to the replaced system: `afpd run` without --only adopts them"]
