"""A whole, consistent copy of a database while others may write it, that appears under its name only when complete."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from afpd.errors import AlreadyRunning
from afpd.store.sqlite import open_file


def copy_database(
    source: Path, target: Path, *, replace: bool, keep_if: Callable[[sqlite3.Connection], bool] | None = None
) -> bool:
    """Write `source` to `target`, mode 0600 from its first byte, in WAL mode too (https://www.sqlite.org/backup.html).

    The draft beside the target goes whatever happens, also one that a killed process left. Unless `replace`,
    FileExistsError is raised when the target is there. With `keep_if` the copy is given up, and False returned, when
    that finds something else in it than expected. Raises AlreadyRunning while another process writes the same copy.
    """
    if target.exists() and not replace:
        raise FileExistsError(target)
    draft = target.with_name(f"{target.name}.draft")
    file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _hold(file, draft)
        try:
            kept = _fill(source, draft, keep_if)
            os.fsync(file)
            if kept:
                _name(draft, target, replace)
        finally:
            draft.unlink(missing_ok=True)
    finally:
        os.close(file)
    _sync_folder(target.absolute().parent)
    return kept


def _hold(file: int, draft: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(f"{draft}: another process writes this copy at this moment: let it finish") from None
    os.fchmod(file, 0o600)
    os.ftruncate(file, 0)


def _fill(source: Path, draft: Path, keep_if: Callable[[sqlite3.Connection], bool] | None) -> bool:
    with closing(open_file(source)) as origin, closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = OFF")  # nothing of it to roll back to, and no second file with its content
        origin.backup(copy)
        # The copy stands alone: in WAL mode two more files would appear beside it when somebody looks into it.
        copy.execute("PRAGMA journal_mode = DELETE")
        return keep_if is None or keep_if(copy)


def _name(draft: Path, target: Path, replace: bool) -> None:
    if replace:
        draft.replace(target)
    else:
        target.hardlink_to(draft)  # other than a rename, a link never replaces


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
