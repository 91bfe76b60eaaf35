"""The body that the replaced system kept, as the RFC 822 mail that the reader takes.

It carries no Authentication-Results, so nothing in it can pass for proved; and the old text is never taken for
headers, whatever it looks like.
"""

import base64
import re
from email.utils import parseaddr

_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|table|div|p|br|span)\b", re.IGNORECASE)
_HTML_WITHIN = 4096
# RFC 2047: an encoded word has at most 75 characters; ten characters are at most 40 bytes, 56 in base64.
_CHARACTERS_PER_WORD = 10
_LONGEST_PLAIN = 900  # RFC 5322 allows lines of 998


def adopted_mail(subject: object, sender: object, body: object) -> bytes:
    """Return a minimal mail with that subject, sender and body; HTML is recognised by its tags."""
    text = body if isinstance(body, bytes) else str(body).encode("utf-8", "replace")
    kind = "html" if _HTML.search(text[:_HTML_WITHIN].decode("utf-8", "replace")) else "plain"
    head = (
        f"From: {_address(_one_line(sender))}",
        f"Subject: {_encoded(_one_line(subject))}",
        "MIME-Version: 1.0",
        f"Content-Type: text/{kind}; charset=utf-8",
        "Content-Transfer-Encoding: base64",
    )
    return "\r\n".join((*head, "", "")).encode("ascii") + base64.encodebytes(text)


def _address(line: str) -> str:
    name, address = parseaddr(line)
    if not (address.isascii() and "@" in address):
        return _encoded(line)
    return f"{_encoded(name, always=True)} <{address}>" if name else address


def _encoded(line: str, *, always: bool = False) -> str:
    if line.isascii() and "=?" not in line and len(line) <= _LONGEST_PLAIN and not always:
        return line
    pieces = (line[at : at + _CHARACTERS_PER_WORD] for at in range(0, len(line), _CHARACTERS_PER_WORD))
    return "\r\n ".join(
        f"=?utf-8?b?{base64.b64encode(piece.encode('utf-8', 'replace')).decode()}?=" for piece in pieces
    )


def _one_line(value: object) -> str:
    """Return the value without line breaks and control characters, which would begin a header of their own."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in str(value or "")).split())
