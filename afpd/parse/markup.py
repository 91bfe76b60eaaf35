"""HTML to lines of cells (see text.py): hidden nodes go, a table row becomes one line with tabs.

Work is bounded: at most `MAX_NODES` nodes are visited, long texts counting as several. What no mail program writes,
tens of thousands of tags or hundreds inside each other, is not parsed at all: the parser's time grows with the square
of the depth.
"""

from selectolax.lexbor import LexborHTMLParser, LexborNode

from afpd.parse.text import Text, of_lines

MAX_NODES = 30_000
_MAX_TAGS = 20_000
_HARMLESS_TAGS = 1_500
_MAX_DEPTH = 300
_NOT_NESTING = frozenset(
    {
        *("area", "base", "br", "col", "dd", "dt", "hr", "img", "input", "li", "link", "meta", "option", "p", "param"),
        *("source", "td", "th", "tr", "wbr"),
    }
)
_UNREAD = ["style", "script", "head", "title", "template", "noscript", "object", "svg", "select", "textarea", "meta"]
_HIDDEN = '[hidden], [style*="none" i], [style*="hidden" i], [style*="opacity" i], [style*="max-height" i]'
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "div", "dl", "dt"),
        *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
_HIDING = ("display:none", "visibility:hidden", "opacity:0;", "max-height:0;", "max-height:0px;")


def of_html(source: str, ends_open: bool = False) -> Text:
    """Return the visible text of an HTML body, rows as lines and cells parted by tabs."""
    if _is_monstrous(source):
        return Text("", cut=True)
    tree = LexborHTMLParser(source)
    tree.strip_tags(_UNREAD)
    if tree.root is None:
        return Text("")
    for node in tree.css(_HIDDEN):
        if _is_hidden(node):
            node.decompose()
    writer = _Writer(MAX_NODES)
    writer.write(tree.root)
    return of_lines(writer.lines, writer.left <= 0, ends_open and source[-1:] not in ">\n ")


def _is_monstrous(source: str) -> bool:
    """Return whether a source has more tags, or more of them inside each other, than a mail ever has."""
    tags = source.count("<")
    if tags <= _HARMLESS_TAGS:
        return False
    depth = deepest = 0
    for piece in source.split("<") if tags <= _MAX_TAGS else ():
        if piece[:1] == "/":
            depth -= depth > 0
        elif piece[:1].isalpha() and _name(piece) not in _NOT_NESTING:
            depth += 1
            deepest = max(deepest, depth)
    return tags > _MAX_TAGS or deepest > _MAX_DEPTH


def _name(piece: str) -> str:
    """Return the name of the tag that a piece behind `<` begins with."""
    return piece[:12].partition(">")[0].partition(" ")[0].rstrip("/").lower()


def _is_hidden(node: LexborNode) -> bool:
    if node.tag in ("body", "html"):
        return False
    attributes = node.attributes
    if "hidden" in attributes:
        return True
    style = "".join((attributes.get("style") or "").lower().replace("!important", "").split()) + ";"
    return any(rule in style for rule in _HIDING)


class _Writer:
    """Collects lines while walking a tree without recursion; `left` counts down what may still be visited."""

    def __init__(self, left: int) -> None:
        self.lines: list[str] = []
        self.left = left
        self._line: list[str] = []

    def write(self, root: LexborNode) -> None:
        """Walk everything below `root` in document order."""
        todo: list[LexborNode | None] = [root]
        preformatted = root.tag == "pre"
        while todo and self.left > 0:
            node = todo.pop()
            if node is None:
                self._break()
                preformatted = False
                continue
            tag = node.tag or ""
            self.left -= 1
            if tag == "-text":
                self._add(node.text_content or "", preformatted)
                continue
            if tag == "tr" and self._row(node):
                continue
            if tag in _BLOCKS:
                self._break()
                preformatted = preformatted or tag == "pre"
                todo.append(None)
            todo.extend(reversed(list(node.iter(include_text=True))))
        self._break()

    def _add(self, text: str, preformatted: bool) -> None:
        self.left -= len(text) // 64
        text = text.replace("\t", " ")
        if not preformatted:
            self._line.append(text.replace("\n", " ").replace("\r", " "))
            return
        for number, line in enumerate(text.split("\n")):
            if number:
                self._break()
            self._line.append(line)

    def _break(self) -> None:
        if self._line:
            self.lines.append("".join(self._line))
            self._line = []

    def _row(self, row: LexborNode) -> bool:
        """Write a row that is no mere frame for other tables as lines of cells; say whether it was one."""
        cells = [cell for cell in row.iter() if cell.tag in ("td", "th")]
        if len(cells) < 2 or row.css_first("table") is not None:
            return False
        self._break()
        self.lines.extend(_joined([self._cell(cell) for cell in cells]))
        return True

    def _cell(self, cell: LexborNode) -> list[str]:
        inner = _Writer(self.left)
        inner.write(cell)
        self.left = inner.left
        return [line for line in inner.lines if line.strip()]


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
