"""Only one `afpd run` per database, and a lock that no death leaves behind."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from afpd.errors import AlreadyRunning, ConfigError, StorageUnavailable
from afpd.store.lock import RunLock

_HOLDER = """
import sys, time
from pathlib import Path
from afpd.store.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(path):
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_told_which_one_runs(path, holder):
    with pytest.raises(AlreadyRunning, match=f"process {holder.pid} already runs afpd on this database") as error:
        RunLock(path).acquire()

    assert error.value.exit_code == 75


def test_a_killed_process_leaves_no_lock(path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    with RunLock(path) as lock:
        assert lock.path.read_text() == f"{os.getpid()}\n"


def test_the_file_stays_and_is_closed_to_others(path):
    with RunLock(path):
        pass

    assert path.with_name("afpd.db.lock").stat().st_mode & 0o777 == 0o600


def test_within_one_process_it_is_held_once(path):
    with RunLock(path), pytest.raises(AlreadyRunning):
        RunLock(path).acquire()


def test_a_lock_can_be_taken_again_after_it_was_given_back(path):
    lock = RunLock(path)
    for _ in range(2):
        lock.acquire()
        lock.release()
    lock.release()


def test_it_works_while_another_process_holds_the_database(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with RunLock(path) as lock:
            assert lock.path.exists()


def test_a_process_that_this_one_starts_does_not_keep_it(path):
    lock = RunLock(path)
    lock.acquire()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], close_fds=False, **pipes) as child:
        assert child.stdout.readline() == b"1\n"
        lock.release()
        with RunLock(path):
            pass
        child.communicate(b"\n")


def test_a_lock_file_that_somebody_removed_is_made_again(path):
    first = RunLock(path)
    first.acquire()
    first.path.unlink()

    with RunLock(path) as second:
        assert second.path.exists()
    first.release()


def test_a_place_that_takes_no_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere does not exist: make it"):
        RunLock(tmp_path / "nowhere" / "afpd.db").acquire()


def test_a_lock_file_that_cannot_be_opened_is_named(path):
    path.with_name("afpd.db.lock").mkdir()
    with pytest.raises(StorageUnavailable, match="the lock file cannot be opened"):
        RunLock(path).acquire()
