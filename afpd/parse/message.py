"""A mail as the reader needs it: who, about what, when, and its bodies, best first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import islice

from afpd.errors import ReadingError
from afpd.parse.charset import decoded_words
from afpd.parse.fold import clean, collapse
from afpd.parse.markup import MAX_MARKUP, of_html
from afpd.parse.mime import Head, Part, leaves, read_head
from afpd.parse.monsters import MAX_TAGS
from afpd.parse.search import Encoded, Pattern
from afpd.parse.text import Text, of_plain

_MAX_BODIES = 6
_MAX_ENCLOSED = 5
_MOST_FIELDS = 20
_LONGEST_FIELD = 4096
_MAILBOX = Pattern(
    r'(?P<name>(?:"(?:[^"\\]|\\.)*"|[^<>,"])*)<(?P<address>[^<>]*)>|(?P<bare>[^\s,;<>"()]+@[^\s,;<>"()]+)'
)
_SPECIALS = frozenset(' ,;<>"()')


@dataclass(slots=True)
class Budget:
    """How many tags and characters of HTML may still be read of one mail and of the mails that it carries."""

    tags: int = MAX_TAGS
    markup: int = MAX_MARKUP

    def text(self, source: str, ends_open: bool) -> Text:
        """Return the text of an HTML body, and count what it costs."""
        text = of_html(source, ends_open, self.tags, self.markup)
        self.tags -= source.count("<")
        self.markup -= len(source)
        return text


@dataclass(frozen=True)
class Message:
    """The topmost headers of a mail, decoded, and the leaves that may hold its text.

    `sender` is the one address of From in lower case, empty when there is none or more than one; `authentication` the
    topmost Authentication-Results, or None.
    """

    subject: str
    sender: str
    message_id: str | None
    authentication: str | None
    raw: bytes
    head: Head

    @property
    def sender_name(self) -> str:
        """Return the display name beside the sender's address."""
        return next((name for value in self.head.each(b"from") for name, _ in addresses(value)), "")

    @cached_property
    def recipients(self) -> tuple[tuple[str, str], ...]:
        """Return the names and addresses of To and Delivered-To."""
        fields = (*islice(self.head.each(b"to"), _MOST_FIELDS), *islice(self.head.each(b"delivered-to"), _MOST_FIELDS))
        return tuple(pair for value in fields for pair in addresses(value))

    @cached_property
    def date(self) -> datetime | None:
        """Return the moment of the Date header, aware in UTC, or None."""
        return date_header(self.head.first(b"date") or "")

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Return the leaves that may hold text."""
        return tuple(part for part in leaves(self.raw, self.head) if part.is_text)

    def enclosed(self) -> Iterator["Message"]:
        """Yield the mails that are attached to this one as a whole; who sent them is nobody's word but their own."""
        attached = (part for part in leaves(self.raw, self.head) if part.is_message)
        for part in islice(attached, _MAX_ENCLOSED):
            try:
                yield read_message(part.payload(self.raw))
            except ReadingError:
                continue

    def bodies(self, budget: Budget | None = None) -> Iterator[Text]:
        """Yield the bodies that have content: HTML first, then plain, then attached texts."""
        left = budget or Budget()
        ordered = sorted(self.parts, key=lambda part: (part.attached, not part.is_html))
        for part in ordered[:_MAX_BODIES]:
            source = part.text(self.raw)
            ends_open = part.end >= len(self.raw) and not self.raw.endswith(b"\n")
            if part.is_html or _looks_like_html(source):
                text = left.text(source, ends_open)
            else:
                text = of_plain(source, ends_open)
            if not text.is_blank:
                yield text


def read_message(raw: bytes) -> Message:
    """Return the message in RFC 822 bytes. Raises `ReadingError` for bytes without a single header."""
    head = read_head(raw, 0, len(raw))
    if not head.fields:
        raise ReadingError("this is no mail: it has no headers")
    senders = [address for value in islice(head.each(b"from"), _MOST_FIELDS) for _, address in _mailboxes(value)]
    return Message(
        subject=collapse(clean(decoded_words(head.first(b"subject") or ""))),
        sender=senders[0] if len(senders) == 1 else "",
        message_id=head.first(b"message-id") or None,
        authentication=head.first(b"authentication-results"),
        raw=raw,
        head=head,
    )


def slim(raw: bytes) -> bytes:
    """Return the mail without the payload of leaves that are neither text nor mail: what is worth keeping of it."""
    kept: list[bytes] = []
    at = 0
    for part in leaves(raw):
        if not part.is_text and not part.is_message and part.start >= at:
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
    return [(_name(words), address) for words, address in _mailboxes(value)]


def _mailboxes(value: str) -> list[tuple[str, str]]:
    """Return the names, still encoded, and the addresses of an address header."""
    simple = _simple_address(value.strip()) if len(value) <= _LONGEST_FIELD else None
    if simple is not None:
        return [(simple[0], simple[1].strip().lower())]
    found = []
    for words in (hit.texts() for hit in _MAILBOX.each(Encoded(value[:_LONGEST_FIELD]))):
        address = words.get("address") or words.get("bare") or ""
        found.append((words.get("name") or "", address.strip().lower()))
    return found


def _simple_address(value: str) -> tuple[str, str] | None:
    """Return the name and address of a header of the two usual forms, `Name <address>` and `address`, or None."""
    name, opened, rest = value.partition("<")
    if opened:
        usual = rest.find(">") == len(rest) - 1 >= 0 and "<" not in rest and not any(mark in name for mark in '>,"')
        return (name, rest[:-1]) if usual else None
    usual = "@" in value[1:-1] and value.isascii() and value.isprintable() and _SPECIALS.isdisjoint(value)
    return ("", value) if usual else None


def _name(words: str) -> str:
    return collapse(clean(decoded_words(words.strip().strip('"').replace("\\", ""))))


def _looks_like_html(source: str) -> bool:
    head = source[:2048].lower()
    return any(mark in head for mark in ("<html", "<!doctype html", "<body", "<table", "<div", "</p>"))
