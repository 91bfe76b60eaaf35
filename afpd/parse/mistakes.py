"""What is wrong in a TOML file that is checked against tables: all of it, a sentence with file and line each."""

import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from afpd.parse.lines import line_of

_MOST_SYNTAX = 20


class Table(BaseModel):
    """A table of a bank file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=200_000)


def tables_of(name: str, source: str) -> tuple[dict[str, Any], list[str]]:
    """Return the tables of a TOML text and what is no TOML in it, each with its line.

    A line that is none is left out and the rest is read again, so that the next one is told, too.
    """
    wrong: list[str] = []
    lines = source.split("\n")
    while True:
        try:
            return tomllib.loads("\n".join(lines)), wrong
        except tomllib.TOMLDecodeError as error:
            line, reason = _place_of(lines, str(error))
            wrong.append(f"{name}:{line}: is no TOML: {reason}")
            if not lines[line - 1] or len(wrong) == _MOST_SYNTAX:
                return {}, wrong
            lines[line - 1] = ""


def mistakes(name: str, source: str, error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the place of each mistake, and a sentence that begins with file and line."""
    for mistake in error.errors(include_url=False):
        place = tuple(mistake["loc"])
        yield place, _sentence(name, source, place, mistake)


def _place_of(lines: list[str], words: str) -> tuple[int, str]:
    """Take what tomllib says apart: "… (at line 4, column 8)" or "… (at end of document)"."""
    reason, _, place = words.rpartition(" (at ")
    told = place.startswith("line ")
    line = int(place.removeprefix("line ").partition(",")[0]) if told else len(lines)
    return min(max(line, 1), len(lines)), reason or words


def _sentence(name: str, source: str, place: tuple[Any, ...], mistake: Any) -> str:
    reason = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        reason = "unknown key" + _suggestion(place)
    where = ".".join(str(step) for step in place)
    return f"{name}:{line_of(source, place)}: {where or 'file'}: {reason}"


def _suggestion(place: tuple[Any, ...]) -> str:
    known = {key for table in _tables(Table) for key in table.model_fields}
    close = get_close_matches(str(place[-1]), sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _tables(table: type[Table]) -> Iterator[type[Table]]:
    """Yield all that are made of a table."""
    for made in table.__subclasses__():
        yield made
        yield from _tables(made)
