"""Mails that a person passed on: the bank stands in the quoted header, the mail below it.

Known are Gmail's dashes, Outlook's underscores and the bare blocks of Apple's and Mac Outlook, in English and Spanish.
The innermost block counts: it is the bank's own mail.
"""

from dataclasses import dataclass

import re2

from afpd.parse.message import addresses
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
_LINE = re2.compile(r"^[>\s*]*(" + "|".join(sorted(_KEYS, key=len, reverse=True)) + r")\s?\*?:\*?\s*(.*)$")
_MAX_HEADER_LINES = 10


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A quoted mail: its sender's address in lower case, its subject, its date as written, and its text."""

    sender: str
    subject: str
    date: str
    to: str
    text: Text


def unwrapped(text: Text) -> Forwarded | None:
    """Return the innermost mail that is quoted with its header in a text, or None."""
    lines, folded = text.body.split("\n"), text.folded_body.split("\n")
    starts = [at for at, line in enumerate(folded) if (hit := _LINE.search(line)) and _KEYS[hit.group(1)] == "from"]
    for start in reversed(starts[-20:]):
        found = _block(lines, folded, start, text)
        if found is not None:
            return found
    return None


def _block(lines: list[str], folded: list[str], start: int, text: Text) -> Forwarded | None:
    header: dict[str, str] = {}
    end = start
    for at in range(start, min(start + _MAX_HEADER_LINES, len(lines))):
        hit = _LINE.search(folded[at])
        key = _KEYS[hit.group(1)] if hit else ""
        if hit is None or key in header:
            break
        begin, finish = hit.span(2)
        header[key] = lines[at][begin:finish].strip(" *\t")
        end = at + 1
    senders = [address for _, address in addresses(header.get("from", "").replace("\t", " ")) if "@" in address]
    if len(header) < 3 or "subject" not in header or len(senders) != 1:
        return None
    rest = [line.lstrip("> ") if line.startswith(">") else line for line in lines[end:]]
    sender = senders[0].strip("[]").removeprefix("mailto:")
    body = of_lines(rest, text.cut, text.breaks_off)
    return Forwarded(sender, header["subject"], header.get("date", ""), header.get("to", ""), body)
