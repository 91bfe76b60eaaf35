"""Files that hold a secret: read only when nobody else can, written only whole and only once."""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from afpd.errors import SecretError

CREDENTIALS = "CREDENTIALS_DIRECTORY"
_LARGEST = 1 << 20


def read_secret(path: Path, what: str, *, environ: Mapping[str, str] = os.environ, largest: int = _LARGEST) -> bytes:
    """Return the content of a secret file, `what` being its name in a sentence ("the encryption key").

    `largest` is the most bytes that it may have. Raises `SecretError` when it is missing, empty, too large,
    unreadable, or open to others than its owner. In $CREDENTIALS_DIRECTORY a group may read: systemd hands
    credentials over as 0440 root (systemd.exec(5)).
    """
    try:
        with path.open("rb") as opened:
            # Asked of the open file, so that nobody can swap it in between.
            _refuse_when_open_to_others(path, what, os.fstat(opened.fileno()), _is_credential(path, environ))
            content = opened.read(largest + 1)
    except FileNotFoundError:
        raise SecretError(f"{path}: {what} does not exist; put the file there, or name another one") from None
    except OSError as error:
        raise SecretError(f"{path}: {what} cannot be read ({error.strerror}); let afpd's user read the file") from None
    if not content.strip() or len(content) > largest:
        raise SecretError(f"{path}: {what} is {'too large' if content.strip() else 'empty'}; put the right file there")
    return content


def secret_place(path: Path, credential: str, *, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where a secret is to be read: `path`, or the systemd credential of that name.

    `path` comes first when this process may open it. Otherwise $CREDENTIALS_DIRECTORY/`credential` is taken where it
    exists: under LoadCredential= the file itself may well be closed to the service. With neither it stays `path`.
    """
    folder = environ.get(CREDENTIALS)
    if not folder or os.access(path, os.R_OK):
        return path
    handed_over = Path(folder, credential)
    return handed_over if handed_over.exists() else path


def write_once(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600, whole or not at all. A file that is there already stays as it is.

    Raises `SecretError` when the folder does not take it.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            _write_through(draft, content)
            # A link, other than a rename, never replaces: of two processes one wins, and both find the same file.
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise SecretError(f"{path}: cannot be written ({error.strerror}); let afpd's user write its folder") from None


def _refuse_when_open_to_others(path: Path, what: str, state: os.stat_result, is_credential: bool) -> None:
    if stat.S_ISREG(state.st_mode) and state.st_mode & (0o007 if is_credential else 0o077):
        raise SecretError(f"{path}: {what} can be read by others; type: chmod 600 {path}")


def _is_credential(path: Path, environ: Mapping[str, str]) -> bool:
    folder = environ.get(CREDENTIALS)
    return bool(folder) and path.absolute().parent == Path(str(folder)).absolute()


def _write_through(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as opened:
        # The umask could only have taken rights away; this gives the owner back what it took.
        os.fchmod(file, 0o600)
        opened.write(content)
        opened.flush()
        os.fsync(file)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
