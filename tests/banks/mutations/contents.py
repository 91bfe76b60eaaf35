"""The content of a letter as HTML or text, and mails and parts built around a content."""

import re
from collections.abc import Callable
from email.message import Message
from html import escape

from banks.mutations.letters import Letter, written
from banks.mutations.rendered import as_text
from banks.mutations.values import TAGS

from afpd.parse.text import of_plain


def part(text: str, *, html: bool, charset: str = "utf-8", encoding: str = "quoted-printable") -> Message:
    """Return a leaf of a mail that holds a text; what its charset cannot write is an entity or a question mark."""
    found = Message()
    found["Content-Type"] = f'text/{"html" if html else "plain"}; charset="{charset}"'
    found["Content-Transfer-Encoding"] = encoding
    found.set_payload(written(text.encode(charset, "xmlcharrefreplace" if html else "replace"), encoding))
    return found


def many(kind: str, *parts: Message) -> Message:
    """Return parts as one multipart."""
    found = Message()
    found["Content-Type"] = f'multipart/{kind}; boundary="=_{kind}_{len(parts)}"'
    found.set_payload(list(parts))
    return found


def mail(letter: Letter, content: Message, end: bytes = b"\r\n") -> bytes:
    """Return the letter's header around another content."""
    head = letter.bare_head()
    head["MIME-Version"] = "1.0"
    for name, value in content.items():
        head[name] = value
    head._payload = content._payload  # get_payload would decode bytes of 8 bits
    lines = head.as_bytes().replace(b"\r\n", b"\n")
    return lines.replace(b"\n", end)


def html_of(letter: Letter) -> str:
    """Return the mail's HTML; of one that has none its lines as blocks."""
    for leaf in letter.leaves:
        if leaf.is_html and not leaf.is_blank:
            return leaf.text
    lines = of_plain(text_of(letter)).body.replace("\t", " ").split("\n")
    return (
        "<html><body>"
        + "".join(f"<div>{escape(line, quote=False) or '<br>'}</div>" for line in lines)
        + "</body></html>"
    )


def text_of(letter: Letter, cell: str = "\n", *, bold: bool = False) -> str:
    """Return the mail's own text part, or its HTML as text."""
    for leaf in letter.leaves:
        if not leaf.is_html and not leaf.is_blank and "<td" not in leaf.text.lower():
            return leaf.text
    return as_text(next(leaf.text for leaf in letter.leaves if not leaf.is_blank), cell, bold=bold)


def in_texts(html: str, change: Callable[[str], str]) -> str:
    """Change what stands between the tags of HTML."""
    pieces = TAGS.split(html)
    return "".join(piece if number % 2 else change(piece) for number, piece in enumerate(pieces))


def in_body(html: str, before: str, behind: str) -> str:
    """Return HTML with something put at the beginning and at the end of its body."""
    at = re.search(r"(?i)<body[^>]*>", html)
    start = at.end() if at else 0
    end = html.lower().rfind("</body>")
    end = end if end >= start else len(html)
    return html[:start] + before + html[start:end] + behind + html[end:]
