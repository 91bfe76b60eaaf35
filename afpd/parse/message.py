"""A mail as the reader needs it: who, about what, when, and its bodies, best first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import re2

from afpd.errors import ReadingError
from afpd.parse.charset import decoded_words
from afpd.parse.fold import clean, collapse
from afpd.parse.markup import of_html
from afpd.parse.mime import Part, leaves, split_head
from afpd.parse.text import Text, of_plain

_MAX_BODIES = 6
_MAILBOX = re2.compile(r'((?:"(?:[^"\\]|\\.)*"|[^<>,"])*)<([^<>]*)>|([^\s,;<>"()]+@[^\s,;<>"()]+)')


@dataclass(frozen=True, slots=True)
class Message:
    """The topmost headers of a mail, decoded, and the leaves that may hold its text.

    `sender` is the one address of From in lower case, empty when there is none or more than one; `sender_name` the
    display name beside it; `recipients` the names and addresses of To and Delivered-To; `date` the Date header, aware
    in UTC, or None; `authentication` the topmost Authentication-Results, or None.
    """

    subject: str
    sender: str
    sender_name: str
    recipients: tuple[tuple[str, str], ...]
    message_id: str | None
    date: datetime | None
    authentication: str | None
    raw: bytes
    parts: tuple[Part, ...]

    def bodies(self) -> Iterator[Text]:
        """Yield the bodies that have content: HTML first, then plain, then attached texts."""
        ordered = sorted(self.parts, key=lambda part: (part.attached, not part.is_html))
        for part in ordered[:_MAX_BODIES]:
            source = part.text(self.raw)
            opened = of_html if part.is_html or _looks_like_html(source) else of_plain
            text = opened(source, part.end >= len(self.raw) and not self.raw.endswith(b"\n"))
            if not text.is_blank:
                yield text


def read_message(raw: bytes) -> Message:
    """Return the message in RFC 822 bytes. Raises `ReadingError` for bytes without a single header."""
    fields, _ = split_head(raw, 0, len(raw))
    if not fields:
        raise ReadingError("this is no mail: it has no headers")
    senders = _addresses(fields, ("from",))
    only = senders[0] if len(senders) == 1 else ("", "")
    return Message(
        subject=collapse(clean(decoded_words(_first(fields, "subject") or ""))),
        sender=only[1],
        sender_name=only[0],
        recipients=tuple(_addresses(fields, ("to", "delivered-to"))),
        message_id=_first(fields, "message-id") or None,
        date=date_header(_first(fields, "date") or ""),
        authentication=_first(fields, "authentication-results"),
        raw=raw,
        parts=tuple(part for part in leaves(raw) if part.is_text),
    )


def slim(raw: bytes) -> bytes:
    """Return the mail without the payload of leaves that are no text: what is worth keeping of a large mail."""
    kept: list[bytes] = []
    at = 0
    for part in leaves(raw):
        if not part.is_text and part.start >= at:
            kept.append(raw[at : part.start])
            at = part.end
    return b"".join([*kept, raw[at:]])


def date_header(value: str) -> datetime | None:
    """Return the moment of an RFC 5322 date in UTC, or None when it says none; a date without a zone is UTC."""
    try:
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def addresses(value: str) -> list[tuple[str, str]]:
    """Return the names and lower-cased addresses of an address header (RFC 5322, 3.4); a name never gives one."""
    found = []
    for hit in _MAILBOX.finditer(value[:4096]):
        address = (hit.group(2) or hit.group(3) or "").strip().lower()
        name = decoded_words((hit.group(1) or "").strip().strip('"').replace("\\", ""))
        found.append((collapse(clean(name)), address))
    return found


def _first(fields: list[tuple[str, str]], name: str) -> str | None:
    return next((value for key, value in fields if key == name), None)


def _addresses(fields: list[tuple[str, str]], names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [pair for key, value in fields if key in names for pair in addresses(value)]


def _looks_like_html(source: str) -> bool:
    head = source[:2048].lower()
    return any(mark in head for mark in ("<html", "<!doctype html", "<body", "<table", "<div", "</p>"))
