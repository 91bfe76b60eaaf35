"""Where the configuration is found."""

import os
from collections.abc import Mapping
from pathlib import Path

from afpd.errors import ConfigError

SYSTEM_FILE = Path("/etc/afpd/afpd.toml")
VARIABLE = "AFPD_CONFIG"


def find_file(named: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    """Return the file to read: `named` (--config), else AFPD_CONFIG, else ./afpd.toml, else /etc/afpd/afpd.toml.

    `folder` is the working directory. None: nobody named one and neither of the last two exists. A file that was
    named, or is there but closed to us, is returned all the same: reading it says what is wrong.
    """
    if named is None and environ.get(VARIABLE):
        named = Path(environ[VARIABLE])
    if named is not None:
        return _from(folder, named)
    beside = _from(folder, Path("afpd.toml"))
    if _is_there(beside):
        return beside
    return SYSTEM_FILE if _is_there(SYSTEM_FILE) else None


def drop_ins(file: Path) -> list[Path]:
    """Return the files of afpd.toml.d beside `file`, in the order in which they are laid over it.

    Raises `ConfigError` when there is such a folder that cannot be listed.
    """
    folder = file.parent / "afpd.toml.d"
    if not os.path.lexists(folder):
        return []
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be listed ({error.strerror}); make it a folder that afpd may read"
        ) from None
    return [file for file in files if file.suffix == ".toml" and not file.name.startswith(".")]


def _from(folder: Path, path: Path) -> Path:
    """Shorter to read in messages: a relative path stays one while it means the same file."""
    return path if folder == Path.cwd() else folder / path


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        # A working directory closed to this user, as under sudo, holds no configuration for it; /etc/afpd must be open.
        return path == SYSTEM_FILE
    except OSError:
        return True
    return True
