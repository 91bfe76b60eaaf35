"""What an upgrade says when the file is not one to work with, in words that a new operator can use."""

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from support.legacy import make_legacy_database

from afpd.errors import AfpdError, ConfigError, StorageUnavailable
from afpd.store.upgrade import current_revision, is_legacy

_NOBODY = 65534
_AS_NOBODY = f"""
import os, sys
from pathlib import Path
from afpd.store.sqlite import make_file
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({_NOBODY}); os.setuid({_NOBODY})
try:
    make_file(Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


def _refused_to_nobody(path: Path) -> str:
    """What somebody without rights is told; the superuser may everything, so the process becomes nobody first."""
    done = subprocess.run([sys.executable, "-c", _AS_NOBODY, str(path)], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def open_folder():
    """A folder that everybody may enter, other than pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_file_that_is_no_database_is_named(path, run_upgrade):
    path.write_text("[database]\nurl = 'sqlite:///afpd.db'\n" * 100)

    with pytest.raises(ConfigError, match=r"afpd\.db: the file is no SQLite database: check \[database\] url"):
        run_upgrade()


def test_a_damaged_database_asks_for_a_backup(path, run_upgrade):
    make_legacy_database(path, integrations=3, jobs=100)
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)

    with pytest.raises(AfpdError, match=r"afpd\.db: the database file is damaged: restore a backup"):
        run_upgrade()


def test_a_folder_that_does_not_exist_is_named(tmp_path, run_upgrade, path):
    with pytest.raises(ConfigError, match="the folder .*/nowhere does not exist: make it"):
        current_revision(tmp_path / "nowhere" / "afpd.db")


def test_a_folder_in_place_of_the_file_is_named(path, run_upgrade):
    path.mkdir()

    with pytest.raises(ConfigError, match="is a folder"):
        run_upgrade()


def test_a_database_that_is_not_there_has_no_revision(path):
    with pytest.raises(ConfigError, match="there is no database"):
        current_revision(path)


def test_a_folder_that_may_not_be_written_is_named(open_folder):
    open_folder.chmod(0o555)

    told = _refused_to_nobody(open_folder / "afpd.db")

    assert told.startswith("ConfigError")
    assert f"this user may not write the folder {open_folder}" in told


def test_a_file_that_may_not_be_read_is_named(open_folder):
    file = open_folder / "afpd.db"
    file.touch(0o600)
    file.chmod(0o000)
    open_folder.chmod(0o777)

    told = _refused_to_nobody(file)

    assert told.startswith("ConfigError")
    assert "may not read and write the database" in told


def test_a_database_that_another_program_holds_is_said_to_be_held(path, run_upgrade, monkeypatch):
    monkeypatch.setattr("afpd.store.upgrade.BUSY_SECONDS", 0.1)
    make_legacy_database(path, integrations=1, jobs=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StorageUnavailable, match=r"afpd\.db: another program holds the database"):
            run_upgrade()

    assert is_legacy(path)
    assert list(path.parent.glob("*.draft")) == []


def test_an_empty_file_becomes_a_database(path, run_upgrade):
    path.touch(0o600)

    assert run_upgrade().before is None
    assert current_revision(path) == run_upgrade().after
