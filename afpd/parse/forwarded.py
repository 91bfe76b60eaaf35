"""Mails that a person passed on: the bank stands in the quoted header, the mail below it.

Known are Gmail's dashes, Outlook's underscores and the bare blocks of Apple's and Mac Outlook, in English and Spanish,
and mails that are attached as a whole. The innermost block counts: it is the bank's own mail.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from afpd.parse.message import Budget, Message, addresses
from afpd.parse.text import Text, of_lines

_KEYS = {
    "from": "from",
    "de": "from",
    "date": "date",
    "fecha": "date",
    "sent": "date",
    "enviado": "date",
    "enviado el": "date",
    "subject": "subject",
    "asunto": "subject",
    "to": "to",
    "para": "to",
    "cc": "cc",
    "reply-to": "cc",
    "responder a": "cc",
}
_SPACE = " \t\r\f"
_LONGEST_KEY = 120
_MAX_HEADER_LINES = 10
_MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A mail within a mail: its sender's address in lower case, its subject, its date as written, and its text.

    `attached` says that the mail was attached as a whole, with its own header: then the date is one of RFC 5322.
    """

    sender: str
    subject: str
    date: str
    to: str
    text: Text
    attached: bool = False


def passed_on(message: Message, depth: int = 0, budget: Budget | None = None) -> Iterator[Forwarded]:
    """Yield the mails that a mail carries with their headers: quoted in a body, or attached, in it or one attached."""
    left = budget or Budget()
    for body in message.bodies(left):
        quoted = unwrapped(body)
        if quoted is not None:
            yield quoted
    for inner in message.enclosed() if depth < _MAX_DEPTH else ():
        for text in inner.bodies(left):
            written = inner.head.first(b"date") or ""
            yield Forwarded(inner.sender, inner.subject, written, inner.head.first(b"to") or "", text, attached=True)
        yield from passed_on(inner, depth + 1, left)


def unwrapped(text: Text) -> Forwarded | None:
    """Return the innermost mail that is quoted with its header in a text, or None."""
    lines, folded = text.body.split("\n"), text.folded_body.text.split("\n")
    starts = [at for at, line in enumerate(folded) if ":" in line and _key(line)[0] == "from"]
    for start in reversed(starts[-20:]):
        found = _block(lines, folded, start, text)
        if found is not None:
            return found
    return None


def _key(line: str) -> tuple[str, int]:
    """Return what a line of a quoted header tells, with the offset of its value; an empty word for another line."""
    words, colon, _ = line[:_LONGEST_KEY].partition(":")
    if not colon:
        return "", 0
    begin = len(words) + 1
    begin += line[begin : begin + 1] == "*"
    bare = words.lstrip(">*" + _SPACE).removesuffix("*")
    key = _KEYS.get(bare[:-1] if bare[-1:] and bare[-1] in _SPACE else bare, "")
    return key, len(line) - len(line[begin:].lstrip(_SPACE))


def _block(lines: list[str], folded: list[str], start: int, text: Text) -> Forwarded | None:
    header: dict[str, str] = {}
    end = start
    for at in range(start, min(start + _MAX_HEADER_LINES, len(lines))):
        key, begin = _key(folded[at])
        if not key or key in header:
            break
        header[key] = lines[at][begin:].strip(" *\t")
        end = at + 1
    senders = [address for _, address in addresses(header.get("from", "").replace("\t", " ")) if "@" in address]
    if len(header) < 3 or "subject" not in header or len(senders) != 1:
        return None
    rest = "\n".join(line.lstrip("> ") if line.startswith(">") else line for line in lines[end:])
    sender = senders[0].strip("[]").removeprefix("mailto:")
    return Forwarded(
        sender=sender,
        subject=header["subject"],
        date=header.get("date", ""),
        to=header.get("to", ""),
        text=of_lines(rest, text.cut, text.breaks_off),
    )
