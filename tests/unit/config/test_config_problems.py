from collections.abc import Callable
from pathlib import Path

import pytest

from afpd.config import load_settings
from afpd.config.document import read_document
from afpd.errors import ConfigError

Problems = Callable[..., list[str]]


def test_all_problems_are_told_at_once(problems: Problems, tmp_path: Path) -> None:
    folder = tmp_path / "afpd.toml.d"
    folder.mkdir()
    (folder / "a.toml").write_text('[log]\nlevel = "loud"\n')
    (folder / "b.toml").write_text("[log\n")
    text = '[import]\nevry = "5m"\nconcurrency = "64"\nlease = "30s"\n[status]\nport = 99999\n'
    told = problems(text, AFPD_PARSING__CHUNK="0", AFPD_NONSENSE="1")
    assert sorted(line.split(": ")[0] for line in told) == [
        "AFPD_NONSENSE",
        "AFPD_PARSING__CHUNK",
        "afpd.toml.d/a.toml:2",
        "afpd.toml.d/b.toml:1",
        "afpd.toml:2",
        "afpd.toml:3",
        "afpd.toml:4",
        "afpd.toml:6",
    ]


def test_the_head_of_the_list_says_how_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^2 problems in the configuration:\n  AFPD_A: .*\n  AFPD_B: "):
        load_settings(environ={"AFPD_A": "", "AFPD_B": ""}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[import]\nevry = "5m"\n', "afpd.toml:2: import.evry: unknown key; did you mean import.every?"),
        ("[improt]\na = 1\nb = 2\n", "afpd.toml:1: improt: unknown key; did you mean import?"),
        ('[import]\nkeep_jobs = "1d"\n', "afpd.toml:2: import.keep_jobs: unknown key; did you mean cleanup.keep_jobs?"),
        (
            "[gmail.units]\nhistroy = 2\n",
            "afpd.toml:2: gmail.units.histroy: unknown key; did you mean gmail.units.history?",
        ),
        (
            "\n\n[[wholly]]\nunlike = 2\n",
            "afpd.toml:3: wholly: unknown key; remove it, or see docs/configuration.md for those that exist",
        ),
    ],
)
def test_an_unknown_key_is_told_with_its_line_and_what_was_meant(problems: Problems, text: str, told: str) -> None:
    assert problems(text) == [told]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import = 5\n", "import: must be a table: [import]"),
        ("[import]\nevery = 5\n", "import.every = 5: must be a duration with its unit"),
        ("[import]\nevery = true\n", "import.every = true: must be a duration with its unit"),
        ('[import]\nevery = "0s"\n', 'import.every = "0s": must be between "1ms" and "1d"'),
        ('[import]\nconcurrency = "64"\n', 'import.concurrency = "64": must be a whole number'),
        ("[import]\nconcurrency = 6.5\n", "import.concurrency = 6.5: must be a whole number"),
        ("[import]\nconcurrency = true\n", "import.concurrency = true: must be a whole number"),
        ("[import]\nconcurrency = 0\n", "import.concurrency = 0: must be at least 1"),
        ("[gmail]\nmax_retries = 21\n", "gmail.max_retries = 21: must be at most 20"),
        ('[import]\nadaptive = "no"\n', 'import.adaptive = "no": must be true or false'),
        ('[import]\nmax_mail = "25MB"\n', 'import.max_mail = "25MB": must be a size with its unit'),
        ('[import]\nmax_mail = "1B"\n', 'import.max_mail = "1B": must be between "1KiB" and "100MiB"'),
        ("[daemon]\nnode = 5\n", "daemon.node = 5: must be text in quotes"),
        ('[banks]\nfolders = "a"\n', 'banks.folders = "a": must be a list'),
        ('[banks]\nfolders = ["a", 5]\n', "banks.folders = 5: must be text in quotes"),
        ('[banks]\nfolders = [""]\n', 'banks.folders = "": must be the path'),
        ("[gmail]\nclient_file = 1\n", "gmail.client_file = 1: must be text in quotes"),
        ('[gmail]\nclient_file = ""\n', 'gmail.client_file = "": must be the path'),
        ('[banks]\nauthentication = "strickt"\n', '(did you mean "strict"?)'),
        ('[log]\nlevel = "warn"\n', "'warning'"),
        ('timezone = "America/Costa_Rika"\n', '(did you mean "America/Costa_Rica"?)'),
        ('timezone = "../../etc/passwd"\n', "is no time zone"),
        ('timezone = "America"\n', "is no time zone"),
        ('[gmail]\napi_url = "gmail.googleapis.com"\n', 'must be an address that begins with "https://"'),
        ('[gmail]\ntoken_url = "http://example.com/token"\n', "tokens go there"),
        ('[gmail]\napi_url = "https://a:b@example.com"\n', "without user, password"),
        ('[gmail]\napi_url = "https://[::1"\n', "gmail.api_url"),
        ('[status]\nhost = ""\n', "must be an address or a host name"),
        ('[status]\nhost = "127.0.0.1:80"\n', "the port has a key of its own"),
        ('[status]\nhost = "::"\n', "is reachable from other machines: set status.token_file"),
        ('[import]\nlease = "1m"\n', "import.lease must be longer than gmail.visit_deadline (1m)"),
        ('[gmail]\nvisit_deadline = "1h"\n', "import.lease must be longer than gmail.visit_deadline (1h)"),
        ('[import]\nbackoff_max = "1s"\n', "import.backoff_max must not be shorter than import.backoff_base (1m)"),
    ],
)
def test_a_wrong_value_is_told_in_words_that_say_what_it_must_be(problems: Problems, text: str, told: str) -> None:
    (line,) = problems(text)
    assert line.startswith("afpd.toml:")
    assert told in line


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://afpd@host/db", "PostgreSQL is not served by this version, SQLite is"),
        ("postgresql+asyncpg://afpd@host/db", "PostgreSQL is not served"),
        ("sqlite+aiosqlite:////a.db", "without a driver"),
        ("sqlite://", "four slashes"),
        ("mysql://host/db", "four slashes"),
        ("", "four slashes"),
        ("sqlite:///", "must name a file"),
        ("sqlite:///:memory:", "kept in memory"),
        ("sqlite:///file::memory:", "kept in memory"),
        ("sqlite:////folder/", "must name a file"),
        ("sqlite:////a.db?mode=ro", "options"),
    ],
)
def test_a_database_that_is_not_served_is_refused_with_the_reason(problems: Problems, url: str, told: str) -> None:
    (line,) = problems(f'[database]\nurl = "{url}"\n')
    assert told in line


def test_a_password_in_an_address_is_not_repeated(problems: Problems) -> None:
    (line,) = problems('[database]\nurl = "postgresql://afpd:hunter2@host/db"\n')
    assert "hunter2" not in line
    assert "host/db" in line


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb == 2\n", 2), ('a = "x\n', 1), ("a = 1\na = 2\n", 2), ("a = [\n1,\n", 3), ("[a\n", 1)]
)
def test_a_slip_of_syntax_is_told_with_its_line(problems: Problems, text: str, line: int) -> None:
    (told,) = problems(text)
    assert told.startswith(f"afpd.toml:{line}: is not valid TOML: ")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "afpd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_settings(environ={}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("AFPD_IMPORT__EVRY", "AFPD_IMPORT__EVERY"),
        ("AFPD_IMPORT_EVERY", "AFPD_IMPORT__EVERY"),
        ("AFPD_STATUS_TOKEN_FILE", "AFPD_STATUS__TOKEN_FILE"),
        ("AFPD_TIMEZON", "AFPD_TIMEZONE"),
    ],
)
def test_an_unknown_variable_is_told_with_what_was_meant(problems: Problems, variable: str, meant: str) -> None:
    (told,) = problems("", **{variable: "1m"})
    assert told.startswith(f"{variable}: ")
    assert told.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("variable", "text"),
    [("AFPD_IMPORT__ADAPTIVE", "perhaps"), ("AFPD_PARSING__CHUNK", "ten"), ("AFPD_LOG__LEVEL", "")],
)
def test_a_wrong_variable_is_told_by_its_name(problems: Problems, variable: str, text: str) -> None:
    (told,) = problems("", **{variable: text})
    assert told.startswith(f"{variable}: ")


def test_a_contradiction_is_not_told_of_a_value_that_is_wrong_itself(problems: Problems) -> None:
    assert len(problems('[import]\nlease = "tomorrow"\n[gmail]\nvisit_deadline = "1h"\n')) == 1


def test_lines_are_known_behind_texts_and_lists_that_span_several(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        'x = """\n[banks]\nfolders = 1\n"""\n'
        '[ banks ] # here\nfolders = [ "]",\n  # remark\n "b"]\n"authentication" = 1\n'
    )
    assert [entry.source.removeprefix(f"{file}:") for entry in read_document(file)] == ["1", "6", "9"]
