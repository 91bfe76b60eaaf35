"""Reading one TOML file, so that each value knows its line."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from afpd.config.leaves import Key, flatten
from afpd.errors import ConfigError

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One value that somebody set: `source` says where ("afpd.toml:12"), `folder` is where its relative paths start."""

    key: Key
    value: Any
    source: str
    folder: Path


def read_document(path: Path) -> list[Entry]:
    """Return the values of a TOML file. Raises `ConfigError` when it cannot be read or is no TOML."""
    text = _read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_problem(path, text, str(error))) from None
    lines = _lines(text)
    folder = path.absolute().parent
    return [Entry(key, value, f"{path}:{lines.get(key, 1)}", folder) for key, value in flatten(table).items()]


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name another with --config FILE") from None


def _syntax_problem(path: Path, text: str, message: str) -> str:
    place = _PLACE.search(message)
    line = place[1] if place and place[1] else str(text.count("\n") + 1)
    # Only the parser's words: the line itself could hold what does not belong in a log.
    return f"{path}:{line}: is not valid TOML: {_PLACE.sub('', message)}"


def _lines(text: str) -> dict[Key, int]:
    """Return for each key, tables included, the line at which it first stands.

    tomllib does not tell lines. But a valid document is a row of statements that are valid alone, and a piece of a
    statement never is: so lines are added up until they parse.
    """
    lines: dict[Key, int] = {}
    header: Key = ()
    for number, statement in _statements(text):
        keys = list(_innermost(tomllib.loads(statement)))
        if statement.lstrip().startswith("["):
            header, keys = keys[0], [()]
        for key in ((*header, *key) for key in keys):
            for length in range(1, len(key) + 1):
                lines.setdefault(key[:length], number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    first, pending = 1, ""
    for number, line in enumerate(StringIO(text), start=1):
        pending += line
        try:
            complete = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        if complete:
            yield first, pending
        first, pending = number + 1, ""


def _innermost(table: dict[str, Any], above: Key = ()) -> Iterator[Key]:
    for name, value in table.items():
        inner = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        if isinstance(inner, dict) and inner:
            yield from _innermost(inner, (*above, name))
        else:
            yield (*above, name)
