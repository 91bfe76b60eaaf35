"""Mails on disk: the files that paths of the command line lead to."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file as it was reached: `name` is its path in UTF-8, `raw` its bytes."""

    name: str
    raw: bytes


def mail_files(paths: tuple[str, ...], refuse: Callable[[str, str], None]) -> Iterator[MailFile]:
    """Yield named files of any name, and of folders every *.eml below, sorted.

    `refuse` is told the path and why of each file and folder that cannot be opened; the others are read all the same.
    """
    for path in paths:
        for file in _below(path, refuse) if os.path.isdir(path) else [path]:  # noqa: PTH112 - the path stays as typed
            try:
                with open(file, "rb") as opened:  # noqa: PTH123
                    raw = opened.read()
            except OSError as error:
                refuse(_shown(file), error.strerror or str(error))
            else:
                yield MailFile(_shown(file), raw)


def _below(folder: str, refuse: Callable[[str, str], None]) -> list[str]:
    def unreadable(error: OSError) -> None:
        refuse(_shown(str(error.filename)), error.strerror or str(error))

    found = [
        os.path.join(parent, name)  # noqa: PTH118 - pathlib would drop a leading ./
        for parent, _, names in os.walk(folder, onerror=unreadable)
        for name in names
        if name.lower().endswith(".eml")
    ]
    return sorted(found, key=lambda path: path.split(os.sep))  # noqa: PTH206 - the same


def _shown(path: str) -> str:
    """Return a path as text: what is no UTF-8 in a name is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
