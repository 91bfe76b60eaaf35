"""SIGKILL at any moment of the adoption: the next start finishes it, and nobody can tell."""

import multiprocessing
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from support.adopting import adopt
from support.legacy import Legacy, make_legacy_database

from afpd.keyring import Keyring
from afpd.store.sealed import open_body, open_token
from afpd.store.upgrade import upgrade

_KEY = bytes(range(32))
_NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
_KILLS = 24
_SEED = 20260305


@pytest.fixture(scope="module")
def processes():
    """Children that start in milliseconds, so that the kills fall into the adoption and not into imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["afpd.store.upgrade"])
    return context


@contextmanager
def _adopting(processes, path: Path) -> Iterator[tuple[BaseProcess, Connection]]:
    from_child, to_test = processes.Pipe(duplex=False)
    child = processes.Process(target=adopt, args=(path, _KEY, _NOW, to_test))
    child.start()
    to_test.close()
    try:
        assert from_child.recv() == "begin"
        yield child, from_child
    finally:
        child.kill()
        child.join()
        child.close()
        from_child.close()


def _duration(processes, path: Path) -> float:
    with _adopting(processes, path) as (_, from_child):
        began = time.monotonic()
        assert from_child.recv() == "done"
        return time.monotonic() - began


def _killed_after(processes, path: Path, seconds: float) -> None:
    with _adopting(processes, path) as (child, _):
        time.sleep(seconds)
        child.kill()


def _finish(path: Path) -> None:
    zone = ZoneInfo("America/Costa_Rica")
    upgrade(path, keyring=Keyring([_KEY]), zone=zone, now=_NOW, say=lambda _: None)


def _state(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, what is sealed opened."""
    tables = (
        "users",
        "integrations",
        "email_import_jobs",
        "email_parsing_jobs",
        "banks",
        "transactions",
        "program_state",
    )
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        rows = {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")] for table in tables
        }
    keyring = Keyring([_KEY])
    for row in rows["integrations"]:
        for which in ("refresh_token", "access_token"):
            if sealed := row[f"sealed_{which}"]:
                row[f"sealed_{which}"] = open_token(keyring, row["id"], which, sealed)
    for row in rows["email_parsing_jobs"]:
        if row["body"]:
            row["body"] = open_body(keyring, row["integration_id"], row["email_message_id"], row["body"])
    return rows


def _phase(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'afpd_version'").fetchone():
            return "copied" if path.with_name(f"{path.name}.before-afpd").exists() else "untouched"
        left = connection.execute("SELECT count(*) FROM integrations WHERE adopted_at IS NULL").fetchone()[0]
        return f"{left} left"


def _assert_clean(path: Path, legacy: Legacy) -> None:
    files = [file for file in path.parent.glob(f"{path.name}*") if file.name != f"{path.name}.before-afpd"]
    content = b"".join(file.read_bytes() for file in files)
    assert [secret for secret in legacy.secrets() if secret.encode() in content] == []
    assert not [file for file in files if file.name.endswith(".draft")]


def test_adoption_killed_anywhere_ends_as_if_nothing_had_happened(processes, tmp_path):
    legacy = make_legacy_database(tmp_path / "legacy.db", integrations=15, jobs=120, extras=True, trouble=True)
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    whole = Path(shutil.copy(legacy.path, tmp_path / "whole" / "afpd.db"))
    total = _duration(processes, whole)
    expected, random, phases = _state(whole), Random(_SEED), set()

    for number in range(_KILLS):
        path = Path(shutil.copy(legacy.path, tmp_path / "killed" / f"{number}.db"))
        _killed_after(processes, path, total * (number + random.random()) / _KILLS)
        phases.add(_phase(path))
        if number % 3 == 0:  # and sometimes killed again on the way
            _killed_after(processes, path, total * random.random() / 2)
        _finish(path)
        assert _state(path) == expected, f"killed as number {number}"

    _assert_clean(whole, legacy)
    for path in (tmp_path / "killed").glob("*.db"):
        _assert_clean(path, legacy)
    assert len(phases) >= 4, f"the kills fell into too few phases: {phases}"
