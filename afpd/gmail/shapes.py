"""The answers of the Gmail API as values of ours, with everything checked that a server may get wrong."""

import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from afpd.errors import MessageUnreadable, Unavailable

_LONGEST_ID = 128
_LAST_MILLISECOND = 253402300799000
# Search finds none of these without being asked to, and no bank writes a draft: they need not ring the bell. What is
# moved out of spam later is found by the daily search.
_UNSEARCHED = frozenset({"DRAFT", "CHAT", "SPAM", "TRASH"})


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose mailbox it is, and its newest history id: an unsigned number of any length, as text."""

    email_address: str = field(repr=False)
    history_id: str


@dataclass(frozen=True, slots=True)
class History:
    """What came since a cursor: ids in Gmail's order, each once, without those deleted meanwhile; and the new cursor.

    `complete` is False when there were more pages than allowed: then `cursor` is still the old one and `added` is a
    part; treat it like an expired cursor.
    """

    added: tuple[str, ...]
    cursor: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of history."""

    added: tuple[str, ...]
    deleted: frozenset[str]
    history_id: str | None
    next_page_token: str | None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search, newest first, at most 500."""

    ids: tuple[str, ...]
    next_page_token: str | None


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as it arrived: Gmail's id, internalDate in UTC, the RFC 822 bytes, and the labels it carries."""

    email_message_id: str
    received_at: datetime
    raw: bytes = field(repr=False)
    label_ids: tuple[str, ...] = ()


def read_profile(body: dict[str, Any]) -> Profile:
    """Return the profile of a getProfile answer. Raises `Unavailable` when something is missing."""
    address = body.get("emailAddress")
    if not isinstance(address, str) or not address:
        raise _malformed("profile")
    return Profile(address, _history_id(body.get("historyId"), "profile"))


def read_history_page(body: dict[str, Any]) -> HistoryPage:
    """Return one page of history.list; a page may hold no records and still have a next one."""
    added: dict[str, None] = {}
    deleted: set[str] = set()
    for record in _objects(body.get("history"), "history"):
        for change in _objects(record.get("messagesAdded"), "history"):
            message = _message(change)
            if _UNSEARCHED.isdisjoint(_labels(message)):
                added[_id(message, "history")] = None
        deleted.update(
            _id(_message(change), "history") for change in _objects(record.get("messagesDeleted"), "history")
        )
    newest = body.get("historyId")
    newest = None if newest is None else _history_id(newest, "history")
    return HistoryPage(tuple(added), frozenset(deleted), newest, _page_token(body))


def read_search_page(body: dict[str, Any]) -> SearchPage:
    """Return one page of messages.list. Raises `Unavailable` when it has another shape."""
    ids = dict.fromkeys(_id(message, "search") for message in _objects(body.get("messages"), "search"))
    return SearchPage(tuple(ids), _page_token(body))


def read_raw_message(body: dict[str, Any], asked: str) -> RawMessage:
    """Return the message of a messages.get answer in format raw. Raises `MessageUnreadable` in words."""
    if body.get("id") != asked:
        raise MessageUnreadable("Gmail answered with another message than the one asked for")
    raw = body.get("raw")
    if not isinstance(raw, str) or not raw:
        raise MessageUnreadable("Gmail answered without the content of the message")
    return RawMessage(asked, _received_at(body.get("internalDate")), _decoded(raw), _labels(body))


def _decoded(raw: str) -> bytes:
    """Decode base64url (RFC 4648, section 5) with right, wrong or missing padding, and nothing foreign in it."""
    bare = raw.rstrip("=")
    if "+" in bare or "/" in bare or not bare.isascii():
        raise MessageUnreadable("The content of the message is not base64url")
    padded = bare.translate(_TO_BASE64) + "=" * (-len(bare) % 4)
    try:
        decoded = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error:
        decoded = b""
    if not decoded:
        raise MessageUnreadable("The content of the message is not base64url, or was cut off")
    return decoded


_TO_BASE64 = str.maketrans("-_", "+/")


def _received_at(internal_date: object) -> datetime:
    """Read internalDate, epoch milliseconds as text."""
    text = str(internal_date) if isinstance(internal_date, str | int) else ""
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) > _LAST_MILLISECOND:
        raise MessageUnreadable("Gmail does not tell when the message came")
    seconds, milliseconds = divmod(int(text), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


def _malformed(what: str) -> Unavailable:
    return Unavailable(f"What Gmail answered about {what} has another shape than it should")


def _objects(value: object, what: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise _malformed(what)
    return value


def _message(change: dict[str, Any]) -> dict[str, Any]:
    message = change.get("message")
    if not isinstance(message, dict):
        raise _malformed("history")
    return message


def _id(message: dict[str, Any], what: str) -> str:
    found = message.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_ID:
        raise _malformed(what)
    return found


def _labels(message: dict[str, Any]) -> tuple[str, ...]:
    labels = message.get("labelIds")
    return tuple(label for label in labels if isinstance(label, str)) if isinstance(labels, list) else ()


def _history_id(value: object, what: str) -> str:
    """Return the number as text: it is unsigned, 64 bits or more, and never passes through a float."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit() or len(text) > 40:
        raise _malformed(what)
    return text


def _page_token(body: dict[str, Any]) -> str | None:
    token = body.get("nextPageToken")
    return token if isinstance(token, str) and token else None
