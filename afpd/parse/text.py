"""A body as lines of cells: HTML tables become rows, labels and values stay together.

A `Text` is read in two ways. `body` has a line per row and a tab between cells, for labels and columns; `flow` is the
same as one line, for sentences. Both have a folded twin of equal length.
"""

from dataclasses import dataclass
from functools import cached_property

import re2

from afpd.parse.fold import clean, collapse, fold

MAX_CHARACTERS = 64 * 1024
_MAX_MARKS = 4_000
_PICTURES = re2.compile(r"(?i)\[(?:image|imagen|cid)\b[^\]\n]*\]|<(?:https?|mailto|tel|cid):[^>\s]*>")
_QUOTES = re2.compile(r"(?m)^[ \t]*(?:>[ \t]?)+")
_MARKS = re2.compile(r"[*\n]")


@dataclass(frozen=True)
class Text:
    """A body ready to be matched.

    `cut` says that more stood in the mail than is read, `breaks_off` that the mail itself ends within a word or
    number, without a line break, a tag or a boundary behind it: the rest may be missing.
    """

    body: str
    cut: bool = False
    breaks_off: bool = False

    @cached_property
    def folded_body(self) -> str:
        """Return `body` folded, at the same offsets."""
        return fold(self.body)

    @cached_property
    def flow(self) -> str:
        """Return the body as one line."""
        return collapse(self.body)

    @cached_property
    def folded_flow(self) -> str:
        """Return `flow` folded, at the same offsets."""
        return fold(self.flow)

    @property
    def is_blank(self) -> bool:
        """Return whether nothing is here to be read."""
        return not any(char.isalnum() for char in self.body)


def of_lines(lines: list[str], cut: bool = False, breaks_off: bool = False) -> Text:
    """Return a Text of raw lines (a tab between cells): cleaned, blanks collapsed, blank lines dropped."""
    joined = "\n".join(lines)
    cut = cut or len(joined) > 4 * MAX_CHARACTERS
    joined = clean(joined[: 4 * MAX_CHARACTERS])
    if len(joined) > MAX_CHARACTERS:
        joined, cut = joined[:MAX_CHARACTERS], True
    tidy = ("\t".join(map(collapse, line.split("\t"))) for line in joined.split("\n"))
    return Text("\n".join(line for line in tidy if line.strip()), cut, breaks_off)


def of_plain(text: str, ends_open: bool = False) -> Text:
    """Return the Text of a plain body: pictures, links, bold and quote marks of its rendering gone, `|` as cells.

    `ends_open` says that nothing of the mail follows this body, not even a line break.
    """
    cut = len(text) > MAX_CHARACTERS
    text = clean(text[:MAX_CHARACTERS])
    if "[" in text or "<" in text:
        text = _PICTURES.sub("", text)
    if 0 < text.count(">") < _MAX_MARKS:
        text = _QUOTES.sub("", text)
    if 0 < text.count("*") < _MAX_MARKS:
        text = _without_bold(text)
    breaks_off = ends_open and not text[-1:].isspace()
    return of_lines([_cells(line) for line in text.split("\n")], cut, breaks_off)


def _cells(line: str) -> str:
    """A row that was drawn with bars has bars for cell walls."""
    if "|" not in line:
        return line
    bare = line.strip()
    outer = bare.startswith("|") and bare.endswith("|") and len(bare) > 1
    if outer:
        bare = bare[1:-1]
    return bare.replace("|", "\t") if outer or " | " in bare else line


def _without_bold(text: str) -> str:
    """Take away pairs of stars around words; a star that belongs to a name stays.

    An opening star has a blank before and a word behind, a closing one the reverse. Of several openings in a row the
    first, of several closings on a line the last make the pair: `*PIXELB *Q7 Dublin*` keeps its inner star. A pair may
    reach over the end of one line.
    """
    gone: set[int] = set()
    opening = closing = -1
    for at in (hit.start() for hit in _MARKS.finditer(text)):
        role = _role(text, at)
        ends = role == "open" or text[at] == "\n"
        if ends and closing >= 0:
            gone |= {opening, closing}
            opening = closing = -1
        if text[at] == "\n":
            opening = -1 if text.count("\n", max(opening, 0), at) else opening
        elif role == "open" and (opening < 0 or "\n" in text[opening:at]):
            opening = at
        elif role == "close" and opening >= 0:
            closing = at
    if closing >= 0:
        gone |= {opening, closing}
    return "".join(char for at, char in enumerate(text) if at not in gone) if gone else text


def _role(text: str, at: int) -> str:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if before == "*" or after == "*":
        return "inner"
    outside_before = not before or before.isspace() or before in "(|¡¿\"'“"
    outside_after = not after or after.isspace() or after in ",.;:)|!?\"'”"
    if outside_before and after and not outside_after:
        return "open"
    return "close" if outside_after and before and not outside_before else "inner"
