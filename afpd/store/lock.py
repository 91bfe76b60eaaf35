"""One `afpd run` per database: a lock that dies with its process, however that ends."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from afpd.errors import AlreadyRunning, StorageUnavailable
from afpd.store.sqlite import require_folder

_LONGEST_PID = 32


class RunLock:
    """An flock(2) on `<database>.lock`; the file stays, so that no two processes ever lock two files.

    Use it with `with`. A process started by exec does not inherit it.
    """

    def __init__(self, database: Path) -> None:
        """Name the database; nothing is locked yet."""
        self.database = database
        self.path = database.with_name(f"{database.name}.lock")
        self._file: int | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock, or raise AlreadyRunning that names the process which holds it.

        Raises ConfigError where the database has no folder that this user may write, StorageUnavailable when the lock
        file cannot be made for now.
        """
        require_folder(self.database)
        self._file = self._open()
        while not self._is_the_file(self._file):  # somebody removed the file between opening and locking
            self.release()
            self._file = self._open()
        self._sign(self._file)

    def release(self) -> None:
        """Give the lock back; without one nothing happens."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageUnavailable(f"{self.path}: the lock file cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, _LONGEST_PID, 0).decode("ascii", "replace").strip()
            os.close(file)
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise AlreadyRunning(
                f"{self.path}: {who} already runs afpd on this database: stop it first, or name another database"
            ) from None
        except OSError as error:
            os.close(file)
            raise StorageUnavailable(f"{self.path}: its file system has no locks: {error.strerror}") from error
        return file

    def _sign(self, file: int) -> None:
        """Write who holds the lock; only its words depend on it."""
        with suppress(OSError):  # the disk is full
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)

    def _is_the_file(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False
