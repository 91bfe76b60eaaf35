"""The terms of Gmail's search language, each as a predicate on a stored message."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import lru_cache
from zoneinfo import ZoneInfo

from afpd.sandbox.mime import body_text, has_attachment
from afpd.sandbox.stored import StoredMessage, words_of

Predicate = Callable[[StoredMessage], bool]

PACIFIC = ZoneInfo("America/Los_Angeles")

_AGE = re.compile(r"(\d+)([hdmy])", re.IGNORECASE)
_AGE_UNIT = {"h": timedelta(hours=1), "d": timedelta(days=1), "m": timedelta(days=30), "y": timedelta(days=365)}
_DATE = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})|(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_SIZE = re.compile(r"(\d+)([KM]?)B?", re.IGNORECASE)
_SIZE_UNIT = {"": 1, "K": 1024, "M": 1024 * 1024}
_PLACES = {"INBOX", "SENT", "SPAM", "TRASH", "STARRED", "UNREAD", "IMPORTANT", "DRAFT"}


def everything(_: StoredMessage) -> bool:
    """Match any message."""
    return True


def every(parts: Sequence[Predicate]) -> Predicate:
    """Return the AND of the parts; of none, everything."""
    if len(parts) == 1:
        return parts[0]
    return lambda message: all(part(message) for part in parts)


def some(parts: Sequence[Predicate]) -> Predicate:
    """Return the OR of the parts."""
    if len(parts) == 1:
        return parts[0]
    return lambda message: any(part(message) for part in parts)


def negated(part: Predicate) -> Predicate:
    """Return the NOT of a part."""
    return lambda message: not part(message)


def term(operator: str | None, value: str, now: datetime) -> Predicate:
    """Return the predicate of one `operator:value`, or of bare words when the operator is None or unknown."""
    match operator:
        case "from":
            return _person(value, lambda message: (message.heads.senders, message.heads.from_words))
        case "to" | "cc" | "deliveredto":
            return _person(value, lambda message: (message.heads.recipients, message.heads.to_words))
        case "subject":
            words = words_of(value)
            return lambda message: words in message.heads.subject_words
        case "rfc822msgid":
            wanted = value.strip(" <>")
            return lambda message: message.heads.message_id == wanted
        case "after" | "newer" | "before" | "older" | "newer_than" | "older_than":
            return _dated(operator, value, now)
        case "in" | "label" | "is" | "has":
            return _placed(operator, value)
        case "larger" | "smaller" | "size":
            return _sized(operator, value)
        case _:
            return _worded(value if operator is None else f"{operator} {value}")


def _person(value: str, look: Callable[[StoredMessage], tuple[tuple[str, ...], str]]) -> Predicate:
    wanted, words = value.casefold().strip("<>"), words_of(value)
    name, _, domain = wanted.rpartition("@")
    if name and domain:
        return lambda message: wanted in look(message)[0]
    if domain and wanted.startswith("@"):
        return lambda message: any(address.endswith(wanted) for address in look(message)[0])
    return lambda message: words in look(message)[1]


def _dated(operator: str, value: str, now: datetime) -> Predicate:
    moment = _age(value, now) if operator.endswith("_than") else _moment(value)
    if moment is None:
        return _worded(value)
    limit = int(moment.timestamp() * 1000)
    if operator in ("after", "newer", "newer_than"):
        return lambda message: message.internal_date >= limit
    return lambda message: message.internal_date < limit


def _age(value: str, now: datetime) -> datetime | None:
    found = _AGE.fullmatch(value)
    return now - int(found[1]) * _AGE_UNIT[found[2].lower()] if found else None


def _moment(value: str) -> datetime | None:
    if value.isascii() and value.isdigit():
        return datetime.fromtimestamp(int(value), UTC)
    if not (found := _DATE.fullmatch(value)):
        return None
    year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[4], found[5])
    try:
        return datetime(int(year), int(month), int(day), tzinfo=PACIFIC)
    except ValueError:
        return None


def _placed(operator: str, value: str) -> Predicate:
    name = value.casefold()
    match operator, name:
        case "has", "attachment":
            return lambda message: has_attachment(message.raw)
        case "is", "read":
            return lambda message: "UNREAD" not in message.labels
        case "in", "anywhere":
            return everything
    upper = value.upper()
    label = upper if upper in _PLACES or upper.startswith("CATEGORY_") else value
    return lambda message: label in message.labels or (label != upper and upper in message.labels)


def _sized(operator: str, value: str) -> Predicate:
    found = _SIZE.fullmatch(value)
    if not found:
        return _worded(value)
    limit = int(found[1]) * _SIZE_UNIT[found[2].upper()]
    if operator == "smaller":
        return lambda message: len(message.raw) < limit
    return lambda message: len(message.raw) >= limit


def _worded(value: str) -> Predicate:
    words = words_of(value)
    return lambda message: (
        words in message.heads.subject_words
        or words in message.heads.from_words
        or words in message.heads.to_words
        or words in _body_words(message.raw)
    )


@lru_cache(maxsize=4096)
def _body_words(raw: bytes) -> str:
    return words_of(body_text(message_from_bytes(raw)))
