"""Adding integrations, looking at them, and changing them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from afpd.keyring import Keyring
from afpd.store.schema import integrations as table
from afpd.store.sealed import open_token

SECRET = "1//secret-token"


def record(afpd, key=1):
    return json.loads(afpd("integrations", "show", str(key), "--json").stdout)


def row(place, key=1):
    async def look(connection):
        return (await connection.execute(table.select().where(table.c.id == key))).one()._mapping

    return place.in_database(look)


def change(place, **values):
    async def write(connection):
        await connection.execute(table.update().values(**values))

    place.in_database(write)


def add_line(**changes):
    line = {"user": "17", "email": "ana@example.com", "refresh_token": SECRET, "every": "5m"} | changes
    return json.dumps({name: value for name, value in line.items() if value is not ...})


def test_add_makes_the_database_and_its_key_and_prints_the_id(afpd, place):
    place.write("token-user_1", SECRET)
    options = ("--user", "user_1", "--email", "ana@example.com", "--refresh-token-file", "token-user_1")
    told = json.loads(afpd("integrations", "add", *options, "--json").stdout)
    assert (told["id"], told["new"], told["user_id"], told["import_status"]) == (1, True, "user_1", "waiting")
    assert place.database.stat().st_mode & 0o777 == 0o600
    assert (place.folder / "afpd.key").stat().st_mode & 0o777 == 0o600
    again = afpd(
        "integrations", "add", "--user", "u2", "--email", "b@example.com", "--refresh-token-file", "token-user_1"
    )
    assert again.stdout == "integration 2 of user u2 (b@example.com): added\n"


def test_the_token_is_sealed_and_never_shown(afpd, place, added):
    added()
    keyring = Keyring.load(place.folder / "afpd.key")
    assert open_token(keyring, 1, "refresh_token", row(place)["sealed_refresh_token"]) == SECRET
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in place.folder.glob("afpd.db*"))
    for arguments in (["list"], ["list", "--json"], ["show", "1"], ["show", "1", "--json"]):
        assert "secret" not in afpd("integrations", *arguments).output


def test_a_known_user_and_address_keep_their_id_and_get_the_new_token(afpd, place, added):
    added()
    change(place, import_status="error", last_error_message="sign in again", cursor="17", is_active=False)
    place.write("token", "1//newer")
    told = afpd(
        "integrations", "add", "--user", "user_1", "--email", "ANA@example.com", "--refresh-token-file", "token"
    )
    assert told.stdout.startswith("integration 1 of user user_1 (ana@example.com): was known")
    now = row(place)
    assert (now["import_status"], now["last_error_message"], now["cursor"], now["is_active"]) == (
        "waiting",
        None,
        "17",
        True,
    )
    assert (
        open_token(Keyring.load(place.folder / "afpd.key"), 1, "refresh_token", now["sealed_refresh_token"])
        == "1//newer"
    )


def test_the_token_may_come_from_stdin(afpd, database):
    options = ("--user", "ñ 1", "--email", "a@b.cr", "--refresh-token-file", "-", "--json")
    assert json.loads(afpd("integrations", "add", *options, stdin="1//x\n").stdout)["user_id"] == "ñ 1"


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0o600, "does not exist"),
        (SECRET, 0o644, "chmod 600"),
        ("  \n", 0o600, "empty"),
        (f"{SECRET}\n{SECRET}", 0o600, "one refresh token and nothing else"),
    ],
)
def test_a_token_file_that_will_not_do_is_exit_code_77(afpd, place, content, mode, words):
    if content is not None:
        place.write("token", content, mode)
    result = afpd("integrations", "add", "--user", "u", "--email", "a@b.cr", "--refresh-token-file", "token", fails=77)
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert SECRET not in result.output
    assert not place.database.exists()


def test_nothing_on_stdin_is_exit_code_77(afpd):
    options = ("--user", "u", "--email", "a@b.cr", "--refresh-token-file", "-")
    assert "empty" in afpd("integrations", "add", *options, fails=77, stdin="").stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--user", "u"],
        ["--user", "", "--email", "a@b.cr", "--refresh-token-file", "token"],
        ["--user", "u", "--email", "nobody", "--refresh-token-file", "token"],
        ["--user", "u", "--email", "a@b.cr", "--refresh-token-file", "token", "--every", "999ms"],
        ["--user", "u", "--email", "a@b.cr", "--refresh-token-file", "token", "--every", "5"],
        ["--user", "u", "--from", "list"],
    ],
)
def test_what_add_cannot_take_is_a_usage_error(afpd, place, options):
    afpd("integrations", "add", *options, fails=2)
    assert not place.database.exists()


def test_a_missing_key_of_a_database_with_tokens_is_exit_code_77_and_never_made_anew(afpd, place, added):
    added()
    (place.folder / "afpd.key").unlink()
    options = ("--user", "u", "--email", "a@b.cr", "--refresh-token-file", "token-user_1")
    assert "afpd.key" in afpd("integrations", "add", *options, fails=77).stderr
    assert not (place.folder / "afpd.key").exists()


@pytest.mark.parametrize(
    ("every", "seconds", "minutes"),
    [("90s", 90.0, 2), ("1s", 1.0, 1), ("5m", 300.0, 5), ("1h30m", 5400.0, 90), ("1500ms", 1.5, 1)],
)
def test_every_is_kept_exactly_and_its_minutes_are_rounded_up(added, every, seconds, minutes):
    told = added("u", "a@b.cr", "--every", every)
    assert (told["run_every_seconds"], told["run_frequency_minutes"]) == (seconds, minutes)


def test_a_list_is_added_in_one_go(afpd, place, database):
    lines = [add_line(), "", add_line(user=18, every=None), add_line(user="Zoë", email="z@example.com", every=...)]
    place.write("list.jsonl", "\ufeff" + "\r\n".join(lines) + "\n")
    told = json.loads(afpd("integrations", "add", "--from", "list.jsonl", "--json").stdout)["integrations"]
    assert [(one["id"], one["user_id"], one["new"], one["every"]) for one in told] == [
        (1, "17", True, "5m"), (2, "18", True, "5m"), (3, "Zoë", True, "5m"),
    ]  # fmt: skip
    again = afpd("integrations", "add", "--from", "-", stdin=add_line(user="19") + "\n" + add_line())
    assert again.stdout.splitlines()[-1] == "1 added, 1 known"
    assert again.stdout.startswith("integration 4 of user 19")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        (add_line(user=...), '"user" is missing'),
        (add_line(email=...), '"email" is missing'),
        (add_line(refresh_token=...), '"refresh_token" is missing'),
        (add_line(refresh_token=""), '"refresh_token" holds no refresh token'),
        (add_line(user=""), '"user" must not be empty'),
        (add_line(user=True), '"user" must be text'),
        (add_line(email="ana"), '"email" must be a mail address'),
        (add_line(every="0s"), '"every" must be at least "1s"'),
        (add_line(every="often"), '"every" must be a duration'),
        (add_line(every=300), '"every" must be text'),
        (add_line(evry="5m"), "did you mean 'every'?"),
        (add_line(), "same user and address as line 1"),
        (add_line(email="ANA@Example.com"), "same user and address as line 1"),
        (b"\xff", "is not JSON"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_added(afpd, place, added, line, words):
    added("before", "b@example.com")
    bad = line if isinstance(line, bytes) else line.encode()
    place.write("list", (add_line() + "\n\n").encode() + bad + b"\n" + add_line(user="later").encode())
    result = afpd("integrations", "add", "--from", "list", fails=1)
    assert result.stdout == ""
    assert "list:3: " in result.stderr
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr
    assert len(json.loads(afpd("integrations", "list", "--json").stdout)["integrations"]) == 1


def test_several_bad_lines_are_counted(afpd, place):
    place.write("list", "x\n" * 9)
    assert "list:1: is not JSON" in (told := afpd("integrations", "add", "--from", "list", fails=1).stderr)
    assert "(8 more bad lines: 2, 3, 4, 5, 6, …); nothing was added" in told


def test_a_list_that_others_can_read_is_taken_with_a_hint(afpd, place):
    place.write("list", add_line(), 0o644)
    assert "chmod 600" in afpd("integrations", "add", "--from", "list").stderr


def test_a_token_in_the_place_of_a_key_is_not_repeated(afpd, place):
    place.write("list", json.dumps({SECRET: "refresh_token"}))
    assert "secret" not in afpd("integrations", "add", "--from", "list", fails=1).stderr


def test_list_filters_by_state_user_and_silence(afpd, place, added):
    added(), added("user_2", "b@example.com")
    change(place, last_verified_at=datetime.now(UTC) - timedelta(hours=1))
    afpd("integrations", "suspend", "2")

    def ids(*options):
        return [
            one["id"] for one in json.loads(afpd("integrations", "list", *options, "--json").stdout)["integrations"]
        ]

    assert ids() == [1, 2]
    assert ids("--status", "suspended") == [2]
    assert ids("--user", "user_1") == [1]
    assert ids("--user", "nobody") == []
    assert ids("--stale") == [1, 2]
    assert ids("--quiet") == []
    lines = afpd("integrations", "list").stdout.splitlines()
    assert lines[0].split("\t")[:4] == ["id", "user", "address", "state"]
    assert lines[2].split("\t")[3] == "suspended"
    assert "stale" in lines[1]


def test_suspend_lasts_until_resume_and_shows_its_reason(afpd, added):
    added()
    assert "until `afpd integrations resume`" in afpd("integrations", "suspend", "1", "--reason", "complains").stdout
    now = record(afpd)
    assert (now["import_status"], now["suspend_reason"], now["suspend_until"]) == ("suspended", "complains", None)
    assert "waiting" in afpd("integrations", "resume", "1").stdout
    now = record(afpd)
    assert (now["import_status"], now["suspend_reason"]) == ("waiting", None)


@pytest.mark.parametrize(
    ("until", "moment"),
    [
        ("2099-12-24T18:00", "2099-12-25T00:00:00Z"),
        ("2099-12-24 18:00:00+02:00", "2099-12-24T16:00:00Z"),
        ("2099-12-24T18:00Z", "2099-12-24T18:00:00Z"),
        ("2099-12-24", "2099-12-24T06:00:00Z"),
    ],
)
def test_until_is_iso_8601_in_the_configured_zone_when_it_has_no_offset(afpd, added, until, moment):
    added()
    told = json.loads(afpd("integrations", "suspend", "1", "--until", until, "--json").stdout)
    assert told["suspend_until"] == moment


def test_until_may_be_a_duration(afpd, added):
    added()
    told = json.loads(afpd("integrations", "suspend", "1", "--until", "90m", "--json").stdout)
    until = datetime.fromisoformat(told["suspend_until"])
    assert timedelta(minutes=89) < until - datetime.now(UTC) < timedelta(minutes=91)


@pytest.mark.parametrize("until", ["tomorrow", "", "0s", "2020-01-01", "9999-12-31T23:59:59", "-5m", "2026-13-01"])
def test_until_that_is_no_moment_to_come_is_a_usage_error(afpd, added, until):
    added()
    assert "Invalid moment" in afpd("integrations", "suspend", "1", "--until", until, fails=2).stderr
    assert record(afpd)["import_status"] == "waiting"


def test_resume_leads_out_of_error(afpd, place, added):
    added()
    change(place, import_status="error", last_error_message="sign in again", failures_in_a_row=3)
    told = json.loads(afpd("integrations", "resume", "1", "--json").stdout)
    assert (told["import_status"], told["last_error_message"], told["failures_in_a_row"]) == ("waiting", None, 0)


def test_remove_deactivates_and_wipes_the_token(afpd, place, added):
    added()
    assert "removed" in afpd("integrations", "remove", "1").stdout
    now = row(place)
    assert (now["is_active"], now["sealed_refresh_token"]) == (False, None)
    assert record(afpd)["is_active"] is False
    for change_again in ("suspend", "resume", "run-now"):
        assert "was removed" in afpd("integrations", change_again, "1", fails=1).stderr


def test_run_now_asks_for_a_visit(afpd, place, added):
    added()
    assert "at once" in afpd("integrations", "run-now", "1").stdout
    assert place.in_database(claims_now) is True
    afpd("integrations", "suspend", "1")
    assert "resume" in afpd("integrations", "run-now", "1", fails=1).stderr


async def claims_now(connection):
    from afpd.store.integrations import wants_run_now

    return await wants_run_now(connection)


@pytest.mark.parametrize("name", ["show", "suspend", "resume", "remove", "run-now"])
def test_an_unknown_id_is_exit_code_1_in_one_line(afpd, added, name):
    added()
    for key in ("99", str(2**63 - 1)):
        result = afpd("integrations", name, key, fails=1)
        assert result.stderr == f"afpd: no integration {key}: `afpd integrations list` shows them\n"
        assert result.stdout == ""
    afpd("integrations", name, str(2**63), fails=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["integrations", "list"], ["integrations", "show", "1"], ["batches", "list"], ["batches", "show", "1"],
        ["transactions", "list"], ["transactions", "export"], ["db", "check"], ["db", "backup", "copy"],
        ["integrations", "run-now", "1"],
    ],
)  # fmt: skip
def test_without_a_database_a_verb_says_what_makes_one(afpd, place, arguments):
    assert "there is no database" in afpd(*arguments, fails=78).stderr
    assert not place.database.exists()


def test_a_damaged_database_is_said_in_words(afpd, place):
    place.write("afpd.db", b"no database" * 1000)
    told = afpd("integrations", "list", fails=78).stderr
    assert "no SQLite database" in told
    assert Path("afpd.db").read_bytes().startswith(b"no database")


def test_a_long_list_is_read_to_its_end(afpd, place):
    place.write("list", add_line() + "\n" * (2 << 20) + "x")
    assert f"list:{(2 << 20) + 1}: is not JSON" in afpd("integrations", "add", "--from", "list", fails=1).stderr


def test_show_says_why_a_grant_was_probably_lost_and_what_to_do(afpd, added, place):
    key = added()["id"]
    assert json.loads(afpd("integrations", "show", str(key), "--json").stdout)["advice"] is None
    words = "Google no longer accepts the grant (invalid_grant): most likely it ended"
    lost = {"import_status": "error", "last_error_message": words, "revoked_since": datetime.now(UTC)}
    week = {"granted_at": datetime.now(UTC) - timedelta(days=7, hours=1), "last_verified_at": datetime.now(UTC)}
    place.in_database(lambda connection: connection.execute(table.update().values(**lost, **week)))
    told = json.loads(afpd("integrations", "show", str(key), "--json").stdout)
    assert "status Testing" in told["advice"]
    assert told["credential"] == "oauth"
    assert "integrations connect" in afpd("integrations", "show", str(key)).stdout
