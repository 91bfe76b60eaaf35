"""The daemon as an operator meets it: started, asked, killed, stopped, misconfigured."""

import signal
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from support.daemon import Daemon, afpd, get, sandbox, until, write_config

from afpd.keyring import Keyring

QUICK = {"imports": {"every": "1s"}, "parsing": {"every": "1s"}}
CONTRACT = {
    "integrations": {"total", "active", "waiting", "running", "suspended", "error", "stale", "quiet"},
    "emails": {"pending_parsing", "parsed_today", "unmatched", "failed", "quarantined", "missing"},
    "transactions": {"created_today"},
    "loops": {"import", "parsing", "cleanup"},
}
LOOP = {"last_started_at", "last_finished_at", "next_at", "last_duration_seconds", "failures_in_a_row", "last"}


@pytest.fixture(scope="module")
def gmail(tmp_path_factory):
    """A sandbox of three users with four mails each, in a process of its own."""
    folder = tmp_path_factory.mktemp("sandbox")
    with sandbox(folder, "--users", "3", "--mails", "4", "--visit-every", "1h") as url:
        yield folder, url


@pytest.fixture
def config(tmp_path, gmail):
    """A configuration with the three users added."""
    path = fresh_config(tmp_path, gmail)
    added = afpd("integrations", "add", "--from", str(gmail[0] / "gmail" / "users.jsonl"), config=path)
    assert added.returncode == 0, added.stderr
    return path


def fresh_config(folder: Path, gmail, **tables) -> Path:
    client = {"client_file": str(gmail[0] / "gmail" / "client_secret.json")}
    return write_config(folder, gmail[1], **{**QUICK, "gmail": client, **tables})


def bank_mails(url):
    return [mail for mail in get(f"{url}/sandbox/mails")[1]["mails"] if mail.get("bank")]


def test_status_has_the_keys_that_others_rely_on(config, gmail):
    daemon = Daemon(config)
    try:
        until(lambda: daemon.status()["emails"]["parsed_today"] > 0)
        status = daemon.status()
        for key, names in CONTRACT.items():
            assert names <= set(status[key])
        for loop in status["loops"].values():
            assert set(loop) >= LOOP
        last = until(lambda: daemon.status()["loops"]["import"]["last"])
        assert {"integrations_processed", "total_emails", "errors"} <= set(last)
        counts = status["integrations"]
        assert counts["waiting"] + counts["running"] + counts["suspended"] + counts["error"] == counts["total"] == 3
        assert daemon.get("/livez")[0] == 200
        assert until(lambda: daemon.get("/readyz")[0] == 200)
    finally:
        assert daemon.stop() == 0


def test_killed_again_and_again_it_keeps_every_mail_once(config, gmail, tmp_path):
    wanted = len(bank_mails(gmail[1]))
    for _ in range(4):
        daemon = Daemon(config)
        assert daemon.port
        daemon.kill()
    daemon = Daemon(config)
    until(lambda: (daemon.status()["last_batch"] or {}).get("status") == "completed")
    assert daemon.stop() == 0
    with closing(sqlite3.connect(tmp_path / "afpd.db")) as database:
        total, distinct = database.execute(
            "SELECT count(*), count(DISTINCT integration_id || email_message_id) FROM email_parsing_jobs"
        ).fetchone()
        running = database.execute("SELECT count(*) FROM integrations WHERE import_status = 'running'").fetchone()
        open_batches = database.execute("SELECT count(*) FROM email_import_jobs WHERE status = 'running'").fetchone()
    assert (total, distinct, running, open_batches) == (wanted, wanted, (0,), (0,))


def test_a_second_daemon_on_the_same_database_is_refused_with_75(config):
    first = Daemon(config)
    try:
        assert first.port
        second = afpd("run", config=config)
        assert second.returncode == 75
        assert len(second.stderr.strip().splitlines()) == 1
        assert afpd("integrations", "list", config=config).returncode == 0
    finally:
        first.stop()


def test_a_port_in_use_is_refused_with_75(tmp_path, gmail):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = fresh_config(tmp_path, gmail, status={"port": taken.getsockname()[1]})

        answer = afpd("run", config=path)

    assert answer.returncode == 75
    assert "set another port under [status]" in answer.stderr.splitlines()[-1]


def test_a_database_of_a_newer_version_is_left_alone_with_78(config, tmp_path):
    with closing(sqlite3.connect(tmp_path / "afpd.db")) as database:
        database.execute("UPDATE afpd_version SET version_num = '9999'")
        database.commit()

    answer = afpd("run", config=config)

    assert answer.returncode == 78
    assert "newer" in answer.stderr


def test_a_missing_key_is_77_and_never_a_new_key(config, tmp_path):
    key = tmp_path / "afpd.key"
    key.rename(tmp_path / "elsewhere")

    answer = afpd("run", config=config)

    assert answer.returncode == 77
    assert str(key) in answer.stderr
    assert not key.exists()


def test_a_key_that_others_can_read_is_refused_with_77(config, tmp_path):
    (tmp_path / "afpd.key").chmod(0o644)

    answer = afpd("run", config=config)

    assert answer.returncode == 77
    assert "chmod 600" in answer.stderr


def test_a_wrong_configuration_is_78_and_names_every_mistake(tmp_path, gmail):
    path = fresh_config(tmp_path, gmail, imports={"evry": "5m", "concurrency": "many"})

    answer = afpd("run", config=path)

    assert answer.returncode == 78
    assert "evry" in answer.stderr
    assert "concurrency" in answer.stderr


def test_the_database_and_the_key_are_private(config, tmp_path):
    for name in ("afpd.db", "afpd.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_run_now_is_noticed_by_a_running_daemon(tmp_path, gmail):
    path = fresh_config(tmp_path, gmail, imports={"every": "1h"})
    assert afpd("integrations", "add", "--from", str(gmail[0] / "gmail" / "users.jsonl"), config=path).returncode == 0
    daemon = Daemon(path)
    try:
        until(lambda: daemon.status()["last_batch"])
        assert afpd("integrations", "run-now", "2", config=path).returncode == 0
        batch = until(lambda: (b := daemon.status()["last_batch"])["id"] == 2 and b)
        assert batch["batch_size"] == 1
    finally:
        daemon.stop()


def test_a_reload_takes_what_is_right_and_refuses_what_is_wrong(config):
    daemon = Daemon(config)
    try:
        assert daemon.port
        good = config.read_text()
        config.write_text(good.replace('every = "1s"', 'every = "nonsense"', 1))
        daemon.signal(signal.SIGHUP)
        until(lambda: any(event["event"] == "config.reload_refused" for event in daemon.events()))
        config.write_text(good.replace('every = "1s"', 'every = "1h"', 1))
        daemon.signal(signal.SIGHUP)
        until(lambda: any(event["event"] == "config.reloaded" for event in daemon.events()))
        loop = until(lambda: (b := daemon.status()["loops"]["import"])["next_at"] and b)
        assert loop["failures_in_a_row"] == 0
    finally:
        assert daemon.stop() == 0


def test_no_token_and_no_address_is_in_the_log(config, gmail, tmp_path):
    daemon = Daemon(config)
    until(lambda: daemon.status()["emails"]["parsed_today"] > 0)
    daemon.stop()

    log = (tmp_path / "daemon.log").read_text()

    assert "1//sandbox" not in log
    assert "@example.com" not in log


def test_only_visits_only_those(config, tmp_path):
    daemon = Daemon(config, "--only", "2")
    try:
        until(lambda: daemon.status()["last_batch"])
    finally:
        daemon.stop()
    with closing(sqlite3.connect(tmp_path / "afpd.db")) as database:
        visited = database.execute("SELECT id FROM integrations WHERE last_run_at IS NOT NULL").fetchall()
    assert visited == [(2,)]


def test_the_key_of_another_database_is_refused_with_77(config, tmp_path):
    key = tmp_path / "afpd.key"
    key.unlink()
    Keyring.create(key)

    answer = afpd("run", config=config)

    assert answer.returncode == 77
    assert "is not the key of" in answer.stderr
