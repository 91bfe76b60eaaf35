"""Reading RFC 822 messages the way Gmail presents them: decoded parts, text normalised to UTF-8."""

import html
import re
from email import message_from_bytes
from email.message import Message

_STATEFUL = ("iso-2022-", "hz", "utf-7")
_MARKUP = re.compile(r"<(style|script|head)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_SNIPPET_SOURCE = 20_000
_SNIPPET_LENGTH = 100


def part_bytes(part: Message) -> bytes:
    """Return the content of a leaf part: transfer encoding undone, text as UTF-8 whatever the header declares."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    if part.get_content_maintype() != "text" or is_attachment(part):
        return content
    return to_text(content, part.get_content_charset() or "utf-8").encode()


def to_text(content: bytes, charset: str) -> str:
    """Return bytes of text: strict UTF-8 where that holds, else the declared charset, else Windows-1252."""
    if not charset.lower().startswith(_STATEFUL):
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    try:
        return content.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return content.decode("cp1252", "replace")


def is_attachment(part: Message) -> bool:
    """Say whether a leaf part is a file and not a text to be shown."""
    return bool(part.get_filename()) or part.get_content_disposition() == "attachment"


def leaves(message: Message) -> list[Message]:
    """Return the parts that hold content, in order."""
    return [part for part in message.walk() if not part.is_multipart()]


def has_attachment(raw: bytes) -> bool:
    """Say whether a message carries a file."""
    return any(is_attachment(part) for part in leaves(message_from_bytes(raw)))


def body_text(message: Message) -> str:
    """Return the text of all text parts, HTML without its markup."""
    texts = []
    for part in leaves(message):
        if part.get_content_maintype() == "text" and not is_attachment(part):
            text = part_bytes(part).decode()
            texts.append(html.unescape(_MARKUP.sub(" ", text)) if part.get_content_subtype() == "html" else text)
    return "\n".join(texts)


def snippet(message: Message) -> str:
    """Return the first words of the message, escaped as Gmail escapes them."""
    for part in leaves(message):
        if part.get_content_maintype() == "text" and not is_attachment(part):
            text = part_bytes(part)[:_SNIPPET_SOURCE].decode("utf-8", "ignore")
            plain = html.unescape(_MARKUP.sub(" ", text)) if part.get_content_subtype() == "html" else text
            return html.escape(" ".join(plain.split())[:_SNIPPET_LENGTH])
    return ""
