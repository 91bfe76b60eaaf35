import json
import logging
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as some

from afpd import log
from afpd.log.redact import MASK, redact, redact_text
from afpd.log.repeats import Repeats

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    log.flush()
    log.configure("warning", "json")
    structlog.contextvars.clear_contextvars()
    root.handlers, root.level = handlers, level


@pytest.fixture
def stream() -> StringIO:
    stream = StringIO()
    log.configure("info", "json", stream)
    return stream


def _lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _run(program: str, *, environ: dict[str, str] | None = None, stderr: int = subprocess.PIPE) -> str:
    whole = f"from afpd import log\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", whole],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.stderr or ""


def test_a_line_is_json_with_time_in_utc_level_event_and_logger(stream: StringIO) -> None:
    log.get("afpd.loops").info("tick finished", integrations_processed=3)
    (line,) = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "event": "tick finished", "logger": "afpd.loops", "integrations_processed": 3}


def test_lines_below_the_level_are_not_written(stream: StringIO) -> None:
    logger = log.get("afpd")
    logger.debug("seen")
    log.configure("error", "json", stream)
    logger.warning("seen")
    assert stream.getvalue() == ""


def test_a_logger_that_exists_follows_a_new_configuration(stream: StringIO) -> None:
    logger = log.get("afpd")
    other = StringIO()
    log.configure("debug", "json", other)
    logger.debug("now seen")
    assert (stream.getvalue(), _lines(other)[0]["event"]) == ("", "now seen")


def test_what_is_bound_to_the_task_is_on_every_line(stream: StringIO) -> None:
    with structlog.contextvars.bound_contextvars(batch_id=7, integration_id=17):
        log.get("afpd").info("visit finished")
    assert (_lines(stream)[0]["batch_id"], _lines(stream)[0]["integration_id"]) == (7, 17)


def test_libraries_take_the_same_way(stream: StringIO) -> None:
    logging.getLogger("aiohttp.server").error("refused %s for %s", "Bearer abc.def-123", "ana@example.com")
    (line,) = _lines(stream)
    assert (line["logger"], line["level"]) == ("aiohttp.server", "error")
    assert line["event"] == f"refused {MASK} for {MASK}"


def test_the_chatter_of_libraries_is_left_out(stream: StringIO) -> None:
    logging.getLogger("alembic.runtime").info("Context impl SQLiteImpl.")
    log.configure("debug", "json", stream)
    logging.getLogger("sqlalchemy.engine.Engine").info("INSERT INTO x")
    logging.getLogger("aiohttp.access").info("GET /status")
    assert stream.getvalue() == ""


def test_a_percent_sign_of_a_library_is_not_read_as_a_format(stream: StringIO) -> None:
    logging.getLogger("x").warning("100%% of %d", 5)
    logging.getLogger("x").warning("100% raw")
    assert [line["event"] for line in _lines(stream)] == ["100% of 5", "100% raw"]


def test_a_traceback_is_on_the_line_without_the_secrets_in_it(stream: StringIO) -> None:
    try:
        int("token ya29.a0Af_secret of ana@example.com")
    except ValueError:
        log.get("afpd").exception("bug", unit=3)
        logging.getLogger("library").exception("bug")
    for line in _lines(stream):
        assert (
            line["exception"].splitlines()[-1]
            == f"ValueError: invalid literal for int() with base 10: 'token {MASK} of {MASK}'"
        )
        assert line["exception"].startswith("Traceback")


@pytest.mark.parametrize(
    "text",
    [
        "ya29.a0AfH6SMBx_secret-1.x",
        "1//0gsecret_secret-secret",
        "4/0AeaYsecret_secret",
        "GOCSPX-secret",
        "Authorization: Bearer secret.secret",
        "bearer c2VjcmV0+secret/==",
        "Basic c2VjcmV0",
        "eyJzZWNyZXQ.eyJzZWNyZXQ.secret",
        "https://x/?access_token=secret&a=1",
        '{"refresh_token": "secret"}',
        "{'client_secret': 'secret'}",
        "grant_type=refresh_token&refresh_token=secret",
        "secret.person+tag@mail.example.co.cr",
        "<secret@example.com>",
    ],
)
def test_what_looks_like_a_secret_or_an_address_is_removed_from_any_text(text: str) -> None:
    assert "secret" not in redact_text(text).replace("client_secret", "")
    assert MASK in redact_text(text)
    assert "secret" not in json.dumps(redact({"error": [{"why": text}]})).replace("client_secret", "")


@pytest.mark.parametrize("key", ["token", "refresh_token", "Authorization", "client_secret", "password", "Set-Cookie"])
def test_a_key_that_names_a_secret_hides_whatever_it_holds(key: str) -> None:
    assert redact({key: 22000}) == {key: MASK}
    assert redact({"answer": {key: "x"}}) == {"answer": {key: MASK}}


@pytest.mark.parametrize(
    "key", ["body", "subject", "email_subject", "email_address", "email_account", "amount", "merchant"]
)
def test_a_key_that_names_a_part_of_a_mail_hides_whatever_it_holds(key: str) -> None:
    assert redact({key: 22000}) == {key: MASK}
    assert redact({"answer": {key: "x"}}) == {"answer": {key: MASK}}


def test_what_operators_need_is_left_alone() -> None:
    event = {
        "integration_id": 17,
        "email_message_id": "18f3a",
        "emails_found": 5,
        "token_file": "/etc/afpd/token",
        "url": "https://gmail.googleapis.com/gmail/v1/users/me/history?startHistoryId=77",
        "error": "invalid_grant: Token has been expired or revoked.",
        "email": None,
        "duration_seconds": 0.25,
        "ready": True,
    }
    assert redact(event) == event


def test_bytes_are_told_by_their_length_only() -> None:
    assert redact({"answer": b"secret"}) == {"answer": "[6 bytes]"}


def test_an_object_is_written_as_text_without_its_secrets() -> None:
    assert redact({"error": ValueError("no ya29.secret")}) == {"error": f"no {MASK}"}


def test_hostile_text_cannot_begin_a_line_or_speak_to_the_terminal(stream: StringIO) -> None:
    log.configure("info", "pretty", stream)
    log.get("afpd").info("bank seen", bank="x\n2026 [info] forged\x1b[2J\x9b")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b[2J" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()


@given(some.text(max_size=200))
def test_redacting_never_fails_and_never_leaves_control_characters(text: str) -> None:
    written = redact({"event": text})["event"]
    assert not any(ord(character) < 32 for character in written)


@pytest.mark.parametrize("text", ["a" * 200_000, "1//" * 60_000, "eyJ" * 60_000, "a.b@" * 50_000, "Bearer " * 30_000])
def test_redacting_long_hostile_text_takes_no_time(text: str) -> None:
    start = time.perf_counter()
    redact_text(text)
    assert time.perf_counter() - start < 2


def test_a_warning_that_repeats_is_said_once_and_then_counted(stream: StringIO) -> None:
    log.configure("info", "json", stream, repeats_window=0.05)
    logger = log.get("afpd")
    for number in range(5):
        logger.warning("visit failed", error="503", integration_id=number)
    logger.warning("visit failed", error="429")
    assert [line["error"] for line in _lines(stream)] == ["503", "429"]
    time.sleep(0.06)
    logger.info("tick finished")
    assert [(line["event"], line.get("repeats")) for line in _lines(stream)[2:]] == [
        ("visit failed", 4),
        ("tick finished", None),
    ]


def test_lines_of_level_info_are_never_held_back(stream: StringIO) -> None:
    for _ in range(3):
        log.get("afpd").info("tick finished")
    assert len(_lines(stream)) == 3


def test_what_is_still_counted_is_said_at_the_end_of_the_process() -> None:
    told = _run("log.configure('info', 'json')\nfor n in range(3): log.get('x').error('down', error='503')")
    assert [json.loads(line).get("repeats") for line in told.splitlines()] == [None, 2]


def test_after_its_window_a_repeated_warning_is_said_again() -> None:
    repeats = Repeats(60)
    event = {"level": "warning", "event": "e"}
    assert [len(repeats.admit(event, now)) for now in (0, 59, 61, 62, 122)] == [1, 0, 2, 0, 2]


def test_the_memory_for_repeats_is_bounded() -> None:
    repeats = Repeats(1e9)
    said = [line for number in range(5000) for line in repeats.admit({"level": "error", "event": str(number)}, 0)]
    assert len(said) == 5000
    assert len(repeats._episodes) <= 1001


def test_a_stream_that_fails_does_not_stop_the_program() -> None:
    class Full(StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    log.configure("info", "json", Full())
    log.get("afpd").error("full")
    closed = StringIO()
    log.configure("info", "json", closed)
    closed.close()
    log.get("afpd").error("closed")


def test_before_it_is_configured_warnings_go_to_stderr_and_nothing_to_stdout() -> None:
    told = _run("log.get('x').info('a')\nlog.get('x').warning('b')")
    assert json.loads(told)["event"] == "b"


def test_without_a_terminal_lines_are_json() -> None:
    assert json.loads(_run("log.configure()\nlog.get('x').info('a')"))["event"] == "a"


def test_under_systemd_a_line_carries_its_priority_and_leaves_the_time_to_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("wb") as journal:
        state = os.fstat(journal.fileno())
        program = "log.configure('debug')\nfor level in (10, 20, 30, 40, 50): log.get('x').log(level, 'a')"
        _run(program, environ={"JOURNAL_STREAM": f"{state.st_dev}:{state.st_ino}"}, stderr=journal.fileno())
    lines = (tmp_path / "journal").read_text().splitlines()
    assert [line[:3] for line in lines] == ["<7>", "<6>", "<4>", "<3>", "<2>"]
    assert json.loads(lines[1][3:]) == {"level": "info", "event": "a", "logger": "x"}


def test_a_journal_stream_that_is_not_stderr_is_not_believed() -> None:
    assert _run("log.configure()\nlog.get('x').info('a')", environ={"JOURNAL_STREAM": "1:2"}).startswith("{")


@pytest.mark.parametrize(("environ", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_on_a_terminal_lines_are_pretty_and_without_colours_where_nobody_wants_them(
    environ: dict[str, str], colored: bool
) -> None:
    outer, inner = pty.openpty()
    try:
        clean = {"NO_COLOR": "", "JOURNAL_STREAM": "", "TERM": "xterm"}
        _run("log.configure()\nlog.get('x').info('a tick', found=3)", environ={**clean, **environ}, stderr=inner)
        told = os.read(outer, 10_000).decode()
    finally:
        os.close(outer)
        os.close(inner)
    assert "a tick" in told
    assert not told.startswith("{")
    assert ("\x1b[" in told) is colored
