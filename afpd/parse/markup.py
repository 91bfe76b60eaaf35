"""HTML to lines of cells (see text.py): hidden nodes go, a table row becomes one line with tabs.

The parser is lexbor's, for what is no proper HTML is read as browsers do. Its tree is not walked but written out again:
then every element is closed, every `<` and `>` in a text or attribute is escaped, and one pass over the tags gives the
lines. A tree of thousands of nodes would cost several times that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from afpd.parse.monsters import MAX_TAGS, is_monstrous
from afpd.parse.search import Pattern
from afpd.parse.styles import hidden_names, hides, is_hidden
from afpd.parse.text import MAX_CHARACTERS, Text, of_lines

MAX_PIECES = 60_000
MAX_MARKUP = 320 * 1024
_LONGEST = 2 * 5 * MAX_CHARACTERS  # twice what is read, were every letter an `&amp;`
# Of the elements in the last line the content is written out unescaped; no mail shows any of them.
_UNREAD = [
    *(
        "style",
        "script",
        "head",
        "title",
        "template",
        "noscript",
        "object",
        "svg",
        "math",
        "select",
        "textarea",
        "meta",
    ),
    *("iframe", "noembed", "noframes", "xmp", "plaintext"),
]
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "div", "dl", "dt"),
        *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
_EMPTY = frozenset(
    {
        *("area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link"),
        *("param", "source", "track", "wbr"),
    }
)
_LONG_TAG = 400
_INLINE_PICTURES = Pattern(r"(?i)\bdata:[a-z]+/[a-z0-9.+-]+;base64,[a-z0-9+/=\s]*")
_COMMENT = "!--"
_BREAK = "\v"  # cleaned to a blank where it stands in a line


def of_html(source: str, ends_open: bool = False, most_tags: int = MAX_TAGS, most: int = MAX_MARKUP) -> Text:
    """Return the visible text of an HTML body, rows as lines and cells parted by tabs.

    Of more than `most` characters, pictures within them left out, the first are read; of too many tags nothing is.
    """
    if len(source) > most:
        source = _INLINE_PICTURES.removed_from(source)
    too_long, source = len(source) > most, source[: max(0, most)]
    if is_monstrous(source, most_tags):
        return Text("", cut=True)
    tree = LexborHTMLParser(source, options=LexborDocumentOptions.WO_EVENTS)
    tree.strip_tags(_UNREAD)
    written = (tree.root.html if tree.root is not None else None) or ""
    pieces = _readable(written).split("<", MAX_PIECES)
    lines = "\n".join(_Writer(hidden_names(source)).lines_of(pieces[1:MAX_PIECES]))
    cut = too_long or len(pieces) > MAX_PIECES or len(lines) > _LONGEST
    lines = lines[:_LONGEST]
    if "&" in lines:
        lines = lines.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return of_lines(lines, cut, ends_open and source[-1:] not in ">\n ")


def _readable(written: str) -> str:
    """Return written-out HTML with its blanks as such; a break that may count is a vertical tab."""
    written = written.replace("\t", " ").replace("&nbsp;", "\u00a0").replace("\r", " ")
    return written.replace("\n", _BREAK if "<pre" in written else " ")


@dataclass(slots=True)
class _Row:
    """An open table row: where its lines go, and what its cells hold; a frame has other tables in it."""

    lines: list[str]
    cells: list[list[str]]
    preformatted: bool
    is_frame: bool = False


class _Writer:
    """Collects lines from the tags and texts of written-out HTML."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self._hidden = hidden
        self._lines: list[str] = []
        self._line: list[str] = []
        self._rows: list[_Row] = []
        self._preformatted = False

    def lines_of(self, pieces: list[str]) -> list[str]:
        """Return the lines of the pieces that stand behind each `<`."""
        known: dict[str, _Act | None] = {}
        line, queue = self._line, iter(pieces)
        for piece in queue:
            tag, end, text = piece.partition(">")
            if not end:
                tag, text = _whole_tag(tag, queue)
            act = known.get(tag, _unknown)
            if act is _unknown:
                act = known[tag] = self._act_of(tag)
            if act is _pass_over:
                text = _behind(tag, text, queue)
            elif act is not None:
                if line:
                    self._lines.append("".join(line))
                    line.clear()
                if act is not _begin_line:
                    act(self)
            if self._preformatted:
                self._add(text, is_block_end=act is _begin_line and (tag[0] == "/" or tag[:2] in ("br", "hr")))
            elif line or (text and (not text.isspace() or "\u3000" in text)):
                line.append(text)
        self._lines.append("".join(line))
        return self._lines

    def _act_of(self, tag: str) -> "_Act | None":
        if self._hidden and " " in tag and is_hidden(tag.partition(" ")[2], self._hidden):
            return None if tag.partition(" ")[0] in _EMPTY else _pass_over
        return _act_of(tag) if len(tag) < _LONG_TAG else _act_of.__wrapped__(tag)

    def _add(self, text: str, *, is_block_end: bool) -> None:
        """Add a text whose own breaks count; behind the end of any block they are blanks again."""
        if is_block_end:
            self._preformatted = False
            self._line.append(text)
            return
        *whole, last = text.split(_BREAK)
        for line in whole:
            self._lines.append("".join([*self._line, line]))
            self._line.clear()
        self._line.append(last)

    def open_pre(self) -> None:
        """Begin a text whose own line breaks count."""
        self._preformatted = True

    def open_table(self) -> None:
        """Make frames of the rows that the table stands in."""
        for row in reversed(self._rows):
            if row.is_frame:
                break
            row.is_frame = True

    def open_row(self) -> None:
        """Begin a row; between its cells nothing can stand."""
        self._rows.append(_Row(self._lines, [], self._preformatted))

    def open_cell(self) -> None:
        """Begin a cell, which has lines of its own."""
        self._preformatted = False
        if self._rows:
            self._lines = []
            self._rows[-1].cells.append(self._lines)

    def close_row(self) -> None:
        """Write a row of cells as one line, one that is a mere frame for other tables as the lines of its cells."""
        if not self._rows:
            return
        row = self._rows.pop()
        self._lines = row.lines
        joined = len(row.cells) > 1 and not row.is_frame
        self._preformatted = joined and row.preformatted
        if joined and max(map(len, row.cells)) < 2:
            self._lines.append("\t".join([cell[0] if cell else "" for cell in row.cells]))
        elif joined:
            self._lines.extend(_joined([[line for line in cell if not line.isspace()] for cell in row.cells]))
        else:
            self._lines.extend(line for cell in row.cells for line in cell)


_Act = Callable[[_Writer], None]


def _unknown(_: _Writer) -> None:
    """Stand for a tag that was not met yet."""


def _pass_over(_: _Writer) -> None:
    """Stand for a comment, or the tag of an element that nobody sees."""


def _begin_line(_: _Writer) -> None:
    """Do nothing beside beginning another line, which all acts do."""


_ACTS: dict[str, _Act] = {
    **dict.fromkeys((*_BLOCKS, *(f"/{name}" for name in _BLOCKS)), _begin_line),
    "pre": _Writer.open_pre,
    "table": _Writer.open_table,
    "tr": _Writer.open_row,
    "/tr": _Writer.close_row,
    "td": _Writer.open_cell,
    "th": _Writer.open_cell,
}


@lru_cache(maxsize=4096)
def _act_of(tag: str) -> _Act | None:
    """Return what is done at a tag; nothing at one within a line. A bank's mails have the same tags for years."""
    if tag.startswith(_COMMENT):
        return _pass_over
    name, _, attributes = tag.partition(" ")
    if attributes and hides(attributes) and name not in ("body", "html"):
        return None if name in _EMPTY else _pass_over
    return _ACTS.get(name)


def _whole_tag(begun: str, queue: Iterator[str]) -> tuple[str, str]:
    """Return a tag in whose own name or attribute's name a `<` stands, and the text behind it."""
    parts = [begun]
    for piece in queue:
        part, end, text = piece.partition(">")
        parts.append(part)
        if end:
            return "<".join(parts), text
    return "<".join(parts), ""


def _behind(tag: str, text: str, queue: Iterator[str]) -> str:
    """Pass over a comment or an element with all that is in it; return the text behind it."""
    if tag.startswith(_COMMENT):
        return _behind_comment(f"{tag}>{text}", queue)
    name = tag.partition(" ")[0]
    opening, closing, depth = f"{name} ", f"/{name}", 1
    for piece in queue:
        inner, end, text = piece.partition(">")
        if inner.startswith(_COMMENT):
            _behind_comment(piece, queue)
            continue
        if not end:
            inner, text = _whole_tag(inner, queue)
        if inner == closing:
            depth -= 1
            if not depth:
                return text
        elif inner == name or inner.startswith(opening):
            depth += 1
    return ""


def _behind_comment(begun: str, queue: Iterator[str]) -> str:
    for piece in chain([begun[len(_COMMENT) :]], queue):
        _, end, text = piece.partition("-->")
        if end:
            return text
    return ""


def _joined(cells: list[list[str]]) -> list[str]:
    """Return a row's lines: one, or one per pair where a column of labels stands beside a column of values."""
    tall = [cell for cell in cells if len(cell) > 1]
    if not tall:
        return ["\t".join(cell[0] if cell else "" for cell in cells)]
    if len(tall) == 1:
        first = "\t".join(cell[0] if cell else "" for cell in cells)
        return [first, *tall[0][1:]]
    filled = [cell for cell in cells if cell]
    if len({len(cell) for cell in filled}) == 1:
        return ["\t".join(lines) for lines in zip(*filled, strict=True)]
    return [line for cell in cells for line in cell]
