"""A body as lines of cells: HTML tables become rows, labels and values stay together.

A `Text` is read in two ways. `body` has a line per row and a tab between cells, for labels and columns; `flow` is the
same as one line, for sentences. Both have a folded twin of equal length.
"""

from dataclasses import dataclass
from functools import cached_property

from afpd.parse.fold import clean, collapse, folded, joined_words
from afpd.parse.search import Encoded, Pattern

MAX_CHARACTERS = 64 * 1024
_MAX_MARKS = 4_000
_LONG = 8 * 1024
_MOST_LETTERS = 2_500
_TWICE_BOLD = Pattern(r"(?:^|[\s(|])\*\*(?P<bold>[^*\s](?:[^*\n]*[^*\s])?)\*\*")
_BOLD_LABEL = Pattern(r"(?:^|[\s|])\*(?P<bold>[^*\n:]{1,60}: )\*")
_QUOTES = "\"'"
_PICTURES = Pattern(r"(?i)\[(?:image|imagen|cid)\b[^\]\n]*\]|<(?:https?|mailto|tel|cid):[^>\s]*>")


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
    def folded_body(self) -> Encoded:
        """Return `body` folded, at the same offsets."""
        return folded(self.body)

    @cached_property
    def flow(self) -> str:
        """Return the body as one line."""
        return collapse(self.body)

    @cached_property
    def folded_flow(self) -> Encoded:
        """Return `flow` folded, at the same offsets."""
        return joined_words(self.folded_body, len(self.flow)) or folded(self.flow)

    @property
    def is_blank(self) -> bool:
        """Return whether nothing is here to be read."""
        return not any(map(str.isalnum, self.body))


def of_lines(text: str, cut: bool = False, breaks_off: bool = False) -> Text:
    """Return a Text of raw lines (a tab between cells): cleaned, blanks collapsed, blank lines dropped."""
    most = _readable(text, 2 * MAX_CHARACTERS)
    cut = cut or len(text) > most
    text = clean(text[:most])
    if len(text) > MAX_CHARACTERS:
        text, cut = text[:MAX_CHARACTERS], True
    lines = _spaced(text).split("\n")
    return Text("\n".join(line for line in lines if line and not line.isspace()), cut, breaks_off)


def _readable(text: str, most: int) -> int:
    """Return how much of a text is read; little where it holds more different letters than a mail of any language."""
    if len(text) <= _LONG or text.isascii():
        return most
    looked_at = text[: most : min(len(text), most) // _LONG + 1]
    return _LONG if len(set(looked_at)) > _MOST_LETTERS else most


def _spaced(text: str) -> str:
    """Return a clean text with one blank for many, and none beside a tab or break."""
    if "\u3000" in text:
        return "\n".join("\t".join(map(collapse, line.split("\t"))) for line in text.split("\n") if line)
    while "  " in text:
        text = text.replace("  ", " ")
    return text.replace(" \n", "\n").replace("\n ", "\n").replace(" \t", "\t").replace("\t ", "\t").strip(" ")


def of_plain(text: str, ends_open: bool = False) -> Text:
    """Return the Text of a plain body: pictures, links, bold and quote marks of its rendering gone, `|` as cells.

    `ends_open` says that nothing of the mail follows this body, not even a line break.
    """
    most = _readable(text, MAX_CHARACTERS)
    cut = len(text) > most
    text = clean(text[:most])
    if "[" in text or "<" in text:
        text = _PICTURES.removed_from(text)
    if 0 < text.count(">") < _MAX_MARKS:
        text = "\n".join(_unquoted(line) if ">" in line else line for line in text.split("\n"))
    if 0 < text.count("*") < _MAX_MARKS:
        if ": *" in text:
            text = "\n".join(_with_plain_labels(line) if ": *" in line else line for line in text.split("\n"))
        text = _without_bold(_TWICE_BOLD.replaced_by_group(text, "bold") if "**" in text else text)
    breaks_off = ends_open and not text[-1:].isspace()
    if "|" in text:
        text = "\n".join(_cells(line) if "|" in line else line for line in text.split("\n"))
    return of_lines(text, cut, breaks_off)


def _unquoted(line: str) -> str:
    """Take away the quote marks that a line begins with, and one blank behind each."""
    at = len(line) - len(line.lstrip(" \t"))
    if line[at : at + 1] != ">":
        return line
    while line[at : at + 1] == ">":
        at += 2 if line[at + 1 : at + 2] in (" ", "\t") else 1
    return line[at:]


def _cells(line: str) -> str:
    """A row that was drawn with bars has bars for cell walls."""
    bare = line.strip()
    outer = bare.startswith("|") and bare.endswith("|") and len(bare) > 1
    if outer:
        bare = bare[1:-1]
    return bare.replace("|", "\t") if outer or " | " in bare else line


def _with_plain_labels(line: str) -> str:
    """Take the marks of `*Label: *value` away, unless another star of the line closes the first one."""
    if any(_role(line, at) == "close" for at, char in enumerate(line) if char == "*"):
        return line
    return _BOLD_LABEL.replaced_by_group(line, "bold")


def _without_bold(text: str) -> str:
    """Take away pairs of stars around words; a star that belongs to a name stays.

    An opening star has a blank before and a word behind, a closing one the reverse. Of several openings in a row the
    first, of several closings on a line the last make the pair: `*PIXELB *Q7 Dublin*` keeps its inner star. A pair may
    reach over the end of one line. Of two stars in a row the outer one is the mark, the other belongs to a name; more
    are a mask, and so are two before a digit.
    """
    gone: list[int] = []
    opening = closing = -1
    line_end = next_end = 0  # the first and the second line break behind the opening star
    at = text.find("*")
    while at >= 0:
        role = _role(text, at)
        if closing >= 0 and (role == "open" or (line_end if closing < line_end else next_end) < at):
            gone += opening, closing
            opening = closing = -1
        if opening >= 0 and next_end < at:
            opening = -1
        if role == "open" and (opening < 0 or line_end < at):
            opening = at
            line_end = _find_break(text, at)
            next_end = _find_break(text, line_end + 1)
        elif role == "close" and opening >= 0:
            closing = at
        at = text.find("*", at + 1)
    if closing >= 0:
        gone += opening, closing
    pieces = (text[begin + 1 : end] for begin, end in zip([-1, *gone], [*gone, len(text)], strict=True))
    return "".join(pieces) if gone else text


def _find_break(text: str, at: int) -> int:
    found = text.find("\n", at)
    return found if found >= 0 else len(text)


def _role(text: str, at: int) -> str:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if before == "*" or after == "*":
        return _role_of_two(text, at, before, after)
    if _is_before(before) and after and (not _is_behind(after) or after in _QUOTES):
        return "open"
    return "close" if _is_behind(after) and before and (not _is_before(before) or before in _QUOTES) else "inner"


def _role_of_two(text: str, at: int, before: str, after: str) -> str:
    """Return the role of the outer one of two stars in a row; that of any other is none."""
    if after == "*" and before != "*" and _is_before(before) and text[at + 2 : at + 3].isalpha():
        return "open"
    two = text[at - 2 : at - 1] if at > 1 else ""
    if before == "*" and after != "*" and _is_behind(after) and (two.isalnum() or two in ".)!"):
        return "close"
    return "inner"


def _is_before(char: str) -> bool:
    return not char or char.isspace() or char in "(|¡¿\"'“"


def _is_behind(char: str) -> bool:
    return not char or char.isspace() or char in ",.;:)|!?\"'”"
