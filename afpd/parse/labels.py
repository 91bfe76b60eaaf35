"""Values behind labels, however a mail lays them out.

Label and value may stand in two cells, on one line with or without a colon, on two lines, several on a line, glued
together, or as a header cell over a value cell. A label whose next neighbour is another label has no value.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import re2

from afpd.errors import BadValue
from afpd.parse.search import Pattern
from afpd.parse.text import Text

_BULLETS = " -•·>*"
_MOST = 1_000


class Hit(NamedTuple):
    """A label in the text: its folded words, where it starts, and the value that belongs to it."""

    label: str
    start: int
    value: str | None


class Labels:
    """The labels of one template, looked for together so that the longest wins.

    With `colons` false a label at the beginning of a line needs no colon before its value.
    """

    def __init__(self, labels: Iterable[str], colons: bool) -> None:
        longest_first = sorted(set(labels), key=lambda label: (-len(label), label))
        self._any = Pattern("|".join(map(_wrappable, longest_first))) if longest_first else None
        self._colons = colons
        self._words = frozenset(longest_first)

    def hits(self, text: Text) -> list[Hit]:
        """Return the labels in the order of the text, each with its value.

        Raises `BadValue` for a text that holds far more of them than any mail.
        """
        if self._any is None:
            return []
        body, folded = text.body, text.folded_body.text
        spans = list(islice(self._any.spans(text.folded_body), _MOST))
        if len(spans) == _MOST:
            raise BadValue("text: its labels stand in it a thousand times")
        marks = [
            (start, end, behind)
            for start, end in spans
            if not folded[end : end + 1].isalpha()
            and not self._begins_a_value(folded, start, end)
            and (behind := _value_start(body, folded, start, end, self._colons)) is not None
        ]
        starts = {start for start, _, _ in marks}
        nexts = [start for start, _, _ in marks[1:]] + [len(body)]
        return [
            Hit(folded[start:end].replace("\n", " "), start, _value(body, start, behind, limit, starts))
            for (start, end, behind), limit in zip(marks, nexts, strict=False)
        ]

    def _begins_a_value(self, folded: str, start: int, end: int) -> bool:
        """A cell beside a label is its value, also when it begins with the word of a label: `Comercio | TOTAL SUR`."""
        if folded[start - 1 : start] != "\t" or folded[end : end + 1] != " " or folded[end + 1 : end + 2] in (":", ""):
            return False
        line = folded[folded.rfind("\n", 0, start) + 1 : start - 1]
        return line.rpartition("\t")[2].strip(" :") in self._words


def _wrappable(label: str) -> str:
    """A label of several words may be broken over two lines."""
    return "[ \\n]".join(re2.escape(word) for word in label.split(" "))


def _value_start(body: str, folded: str, start: int, end: int, colons: bool) -> int | None:
    """Return where the value may begin if this is a label at all."""
    at = end
    while folded[at : at + 1] == " ":
        at += 1
    following = folded[at : at + 1]
    before = folded[start - 1 : start]
    if following == ":":
        glued = before.isdigit() or (body[start].isupper() and body[start + 1 : start + 2].islower())
        return at + 1 if not before.isalnum() or glued else None
    line = folded[max(folded.rfind("\n", 0, start), folded.rfind("\t", 0, start)) + 1 : start]
    if line.strip(_BULLETS):
        return None
    if following in ("", "\n", "\t"):
        return at
    if following.isalpha() and colons:
        return None
    return at


def _value(body: str, start: int, behind: int, limit: int, starts: set[int]) -> str | None:
    """Return the text that belongs to the label at `start`, looked for from `behind` up to the next label."""
    line_end = body.find("\n", behind)
    line_end = len(body) if line_end < 0 else line_end
    cells = body[behind : min(line_end, limit)].split("\t")
    if cells[0].strip():
        return _tidy(cells[0] + _wrapped_number(body, cells, line_end, limit))
    filled = [cell.strip() for cell in cells[1:] if cell.strip()]
    if filled:
        return _tidy(" ".join(filled[:2]) if _is_sign(filled) else filled[0])
    before = body[body.rfind("\n", 0, start) + 1 : start]
    if limit <= line_end or ("\t" in before and before.strip(_BULLETS + "\t")):
        return _below(body, start, line_end, starts)
    if len(cells) > 1:
        return None
    next_end = body.find("\n", line_end + 1)
    below = body[line_end + 1 : min(limit, len(body) if next_end < 0 else next_end)].lstrip("\t")
    return _tidy(below.split("\t")[0])


def _wrapped_number(body: str, cells: list[str], line_end: int, limit: int) -> str:
    """Return what stands on the next line where a mail program has parted a currency from its number there."""
    if len(cells) > 1 or limit <= line_end + 1:
        return ""
    below = body[line_end + 1 : limit].split("\n", 1)[0].split("\t", 1)[0]
    return f" {below}" if below and _is_sign([cells[0].strip(), below]) else ""


def _is_sign(cells: list[str]) -> bool:
    """A currency may stand in a cell of its own before the number."""
    return len(cells) > 1 and len(cells[0]) <= 4 and not any(map(str.isdigit, cells[0])) and cells[1][0].isdigit()


def _below(body: str, start: int, line_end: int, starts: set[int]) -> str | None:
    """Return the cell under a label of a row that holds nothing but labels."""
    begin = body.rfind("\n", 0, start) + 1
    offsets = [begin]
    for cell in body[begin:line_end].split("\t")[:-1]:
        offsets.append(offsets[-1] + len(cell) + 1)
    if len(offsets) < 2 or start not in offsets or not all(offset in starts for offset in offsets):
        return None
    below = body[line_end + 1 :].split("\n", 1)[0].split("\t")
    return _tidy(below[offsets.index(start)]) if len(below) == len(offsets) else None


def _tidy(value: str) -> str | None:
    """Return the value without walls and blanks around it; one without letter or digit is none."""
    bare = value.strip(" |:\t")
    return bare if any(char.isalnum() for char in bare) else None
