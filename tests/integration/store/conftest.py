"""What the tests of the store's files share: a key, a zone, a moment, and an upgrade with them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from afpd.keyring import Keyring
from afpd.store.upgrade import UpgradeReport, upgrade

ZONE = ZoneInfo("America/Costa_Rica")
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)

Upgrade = Callable[..., UpgradeReport]
Query = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def said() -> list[str]:
    """The sentences that the last upgrades told."""
    return []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "afpd.db"


@pytest.fixture
def run_upgrade(path: Path, keyring: Keyring, said: list[str]) -> Upgrade:
    """Upgrade the database, with `only`, `now` and so on where a test says so."""

    def run(**changes: Any) -> UpgradeReport:
        return upgrade(path, **{"keyring": keyring, "zone": ZONE, "now": NOW, "say": said.append} | changes)

    return run


@pytest.fixture
def query(path: Path) -> Query:
    """Ask the database, through a connection of its own, for rows as dicts."""

    def run(statement: str, *values: Any, file: Path = path) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]

    return run
