"""`afpd run` as a new operator meets it: whatever is wrong is one clear line that says what to do, and an exit code."""

import ctypes
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.daemon import Daemon, afpd, write_config

_DROP_CAPABILITY = 24  # PR_CAPBSET_DROP of prctl(2); capabilities(7) numbers the two below
_READS_EVERYTHING = (1, 2)
_LIBC = ctypes.CDLL(None)
BROKEN_BANK = """\
format = 1

[bank]
code = mine
"""


@dataclass
class Place:
    """A folder in which `afpd run` would start: configuration, key, OAuth client and an empty database."""

    folder: Path
    config: Path

    @property
    def database(self) -> Path:
        return self.folder / "afpd.db"

    @property
    def key(self) -> Path:
        return self.folder / "afpd.key"

    @property
    def client(self) -> Path:
        return self.folder / "gmail" / "client_secret.json"

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def configure(self, **tables: dict[str, object]) -> None:
        write_config(self.folder, "http://127.0.0.1:9", **tables)


Break = Callable[[Place], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A folder as it is after `afpd integrations add`: made once, copied for each case."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "gmail").mkdir()
    client = folder / "gmail" / "client_secret.json"
    client.touch(mode=0o600)
    client.write_text('{"installed": {"client_id": "id", "client_secret": "secret"}}')
    config = write_config(folder, "http://127.0.0.1:9")
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text("1//token")
    words = ("--user", "ana", "--email", "ana@example.com", "--refresh-token-file", str(token))
    added = afpd("integrations", "add", *words, config=config)
    assert added.returncode == 0, added.stderr
    return folder


@pytest.fixture
def place(sound, tmp_path) -> Iterator[Place]:
    folder = tmp_path / "afpd"
    shutil.copytree(sound, folder)
    found = Place(folder, write_config(folder, "http://127.0.0.1:9"))
    yield found
    folder.chmod(0o700)


def _as_anybody() -> None:
    """Take from root the right to read and write whatever it likes, so that modes count for it as for anybody."""
    for capability in _READS_EVERYTHING:
        _LIBC.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)


def run(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "afpd", "--config", str(place.config), "run", *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False, preexec_fn=_as_anybody,
        env={name: value for name, value in os.environ.items() if not name.startswith("AFPD_")},
    )  # fmt: skip


def refused(place: Place, code: int) -> list[str]:
    """Start, be refused with that exit code, and return the lines of stderr."""
    ended = run(place)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("afpd: "), ended.stderr
    return lines


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)


def damage(place: Place) -> None:
    """Overwrite what follows the first page, as a failing disk would."""
    with place.database.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(os.urandom(size - 4096))


def age(place: Place) -> None:
    with closing(sqlite3.connect(place.database)) as database, database:
        database.execute("UPDATE afpd_version SET version_num = '9999'")


def own_bank(folder: Path) -> Path:
    """Make a folder with a bank file whose fourth line is wrong."""
    folder.mkdir()
    write(folder / "mine.toml", BROKEN_BANK)
    return folder


def other_key(place: Place) -> None:
    """Put the key of another database in the place of this one's."""
    folder = place.folder / "other"
    folder.mkdir()
    config = write_config(folder, "http://127.0.0.1:9")
    assert afpd("db", "upgrade", config=config).returncode == 0
    shutil.copy(folder / "afpd.key", place.key)


CASES: dict[str, tuple[int, Break, tuple[str, ...]]] = {
    "no configuration": (78, lambda p: p.config.unlink(), ("afpd.toml", "cannot be read", "--config FILE")),
    "unreadable configuration": (78, lambda p: p.config.chmod(0), ("afpd.toml", "cannot be read")),
    "configuration that is no TOML": (78, lambda p: p.config.write_text("[import\n"), ("afpd.toml:1",)),
    "no OAuth client": (77, lambda p: p.client.unlink(), ("client_secret.json", "does not exist")),
    "OAuth client open to others": (77, lambda p: p.client.chmod(0o644), ("chmod 600", "client_secret.json")),
    "OAuth client that is no JSON": (78, lambda p: write(p.client, "{"), ("client_secret.json", "download it again")),
    "OAuth client of another kind": (
        78, lambda p: write(p.client, '{"type": "service_account"}'), ("service account", "download it again"),
    ),
    "no key": (77, lambda p: p.key.unlink(), ("afpd.key", "does not exist", "put the key file back")),
    "another key": (77, other_key, ("afpd.key", "sealed with another one", "put the right file back")),
    "key open to others": (77, lambda p: p.key.chmod(0o640), ("chmod 600", "afpd.key")),
    "key that is none": (77, lambda p: write(p.key, "hello"), ("afpd.key",)),
    "no folder of the database": (
        78, lambda p: p.configure(database={"url": f"sqlite:///{p.folder}/none/afpd.db"}), ("none", "does not exist"),
    ),
    "folder of the database that cannot be written": (78, lambda p: p.folder.chmod(0o500), ("may not write the folder", "change its owner")),
    "database that is none": (78, lambda p: write(p.database, "no SQLite" * 999), ("no SQLite database", "url")),
    "damaged database": (78, damage, ("damaged", "restore a backup")),
    "database of a newer version": (78, age, ("9999", "upgrade afpd", "Nothing was changed")),
    "bank file that is wrong": (
        78,
        lambda p: p.configure(banks={"folders": [str(own_bank(p.folder / "banks"))]}),
        ("mine.toml:4",),
    ),
    "folder of bank files that is not there": (
        78, lambda p: p.configure(banks={"folders": [str(p.folder / "none")]}), ("none",),
    ),
    "status for everybody without a token": (
        78, lambda p: p.configure(status={"host": "0.0.0.0"}), ("status", "token"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_line_says_what_is_wrong_and_what_to_do(place, case):
    code, break_it, words = CASES[case]
    break_it(place)

    lines = refused(place, code)

    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0]


def test_a_refused_start_leaves_everything_as_it_was(place):
    age(place)
    before = place.database.read_bytes(), place.names()

    refused(place, 78)

    assert (place.database.read_bytes(), place.names()) == (before[0], before[1] | {"afpd.db.lock"})


def test_every_mistake_in_a_configuration_has_its_line(place):
    place.configure(imports={"evry": "5m", "concurrency": "many"}, status={"port": 99999})

    head, *mistakes = refused(place, 78)

    assert "3 problems" in head
    assert [line.partition("afpd.toml:")[2].partition(": ")[2].split()[0] for line in mistakes] == [
        *("import.evry:", "import.concurrency", "status.port"),
    ]
    assert "did you mean import.every" in mistakes[0]


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_in_use_and_a_second_daemon_are_75(place):
    with ExitStack() as stack:
        place.configure(status={"port": stack.enter_context(taken_port())})
        (line,) = refused(place, 75)
        assert "in use" in line
        assert "[status]" in line

        place.configure()
        first = Daemon(place.config)
        stack.callback(first.kill)
        assert first.port
        (line,) = refused(place, 75)
        assert f"process {first.process.pid} already runs afpd" in line
        assert "stop it first" in line
        assert first.stop() == 0
