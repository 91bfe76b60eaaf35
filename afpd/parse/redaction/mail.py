"""A whole mail redacted: header, texts, links and attachments; then looked through for what must not be left."""

import base64
import quopri
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape, unescape

from afpd.errors import ReadingError
from afpd.parse.charset import decoded_words
from afpd.parse.fold import collapse, fold
from afpd.parse.library import Library
from afpd.parse.message import Message, read_message
from afpd.parse.mime import Part, leaves, read_head
from afpd.parse.redaction.disguise import Disguise
from afpd.parse.redaction.fields import QUOTED, fields
from afpd.parse.search import Encoded, Pattern

_TAGS = Pattern(
    r"(?s)<!--.*?-->|<(?:style|STYLE)\b.*?</(?:style|STYLE)>|<(?:script|SCRIPT)\b.*?</(?:script|SCRIPT)>|<[^<>]*>"
)
_GROUPS = Pattern(r"[0-9]{4,}")
_ADDRESSES = Pattern(r"[^\s<>\"',;=()]+@[^\s<>\"',;=()]+")
_NAMED = ("merchant", "reader", "concept", "payer", "owner", "name", "beneficiary", "city", "place")
_PERSONAL: tuple[str, ...] = (
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "outlook.com",
    "live.com",
    "yahoo.com",
    "icloud.com",
    "me.com",
)
_PERSONAL += ("example.com", "msn.com", "proton.me", "protonmail.com")
_BOUNDARIES = Pattern(r"(?i)\bboundary=(?:\"[^\"\r\n]{4,}\"|[^\s;\"]{4,})")
_LETTERS = Pattern(r"\pL+")
_ATTEMPTS = 300
_REMOVED = b"(removed)"


@dataclass(frozen=True, slots=True)
class Redacted:
    """A redacted mail, and how many names and groups of digits of the original it was checked for."""

    raw: bytes
    names: int
    digit_groups: int


def redact(raw: bytes, library: Library, kept: frozenset[str], key: bytes) -> Redacted:
    """Return the mail with everything replaced that is somebody's; `key` (16 bytes or more) makes the replacements.

    `kept` are the words of layouts. Raises `ReadingError` for what is no mail, and when something would be left.
    """
    message = read_message(raw)
    phrases = tuple(sorted({fold(one) for one in _phrases(message, raw, library)}, key=len, reverse=True))
    names = frozenset(word for word in _personal_words(message) if word not in kept)
    texts = "\n".join(_told(raw))
    groups = frozenset(_found(_GROUPS, texts))
    for attempt in range(_ATTEMPTS):
        disguise = Disguise(key + attempt.to_bytes(2, "big"), kept, names, phrases, _banks_domains(message, library))
        done = _mail(raw, disguise)
        if not left_over(done, groups, {*names, *(one for one in phrases if len(one) > 3)}):
            return Redacted(done, len(names) + len(phrases), len(groups))
    raise ReadingError("this mail cannot be redacted: a name or number of it would be left")


def left_over(raw: bytes, groups: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the digit groups and names of an original that stand in a mail, as bytes or decoded."""
    text = "\n".join((raw.decode("latin-1"), *_told(raw)))
    words = f" {' '.join(_found(_LETTERS, fold(text)))} "
    flat = collapse(fold(text))
    return [group for group in groups if group in text] + [
        name for name in names if (f" {name} " in words if name.isalpha() else name in flat)
    ]


def _told(raw: bytes) -> Iterator[str]:
    """Yield everything that a mail says: its bytes, its decoded header and texts, and the same of mails within it."""
    head = read_head(raw, 0, len(raw))
    yield raw[: head.body].decode("utf-8", "replace")
    for name in head.fields:
        yield from map(decoded_words, head.each(name))
    for part in leaves(raw, head):
        yield part.name
        if part.is_message:
            yield from _told(part.payload(raw))
        elif part.is_text:
            text = part.text(raw)
            yield from (text, unescape(text))


def _phrases(message: Message, raw: bytes, library: Library) -> Iterator[str]:
    """Yield the names that the mail's own template finds in it."""
    explanation = library.explain(raw, received_at=message.date or datetime.now(UTC))
    for read in explanation.reading.transactions:
        if read.merchant:
            yield read.merchant
    for values in explanation.values:
        for name in _NAMED:
            value = values.get(name)
            if value and any(map(str.isalpha, value)):
                yield collapse(value)


def _personal_words(message: Message) -> Iterator[str]:
    """Yield the words of the recipients' names and addresses, and those of a sender who is a person."""
    pairs = [*message.recipients, *([(message.sender_name, message.sender)] if _is_person(message.sender) else [])]
    for name, address in pairs:
        for word in _found(Pattern(r"\pL{3,}"), f"{name} {address.partition('@')[0]}"):
            yield fold(word)


def _is_person(address: str) -> bool:
    return address.rpartition("@")[2] in _PERSONAL


def _banks_domains(message: Message, library: Library) -> tuple[str, ...]:
    own = message.sender.rpartition("@")[2]
    return (*library.domains, *((own,) if own and not _is_person(message.sender) else ()))


def _found(pattern: Pattern, text: str) -> list[str]:
    within = Encoded(text)
    return [text[start:end] for start, end in pattern.spans(within)]


def _mail(raw: bytes, disguise: Disguise) -> bytes:
    head = read_head(raw, 0, len(raw))
    pieces, at = [fields(raw[: head.body], disguise)], head.body
    for part in leaves(raw, head):
        pieces += [_between(raw[at : part.start], disguise), _payload(raw, part, disguise)]
        at = part.end
    done = b"".join([*pieces, _between(raw[at:], disguise)])
    for boundary in set(_found(_BOUNDARIES, raw.decode("latin-1"))):
        mark = boundary.partition("=")[2].strip("\"' ")
        done = done.replace(mark.encode("latin-1"), disguise.letters(mark).encode("latin-1"))
    return done


def _between(raw: bytes, disguise: Disguise) -> bytes:
    """Redact what stands between the payloads: boundaries and the fields of parts."""
    return fields(raw, disguise) if raw.strip() else raw


def _payload(raw: bytes, part: Part, disguise: Disguise) -> bytes:
    if part.is_message:
        return _written(_mail(part.payload(raw), disguise), part.encoding)
    if not part.is_text:
        return _written(_REMOVED, part.encoding)
    text = part.text(raw)
    done = html(text, disguise) if part.is_html or "</" in text[:4096] else disguise.text(text)
    return _written(done.encode("utf-8", "replace"), part.encoding)


def _written(payload: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(payload).replace(b"\n", b"\r\n").rstrip(b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(payload.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return payload


def html(source: str, disguise: Disguise) -> str:
    """Return HTML with its texts, its links and all that its tags tell redacted; the tags stay."""
    pieces, at = [], 0
    for start, end in _TAGS.spans(Encoded(source)):
        pieces += [_shown(source[at:start], disguise), _tag(source[start:end], disguise)]
        at = end
    return "".join([*pieces, _shown(source[at:], disguise)])


def _shown(text: str, disguise: Disguise) -> str:
    if not text.strip():
        return text
    told = disguise.text(unescape(text))
    return escape(told, quote=False).replace("\u00a0", "&nbsp;")


def _tag(tag: str, disguise: Disguise) -> str:
    if tag.startswith("<!--"):
        return f"<!--{html(tag[4:-3], disguise)}-->" if tag.endswith("-->") else ""
    if tag[:7].lower() == "<script":
        return "<script></script>"
    if tag[:6].lower() == "<style":
        return _without_groups(tag, disguise)
    pieces, at = [], 0
    for hit in QUOTED.each(Encoded(tag)):
        start, end = hit.spans()["value"]
        pieces += [tag[at:start], _attribute(hit.texts()["name"].lower(), tag[start:end], disguise)]
        at = end
    return _without_groups("".join([*pieces, tag[at:]]), disguise)


def _attribute(name: str, value: str, disguise: Disguise) -> str:
    quote = value[:1] if value[:1] in "\"'" else ""
    bare = value[1:-1] if quote else value
    if name in ("href", "src", "background", "action", "cite") or name.startswith("data"):
        bare = (
            f"mailto:{disguise.address(bare[7:])}"
            if bare.lower().startswith("mailto:") and "@" in bare
            else disguise.link(bare)
        )
    elif name in ("alt", "title", "value", "content", "summary", "placeholder", "aria-label"):
        bare = "text/html; charset=utf-8" if "charset" in bare.lower() else escape(disguise.text(unescape(bare)))
    elif name == "charset":
        bare = "utf-8"
    return f"{quote}{bare}{quote}"


def _without_groups(text: str, disguise: Disguise) -> str:
    pieces, at = [], 0
    for start, end in _GROUPS.spans(Encoded(text)):
        pieces += [text[at:start], disguise.number(text[start:end], whole=True)]
        at = end
    return "".join([*pieces, text[at:]])
