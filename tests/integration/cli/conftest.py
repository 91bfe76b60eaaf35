"""A folder with a configuration, and the command line run in it: in this process, or in one of its own."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from afpd.cli.root import root
from afpd.store.database import Database
from afpd.store.upgrade import upgrade

ROOT = Path(__file__).parents[3]
CONFIG = """\
timezone = "America/Costa_Rica"
[database]
url = "sqlite:///afpd.db"
[gmail]
client_file = "client_secret.json"
[status]
port = 1
"""
Run = Callable[..., Result]


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    stdout: str
    stderr: str


class Place:
    """A folder with an afpd.toml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "afpd.db"
        self.config = folder / "afpd.toml"
        self.config.write_text(CONFIG)

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def set_status_port(self, port: int) -> None:
        self.config.write_text(CONFIG.replace("port = 1", f"port = {port}"))

    def in_database(self, work: Callable[..., Any]) -> Any:
        async def write() -> Any:
            async with Database(self.database) as database, database.write() as connection:
                return await work(connection)

        return asyncio.run(write())

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """Start `python -m afpd` in the folder, its three streams piped."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "afpd", *arguments, cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def run(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Ended:
        process = await self.start(*arguments, **environment)
        async with asyncio.timeout(30):
            stdout, stderr = await process.communicate(stdin)
        return Ended(process.returncode, stdout.decode(), stderr.decode())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in [name for name in os.environ if name.startswith("AFPD_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


@pytest.fixture
def afpd(place: Place) -> Run:
    """Run a command line in the folder; `fails` is the exit code it must end with."""

    def run(*arguments: str, fails: int = 0, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(root, arguments, prog_name="afpd", input=stdin)
        assert result.exit_code == fails, result.output
        if fails and "--check" not in arguments:
            assert result.stderr.startswith("afpd: ")
        return result

    return run


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database of this version without rows: making one takes a while."""
    path = tmp_path_factory.mktemp("empty") / "afpd.db"
    upgrade(path, zone=UTC, now=datetime.now(UTC), say=lambda _: None)
    return path.read_bytes()


@pytest.fixture
def database(place: Place, empty_database: bytes) -> Path:
    return place.write("afpd.db", empty_database)


@pytest.fixture
def added(afpd: Run, place: Place, database: Path) -> Callable[..., dict[str, Any]]:
    """Add an integration and return its record."""

    def add(user: str = "user_1", email: str = "ana@example.com", *more: str) -> dict[str, Any]:
        token = place.write(f"token-{user}", "1//secret-token\n")
        options = ("--user", user, "--email", email, "--refresh-token-file", str(token), *more, "--json")
        return json.loads(afpd("integrations", "add", *options).stdout)

    return add
