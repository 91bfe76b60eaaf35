"""A message as the model mailbox keeps it, and what Gmail's search sees of it."""

import re
import unicodedata
from email.header import decode_header, make_header
from email.utils import getaddresses
from enum import StrEnum
from typing import Any, NamedTuple

_HEADER = re.compile(rb"^(From|To|Cc|Subject|Message-ID)[ \t]*:((?:.*)(?:\r?\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)
_FOLD = re.compile(rb"\r?\n")
_WORD = re.compile(r"[^\W_]+")


class ChangeKind(StrEnum):
    """What a history record tells; the words of the request's historyTypes."""

    ADDED = "messageAdded"
    DELETED = "messageDeleted"
    LABEL_ADDED = "labelAdded"
    LABEL_REMOVED = "labelRemoved"


class Change(NamedTuple):
    """One history record: `labels` are the message's after the change, `changed` those that came or went."""

    history_id: int
    kind: ChangeKind
    message_id: str
    thread_id: str
    labels: tuple[str, ...]
    changed: tuple[str, ...] = ()


class Heads(NamedTuple):
    """The headers that search looks at, folded to words by `words_of`."""

    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    from_words: str
    to_words: str
    subject_words: str
    message_id: str


class StoredMessage:
    """A message in a mailbox.

    `internal_date` is epoch milliseconds, `indexed_at` the epoch seconds from which search knows it.
    """

    __slots__ = ("_heads", "history_id", "id", "indexed_at", "internal_date", "labels", "note", "raw", "sequence")

    def __init__(
        self, message_id: str, raw: bytes, internal_date: int, labels: set[str], indexed_at: float, sequence: int
    ) -> None:
        self.id = message_id
        self.raw = raw
        self.internal_date = internal_date
        self.labels = labels
        self.indexed_at = indexed_at
        self.sequence = sequence
        self.history_id = 0
        self.note: dict[str, Any] = {}
        self._heads: Heads | None = None

    @property
    def thread_id(self) -> str:
        """Return the thread's id: every message is its own thread here."""
        return self.id

    @property
    def position(self) -> tuple[int, int]:
        """Return the key of the mailbox's order: by date, then by arrival."""
        return self.internal_date, self.sequence

    @property
    def heads(self) -> Heads:
        """Return the searched headers, read once."""
        if self._heads is None:
            self._heads = read_heads(self.raw)
        return self._heads


def words_of(text: str) -> str:
    """Return the words of `text` as search sees them: lower case, without accents, one blank around each."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return f" {' '.join(_WORD.findall(plain.casefold()))} "


def read_heads(raw: bytes) -> Heads:
    """Return the searched headers of an RFC 822 message, encoded words (RFC 2047) decoded."""
    end = re.search(rb"\r?\n\r?\n", raw)
    found: dict[bytes, str] = {}
    for name, value in _HEADER.findall(raw[: end.end()] if end else raw):
        found.setdefault(name.lower(), decoded(_FOLD.sub(b"", value).decode("utf-8", "replace").strip()))
    sender, to = found.get(b"from", ""), f"{found.get(b'to', '')}, {found.get(b'cc', '')}"
    return Heads(
        senders=_addresses(sender),
        recipients=_addresses(to),
        from_words=words_of(sender),
        to_words=words_of(to),
        subject_words=words_of(found.get(b"subject", "")),
        message_id=found.get(b"message-id", "").strip(" <>"),
    )


def decoded(value: str) -> str:
    """Return a header value with its encoded words decoded; unreadable ones stay as they are."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return value


def _addresses(value: str) -> tuple[str, ...]:
    return tuple(address.casefold() for _, address in getaddresses([value]) if address)
