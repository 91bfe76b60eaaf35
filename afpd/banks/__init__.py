"""The shelf: bank files as they lie on disk, shipped ones and those of an operator's own. Read, not parsed."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from afpd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BankSource:
    """A bank file: the name to call it by in messages, and its TOML text."""

    name: str
    text: str


def shipped() -> list[BankSource]:
    """Return the bank files that come with afpd, by name."""
    found = [entry for entry in files(__name__).iterdir() if entry.name.endswith(".toml")]
    return [BankSource(entry.name, entry.read_text("utf-8")) for entry in sorted(found, key=lambda entry: entry.name)]


def in_folder(path: Path) -> list[BankSource]:
    """Return the bank files of a folder, by name. Raises `ConfigError` naming what cannot be read."""
    try:
        names = sorted(entry for entry in path.iterdir() if entry.suffix == ".toml")
    except OSError as error:
        raise ConfigError(f"bank files: cannot read folder {path}: {error.strerror}") from None
    return [_read(file) for file in names]


def _read(file: Path) -> BankSource:
    try:
        return BankSource(str(file), file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"bank files: cannot read {file}: {reason}") from None
