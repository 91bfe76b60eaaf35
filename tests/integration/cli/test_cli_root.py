"""Help, --config, usage errors, and what leaves the program when something goes wrong."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from afpd.cli.answer import printable
from afpd.cli.lazy import LazyGroup
from afpd.cli.root import root

STARTUP = """
import sys
sys.argv = ["afpd", *sys.argv[1:]]
from afpd.__main__ import main
try:
    main()
except SystemExit as end:
    loaded = {"sqlalchemy", "alembic", "aiohttp", "google", "re2"} & sys.modules.keys()
    print("loaded:", sorted(loaded), "code:", end.code, file=sys.stderr)
"""


def test_help_shows_every_verb(afpd):
    told = afpd("--help").stdout
    for name in root.places:
        assert f"\n  {name} " in told


def test_every_verb_exists_under_its_name_with_its_summary():
    assert isinstance(root, LazyGroup)
    groups = [(root, ())]
    for group, path in groups:
        for name, place in group.places.items():
            command = group.get_command(None, name)
            assert command is not None, (*path, name)
            assert command.name == name
            assert command.get_short_help_str(200) == place.summary
            if isinstance(command, LazyGroup):
                groups.append((command, (*path, name)))


def test_no_verb_is_a_usage_error_that_shows_help():
    result = CliRunner().invoke(root, [])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Verbs:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["statsu"], "No such command 'statsu'. Did you mean 'status'?"),
        (["integrations", "lits"], "Did you mean 'list'?"),
        (["status", "--jsn"], "No such option '--jsn'"),
        (["integrations", "show"], "Missing argument 'ID'"),
        (["integrations", "show", "0"], "ID"),
        (["integrations", "show", "x"], "not a valid integer"),
        (["integrations", "list", "--status", "gone"], "waiting"),
        (["explain"], "Missing argument"),
        (["run", "--only", "1,x"], "ids of integrations between commas"),
        (["run", "--only", ""], "ids of integrations between commas"),
        (["status", "--watch", "--check"], "do not go together"),
        (["transactions", "export", "--format", "csv", "--json"], "--format jsonl"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(afpd, arguments, words):
    result = afpd(*arguments, fails=2)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert "--help`" in result.stderr


def test_config_is_taken_before_and_after_the_verb_and_the_later_wins(afpd, place):
    other = place.write("other.toml", "")
    place.write("bad.toml", "nonsense = 1")
    afpd("--config", str(other), "check-config")
    afpd("check-config", "--config", str(other))
    assert '"other.toml"' in afpd("--config", "bad.toml", "check-config", "--json", "--config", "other.toml").stdout
    afpd("--config", "other.toml", "check-config", "--config", "bad.toml", fails=78)
    afpd("integrations", "--config", "bad.toml", "list", fails=78)
    assert (
        "no database" in afpd("--config", "bad.toml", "integrations", "list", "--config", "afpd.toml", fails=78).stderr
    )


def test_a_bug_is_said_to_be_one(afpd, monkeypatch):
    def broken(*_):
        raise KeyError("surprise")

    monkeypatch.setattr("afpd.cli.status.ask", broken)
    result = afpd_raw("status")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("afpd: this is a bug of afpd (KeyError)")


def afpd_raw(*arguments: str):
    return CliRunner().invoke(root, arguments, prog_name="afpd")


def test_nothing_that_a_stranger_wrote_steers_the_terminal():
    assert printable("a\x1b[2Jb\u202ec\x9bd\te\u200d") == "a\ufffd[2Jb\ufffdc\ufffdd e\u200d"


@pytest.mark.parametrize("arguments", [["--help"], ["integrations", "--help"], ["status"]])
async def test_light_verbs_load_nothing_heavy(place, arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTUP, *arguments, cwd=place.folder,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, stderr = await process.communicate()
    assert "loaded: []" in stderr.decode().splitlines()[-1]


@pytest.mark.parametrize("arguments", [["check-config", "--print"], ["check-config", "--json"]])
async def test_a_reader_that_has_seen_enough_is_no_error(place, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "afpd", *arguments, cwd=place.folder,
        env={"PYTHONPATH": str(Path(__file__).parents[3])}, stdout=writer, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(writer)
    _, stderr = await process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in stderr.decode()
    assert "Exception ignored" not in stderr.decode()


async def test_an_answer_that_cannot_be_written_is_a_failure(place):
    process = await asyncio.create_subprocess_shell(
        f'"{sys.executable}" -m afpd check-config --json > /dev/full',
        cwd=place.folder, env={"PYTHONPATH": str(Path(__file__).parents[3])}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert stderr.decode().splitlines()[-1] == "afpd: No space left on device"


def waits_for_a_pipe(process_id):
    return "pipe" in Path(f"/proc/{process_id}/wchan").read_text()


async def test_ctrl_c_ends_a_verb_without_a_traceback(place):
    token = place.folder / "pipe"
    process = await place.start("integrations", "add", "--user", "u", "--email", "a@b.cr", "--refresh-token-file", "-")
    async with asyncio.timeout(30):
        while not waits_for_a_pipe(process.pid):
            await asyncio.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = await process.communicate()
    assert process.returncode == 130
    assert stderr.decode().strip() == "afpd: interrupted"
    assert not token.exists()


@pytest.mark.parametrize("environment", [{"TERM": "xterm-256color"}, {"TERM": "xterm-256color", "NO_COLOR": "1"}])
async def test_a_terminal_gets_a_drawn_table_without_colours_where_they_are_unwanted(place, database, environment):
    terminal, end = os.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "afpd", "integrations", "list", cwd=place.folder,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "120", **environment},
        stdout=end, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(end)
    await process.communicate()
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "last verified" in shown.replace("\r\n", " ")
    assert "─" in shown
    assert "\x1b[3" not in shown
    assert "\t" not in shown
