"""HTML as plain text, in the ways of mail programs: how cells, blocks, links and bold words come out."""

import re
import textwrap
from html.parser import HTMLParser

BLOCKS = {"p", "div", "table", "tr", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "center", "hr", "body"}
BLOCKS |= {"blockquote", "pre", "tbody", "thead", "dl", "dt", "dd"}
UNSEEN = {"style", "script", "head", "title", "template"}
EMPTY = {"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr", "source"}


class _Renderer(HTMLParser):
    def __init__(self, cell: str, bold: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._cell, self._bold = cell, bold
        self._hidden: list[str] = []
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        style = "".join((dict(attrs).get("style") or "").lower().split())
        if tag not in EMPTY and (self._hidden or tag in UNSEEN or "display:none" in style):
            self._hidden.append(tag)
            return
        self._pre += tag == "pre"
        if tag in BLOCKS:
            self.out.append("\n")
        elif tag in ("td", "th"):
            self.out.append("\v")
        elif tag in ("b", "strong") and self._bold:
            self.out.append("\x01")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
            return
        if self._hidden:
            return
        self._pre -= tag == "pre"
        if tag in BLOCKS:
            self.out.append("\n")
        elif tag in ("b", "strong") and self._bold:
            self.out.append("\x02")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.out.append(data if self._pre else re.sub(r"[ \t\r\n]+", " ", data))


def as_text(html: str, cell: str = "\n", *, bold: bool = False) -> str:
    """Return HTML as text; `cell` stands between the cells of a row, `bold` puts stars around bold words."""
    renderer = _Renderer(cell, bold)
    renderer.feed(re.sub(r"(?s)<!--.*?-->", "", html))
    text = "".join(renderer.out)
    text = re.sub(
        r"\x01(\s*)([^\x01\x02]*?)(\s*)\x02", lambda hit: f"{hit[1]}*{hit[2]}*{hit[3]}" if hit[2] else " ", text
    )
    text = re.sub(r"[\x01\x02]", "", text)
    text = re.sub(r"[ \u00a0]*\v[ \u00a0\n]*", "\v", text)
    text = re.sub(r"\n[\v]", "\n", text)
    text = text.replace("\v", cell)
    lines = [line.strip(" ") for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def wrapped(text: str, width: int = 76) -> str:
    """Return a text with its long lines broken at blanks, as mail programs do."""
    lines = (
        textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""] for line in text.split("\n")
    )
    return "\n".join(line for group in lines for line in group)


def flowed(text: str, width: int = 66) -> str:
    """Return a text as format=flowed (RFC 3676): a blank before the break says that the line goes on."""
    lines = (
        textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""] for line in text.split("\n")
    )
    return "\n".join(" \n".join(group) for group in lines)
