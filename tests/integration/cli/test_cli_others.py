"""check-config, db, sandbox, demo and run."""

import asyncio
import json
import signal
import sqlite3
from contextlib import closing

import pytest


def test_a_sound_configuration_is_said_to_be(afpd, place):
    result = afpd("check-config")
    assert result.stdout == "afpd.toml: the configuration is sound\n"
    assert "remark: " in result.stderr
    assert "client_secret.json" in result.stderr
    place.write("client_secret.json", '{"installed": {"client_id": "a", "client_secret": "b"}}')
    assert afpd("check-config").stderr == ""


def test_without_a_file_everything_has_its_default(afpd, place):
    place.config.unlink()
    told = json.loads(afpd("check-config", "--json").stdout)
    assert (told["ok"], told["file"]) == (True, None)


def test_every_setting_is_shown_with_where_it_came_from(afpd, monkeypatch):
    monkeypatch.setenv("AFPD_IMPORT__EVERY", "90s")
    lines = afpd("check-config", "--print").stdout.splitlines()
    assert any(line.startswith('every = "90s"') and line.endswith("# AFPD_IMPORT__EVERY") for line in lines)
    assert any(line.startswith("timezone = ") and line.endswith("# afpd.toml:1") for line in lines)
    told = json.loads(afpd("check-config", "--print", "--json").stdout)
    assert told["settings"]["import"]["every"] == "90s"
    assert told["sources"]["import.every"] == "AFPD_IMPORT__EVERY"


def test_everything_wrong_is_told_at_once_with_exit_code_78(afpd, place):
    place.config.write_text('[import]\nevery = "often"\nconcurency = 3\n')
    result = afpd("check-config", "--json", fails=78)
    assert result.stdout == ""
    assert "afpd.toml:2" in result.stderr
    assert "did you mean import.concurrency?" in result.stderr


def test_a_named_configuration_that_is_missing_is_exit_code_78(afpd):
    assert "none.toml" in afpd("check-config", "--config", "none.toml", fails=78).stderr


def test_upgrade_makes_the_database_and_does_nothing_the_second_time(afpd, place):
    told = json.loads(afpd("db", "upgrade", "--json").stdout)
    assert (told["database"], told["before"]) == (str(place.database), None)
    again = json.loads(afpd("db", "upgrade", "--json").stdout)
    assert again["before"] == again["after"] == told["after"]
    assert "already" in afpd("db", "upgrade").stdout


def test_a_newer_database_is_exit_code_78_for_every_verb(afpd, place, database):
    with closing(sqlite3.connect(database)) as connection, connection:
        table = next(
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%version_num%'")
        )
        connection.execute(f"UPDATE {table} SET version_num = 'r9999'")
    place.write("token", "1//x")
    for arguments in (
        ["db", "upgrade"], ["integrations", "list"], ["transactions", "export"],
        ["integrations", "add", "--user", "u", "--email", "a@b.cr", "--refresh-token-file", "token"],
    ):  # fmt: skip
        result = afpd(*arguments, fails=78)
        assert result.stdout == ""
        assert "afpd.db" in result.stderr


def test_check_tells_whether_the_database_is_sound(afpd, place, database):
    assert afpd("db", "check").stdout == f"{database}: sound\n"
    assert json.loads(afpd("db", "check", "--json").stdout) == {"database": str(database), "ok": True, "problems": []}
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO integrations (user_id, email_account, is_active, import_status) VALUES ('u','a',1,'x')"
        )
    result = json.loads(bad_check(afpd).stdout)
    assert result["ok"] is False
    assert result["problems"]


def bad_check(afpd):
    from click.testing import CliRunner

    from afpd.cli.root import root

    result = CliRunner().invoke(root, ["db", "check", "--json"])
    assert result.exit_code == 1
    return result


def test_backup_writes_a_copy_that_opens_and_never_overwrites(afpd, place, added):
    added()
    told = json.loads(afpd("db", "backup", "copy.db", "--json").stdout)
    copy = place.folder / "copy.db"
    assert (told["backup"], told["bytes"]) == ("copy.db", copy.stat().st_size)
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT user_id FROM integrations").fetchall() == [("user_1",)]
    result = afpd("db", "backup", "copy.db", fails=78)
    assert "not overwritten" in result.stderr
    assert "afpd.key" in afpd("db", "backup", "second.db").stderr


@pytest.mark.parametrize("json_too", [True, False])
async def test_the_sandbox_says_where_it_is_and_runs_until_it_is_stopped(place, json_too):
    place.config.write_text("nonsense = 1")
    options = [
        "--users",
        "2",
        "--mails",
        "1",
        "--folder",
        "box",
        "--visit-every",
        "90s",
        *(["--json"] if json_too else []),
    ]
    process = await place.start("sandbox", *options)
    async with asyncio.timeout(30):
        first = await process.stdout.readline()
    users = [json.loads(line) for line in (place.folder / "box/users.jsonl").read_text().splitlines()]
    assert [user["every"] for user in users] == ["90s", "90s"]
    told = json.loads((place.folder / "box/sandbox.json").read_text())
    assert json.loads(first) == told if json_too else told["url"] in first.decode()
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0
    assert not place.database.exists()


@pytest.mark.parametrize(
    "options", [["--faults", "101"], ["--port", "70000"], ["--users", "-1"], ["--every", "0"], ["--visit-every", "x"]]
)
def test_what_a_sandbox_cannot_be_is_a_usage_error(afpd, options):
    afpd("sandbox", *options, fails=2)


def test_the_demo_takes_no_odd_times(afpd):
    afpd("demo", "--seconds", "0", fails=2)
    afpd("demo", "--seconds", "soon", fails=2)


async def test_run_with_a_bad_configuration_or_without_its_client_does_not_start(place):
    ended = await place.run("run", "--json")
    assert (ended.code, ended.stdout) == (77, "")
    assert ended.stderr.count("\n") == 1
    assert "client_secret.json" in ended.stderr
    place.config.write_text("nonsense = 1")
    ended = await place.run("run")
    assert (ended.code, ended.stderr.count("\n")) == (78, 1)
