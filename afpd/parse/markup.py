"""HTML to lines of cells (see text.py): hidden nodes go, a table row becomes one line with tabs.

The parser is lexbor's, for what is no proper HTML is read as browsers do. Its tree is not walked but written out again:
then every element is closed, every `<` and `>` in a text or attribute is escaped. Each tag is then replaced by a mark,
all of them at once, and the rows are found among the marks. Visiting the nodes would cost several times that.
"""

from functools import lru_cache
from itertools import pairwise

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from afpd.parse.monsters import MAX_TAGS, is_monstrous
from afpd.parse.search import Pattern
from afpd.parse.styles import hidden_names, hides, is_hidden
from afpd.parse.text import MAX_CHARACTERS, Text, of_lines

MAX_MARKUP = 320 * 1024
_LONGEST = 2 * MAX_MARKUP  # of a tree that is written out; only what was made to grow is longer
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
        *("main", "nav", "ol", "p", "pre", "section", "tbody", "tfoot", "thead", "ul"),
    }
)
_EMPTY = frozenset(
    {
        *("area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link"),
        *("param", "source", "track", "wbr"),
    }
)
_LONG_TAG = 400
_MOST_TAGS_KNOWN = 2_048
_INLINE_PICTURES = Pattern(r"(?i)\bdata:[a-z]+/[a-z0-9.+-]+;base64,[a-z0-9+/=\s]*")
# What stands for a tag. In a text that is written out neither sign occurs.
_BREAK, _CELL, _ROW, _ROW_END, _TABLE, _PRE, _UNREAD_MARK, _HIDDEN = ">", "<c", "<r", "<e", "<t", "<p", "<u", "<h"
_MARKS = {
    **dict.fromkeys((*_BLOCKS, *(f"/{name}" for name in _BLOCKS)), _BREAK),
    **dict.fromkeys((*_UNREAD, *(f"/{name}" for name in _UNREAD)), _UNREAD_MARK),
    "table": _TABLE,
    "/table": _BREAK,
    "tr": _ROW,
    "/tr": _ROW_END,
    "td": _CELL,
    "th": _CELL,
    "pre": _PRE,
}


def of_html(source: str, ends_open: bool = False, most_tags: int = MAX_TAGS, most: int = MAX_MARKUP) -> Text:
    """Return the visible text of an HTML body, rows as lines and cells parted by tabs.

    Of more than `most` characters, pictures within them left out, the first are read; of too many tags nothing is.
    """
    if len(source) > most:
        source = _INLINE_PICTURES.removed_from(source)
    too_long, source = len(source) > most, source[: max(0, most)]
    if is_monstrous(source, most_tags):
        return Text("", cut=True)
    marked, is_whole = _marked(LexborHTMLParser(source, options=LexborDocumentOptions.WO_EVENTS), hidden_names(source))
    cut = too_long or not is_whole
    lines = _with_rows_joined(marked)
    if len(lines) > MAX_CHARACTERS:
        lines = "\n".join([line.strip(" ") for line in lines.split("\n") if line.strip(" ")])
    if "&" in lines:
        lines = lines.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return of_lines(lines, cut, ends_open and source[-1:] not in ">\n ")


class _TagMarks(dict[str, str]):
    """The marks that stand for tags, learnt as they are met: a bank's mails have the same tags for years."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self._hidden = hidden

    def __missing__(self, tag: str) -> str:
        mark = self._mark(tag)
        if len(tag) < _LONG_TAG:
            if len(self) >= _MOST_TAGS_KNOWN:
                self.clear()
            self[tag] = mark
        return mark

    def _mark(self, tag: str) -> str:
        name, _, attributes = tag.partition(" ")
        mark = _MARKS.get(name, "")
        if not attributes or mark == _UNREAD_MARK:
            return mark
        unseen = (self._hidden and is_hidden(attributes, self._hidden)) or (
            name not in ("body", "html") and hides(attributes)
        )
        if not unseen:
            return mark
        return "" if name in _EMPTY else _HIDDEN


@lru_cache(maxsize=16)
def _marks_beside(hidden: frozenset[str]) -> _TagMarks:
    return _TagMarks(hidden)


def _marked(tree: LexborHTMLParser, hidden: frozenset[str]) -> tuple[str, bool]:
    """Return what a tree shows, a mark in place of every tag, and whether that is all of it."""
    marks_of = _marks_beside(hidden)
    marked, is_whole = _replaced(_written(tree, hidden), marks_of)
    if _UNREAD_MARK in marked:  # what stands in such an element is not always escaped
        written = _written(tree, hidden)
        tree.strip_tags([name for name in _UNREAD if f"<{name}" in written])
        marked, is_whole = _replaced(_written(tree, hidden), marks_of)
    return marked, is_whole


def _written(tree: LexborHTMLParser, hidden: frozenset[str]) -> str:
    """Return a tree as HTML without comments."""
    node = tree.root if hidden and _is_named(tree) else tree.body or tree.root
    written = (node.html if node is not None else None) or ""
    return _without_comments(written) if "<!--" in written else written


def _is_named(tree: LexborHTMLParser) -> bool:
    """Return whether a style sheet may hide the document as a whole."""
    return tree.root is not None and not tree.root.attributes.keys().isdisjoint(("class", "id"))


def _without_comments(written: str) -> str:
    """Return written-out HTML without its comments; the end of one may overlap what looks like another's beginning."""
    pieces, at = [], 0
    while (begin := written.find("<!--", at)) >= 0:
        pieces.append(written[at:begin])
        end = written.find("-->", begin + 4)
        at = end + 3 if end >= 0 else len(written)
    return "".join([*pieces, written[at:]])


def _replaced(written: str, marks_of: _TagMarks) -> tuple[str, bool]:
    """Return written-out HTML with a mark for each tag, what is hidden left out, and whether that is all of it."""
    if written.count("<") != written.count(">"):
        written = _with_plain_names(written)
    is_whole = len(written) <= _LONGEST
    if not is_whole:
        begun, ended = (written.rfind(sign, 0, _LONGEST) for sign in "<>")
        written = written[: begun if begun > ended else _LONGEST]
    pieces = written.replace(">", "<").split("<")  # a text, a tag, a text and so on
    tags = pieces[1::2]
    pieces[1::2] = [marks_of[tag] for tag in tags]
    marked = "".join(pieces)
    if _UNREAD_MARK not in marked and (_HIDDEN in marked or _PRE in marked):
        marks, texts = pieces[1::2], pieces[2::2]
        _leave_hidden_out(tags, marks, texts)
        if _PRE in marked:
            _keep_breaks(tags, marks, texts)
        pieces[1::2], pieces[2::2] = marks, texts
        marked = "".join(pieces)
    return marked, is_whole


def _with_plain_names(written: str) -> str:
    """Return written-out HTML without each `<` that stands in the name of a tag or attribute, where it may."""
    pieces = written.split("<")
    return pieces[0] + "".join(
        [("<" if ">" in before else "") + piece for before, piece in pairwise([">", *pieces[1:]])]
    )


def _leave_hidden_out(tags: list[str], marks: list[str], texts: list[str]) -> None:
    """Take elements that nobody sees, with all that is in them, out of marks and texts."""
    at = 0
    while (at := _next(marks, at)) < len(marks):
        end = _closing(tags, at)
        marks[at : end + 1] = [""] * len(marks[at : end + 1])
        texts[at:end] = [""] * len(texts[at:end])


def _next(marks: list[str], at: int) -> int:
    try:
        return marks.index(_HIDDEN, at)
    except ValueError:
        return len(marks)


def _closing(tags: list[str], at: int) -> int:
    """Return where the element that begins at this tag ends."""
    name = tags[at].partition(" ")[0]
    opening, closing, depth = f"{name} ", f"/{name}", 1
    for number in range(at + 1, len(tags)):
        tag = tags[number]
        if tag == closing:
            depth -= 1
            if not depth:
                return number
        elif tag == name or tag.startswith(opening):
            depth += 1
    return len(tags)


def _keep_breaks(tags: list[str], marks: list[str], texts: list[str]) -> None:
    """Mark the line breaks that count; behind a cell's beginning and the end of any block they are blanks again."""
    counts = False
    for at, (tag, mark) in enumerate(zip(tags, marks, strict=True)):
        if mark == _PRE:
            counts, marks[at] = True, _BREAK
        elif mark in (_CELL, _ROW_END) or (mark == _BREAK and (tag[0] == "/" or tag[:2] in ("br", "hr"))):
            counts = False
        if counts and at < len(texts):
            texts[at] = texts[at].replace("\n", _BREAK)


def _with_rows_joined(marked: str) -> str:
    """Return the lines of a marked text: a row of cells is one line, or more where its cells hold several.

    A row that other tables stand in is a mere frame: its cells have lines of their own.
    """
    marked = marked.replace("&nbsp;", " ").replace("\n", " ").replace("\t", " ").replace("\r", " ")
    marked = marked.replace(" " * 8, " ")  # of an indented source most; the rest takes fewer rounds then
    while "  " in marked:
        marked = marked.replace("  ", " ")
    before, *rows = marked.split(_ROW)
    lines = [_in_lines(before)]
    for chunk in rows:
        row, end, behind = chunk.partition(_ROW_END)
        if not end or _TABLE in row:
            lines.append(_in_lines(chunk))
            continue
        lines.append(_row(row) if _BREAK in row else row.partition(_CELL)[2].replace(_CELL, "\t"))
        if behind:
            lines.append(_in_lines(behind))
    return "\n".join(lines)


def _in_lines(marked: str) -> str:
    """Return the lines of what stands outside of rows with cells."""
    if "<" in marked:
        marked = marked.replace(_CELL, "\n").replace(_ROW_END, "\n").replace(_TABLE, "\n")
    return marked.replace(_BREAK, "\n")


def _row(row: str) -> str:
    """Return the lines of a row in whose cells lines may end."""
    cells = [[line for line in cell.split(_BREAK) if line and not line.isspace()] for cell in row.split(_CELL)[1:]]
    if len(cells) == 1:
        return "\n".join(cells[0])
    return "\n".join(_joined(cells))


def _joined(cells: list[list[str]]) -> list[str]:
    """Return a row's lines: one, or one per pair where a column of labels stands beside a column of values."""
    tall = [cell for cell in cells if len(cell) > 1]
    if not tall:
        return ["\t".join([cell[0] if cell else "" for cell in cells])]
    if len(tall) == 1:
        return ["\t".join([cell[0] if cell else "" for cell in cells]), *tall[0][1:]]
    filled = [cell for cell in cells if cell]
    if len(set(map(len, filled))) == 1:
        return ["\t".join(lines) for lines in zip(*filled, strict=True)]
    return [line for cell in cells for line in cell]
