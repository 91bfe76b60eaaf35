"""The two ways out: the answer to stdout, everything else to stderr."""

import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import click
import orjson

_JSON = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
_WORDS = {"None": "-", "True": "yes", "False": "no"}
_SHOWN_FORMATS = frozenset("\u200c\u200d")  # joiners that scripts need


def answer_json(record: Mapping[str, Any]) -> None:
    """Write one JSON object as a line; moments are ISO 8601 in UTC."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_line(record))
    sys.stdout.buffer.flush()


def json_line(record: Mapping[str, Any]) -> bytes:
    """Return an object as a line of JSON."""
    return orjson.dumps(record, default=str, option=_JSON)


def answer(*lines: str) -> None:
    """Write lines for people. What would steer a terminal is shown instead of obeyed."""
    for line in lines:
        click.echo(printable(line))


def hint(*lines: str) -> None:
    """Say something beside the answer, on stderr."""
    for line in lines:
        click.echo(printable(line), err=True)


def complain(message: str, *, several_lines: bool = False) -> None:
    """Say what is wrong on stderr, one line unless the message lists several things."""
    lines = [printable(line) for line in message.splitlines()]
    told = "\n".join(lines) if several_lines else " ".join(line.strip() for line in lines)
    click.echo(f"afpd: {told}", err=True)


def printable(text: object) -> str:
    """Return text that steers no terminal: control characters and invisible marks become U+FFFD.

    Names, reasons and paths may come from strangers (Unicode Technical Report 36, "Unicode Security Considerations").
    """
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character == "\t":
        return " "
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in _SHOWN_FORMATS
    return "\N{REPLACEMENT CHARACTER}" if hidden else character


def moment(value: datetime | None, where: tzinfo) -> str:
    """Return a moment as people of a zone read it, to the second; "-" for none."""
    return "-" if value is None else value.astimezone(where).isoformat(sep=" ", timespec="seconds")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table: drawn on a terminal, lines of values between tabs elsewhere. None is shown as "-"."""
    cells = (["-" if value is None else printable(value) for value in row] for row in rows)
    if sys.stdout.isatty():
        _draw(columns, cells)
        return
    click.echo("\t".join(columns))
    for row in cells:
        click.echo("\t".join(row))


def fields(record: Mapping[str, object]) -> None:
    """Write the fields of one thing, a line each."""
    width = max(map(len, record), default=0)
    answer(*(f"{name:<{width}}  {_WORDS.get(str(value), value)}" for name, value in record.items()))


def _draw(columns: Sequence[str], cells: Iterable[list[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - needed on a terminal only, and slow to import
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(*columns, box=SIMPLE_HEAD)
    for row in cells:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)
