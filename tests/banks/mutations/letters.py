"""A mail taken apart: its header fields, and the texts of its bodies, ready to be changed and put together again."""

import copy
import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes
from email.header import Header, decode_header, make_header
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from afpd.parse.charset import decode

ZONES = {
    "cr": "America/Costa_Rica",
    "do": "America/Santo_Domingo",
    "cl": "America/Santiago",
    "mx": "America/Mexico_City",
}
ZONES |= {"co": "America/Bogota", "pe": "America/Lima", "ar": "America/Argentina/Buenos_Aires", "sg": "Asia/Singapore"}
ZONES |= {"in": "Asia/Kolkata", "us": "America/New_York", "jp": "Asia/Tokyo"}
OF_BANKS = {"us-becu": "America/Los_Angeles", "us-bofa": "America/New_York"}


@dataclass(frozen=True)
class Leaf:
    """One text of a mail, and the place of its part in the order of the walk."""

    place: int
    is_html: bool
    text: str
    charset: str

    @property
    def is_blank(self) -> bool:
        return not re.search(r"\w", re.sub(r"(?s)<(style|script|head).*?</\1>|<[^>]*>|&\w+;", "", self.text))


@dataclass(frozen=True)
class Letter:
    """A mail of the folder with its record; `received` is its Date header, in the bank's zone."""

    path: Path
    message: Message
    subject: str
    received: datetime
    leaves: tuple[Leaf, ...]
    record: dict[str, Any] = field(repr=False)

    @property
    def bank(self) -> str:
        return self.path.parent.name

    @property
    def name(self) -> str:
        return f"{self.bank}/{self.path.stem}"

    @property
    def is_forged(self) -> bool:
        return any(word in self.path.stem for word in ("spoof", "lookalike"))

    @property
    def is_forwarded(self) -> bool:
        return "forwarded" in self.path.stem

    def with_leaves(self, change: Any) -> "Letter":
        """Return the letter with another text in each leaf: `change` takes a leaf and returns its text."""
        return replace(self, leaves=tuple(replace(leaf, text=change(leaf)) for leaf in self.leaves))

    def in_place(self) -> bytes:
        """Return the mail in its own structure, with its own charsets as far as they can write the texts."""
        message = self.headed(copy.deepcopy(self.message))
        parts = list(message.walk())
        for leaf in self.leaves:
            part = parts[leaf.place]
            encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
            filled(part, leaf.text, leaf.charset, "base64" if encoding == "base64" else "quoted-printable")
        return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def headed(self, message: Message) -> Message:
        """Put subject and date of the letter into a message's header."""
        if str(make_header(decode_header(str(message.get("Subject", ""))))).strip() != self.subject.strip():
            del message["Subject"]
            message["Subject"] = Header(self.subject, "utf-8").encode()
        if parsedate_to_datetime(str(message["Date"])) != self.received:
            message.replace_header("Date", format_datetime(self.received))
        return message

    def bare_head(self) -> Message:
        """Return a message with the letter's header fields and no content."""
        message = Message()
        for name, value in self.message.items():
            if not name.lower().startswith(("content-", "mime-version")):
                message[name] = value
        return self.headed(message)


def filled(part: Message, text: str, charset: str, encoding: str) -> None:
    """Give a part a text; one that its charset cannot write becomes UTF-8."""
    try:
        payload = text.encode(charset)
    except (UnicodeEncodeError, LookupError):
        charset, payload = "utf-8", text.encode("utf-8", "replace")
    del part["Content-Transfer-Encoding"]
    part.set_param("charset", charset)
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(written(payload, encoding))


def written(payload: bytes, encoding: str) -> str:
    """Return a payload as it stands in a mail of this transfer encoding."""
    import base64
    import quopri

    if encoding == "base64":
        return base64.encodebytes(payload).decode("ascii")
    if encoding == "quoted-printable":
        return quopri.encodestring(payload.replace(b"\r\n", b"\n")).decode("ascii")
    return payload.decode("ascii", "surrogateescape")


@cache
def opened(path: Path) -> Letter:
    """Return the mail at `path` with the record beside it."""
    message = message_from_bytes(path.read_bytes())
    zone = ZoneInfo(OF_BANKS.get(path.parent.name, ZONES[path.parent.name[:2]]))
    return Letter(
        path=path,
        message=message,
        subject=str(make_header(decode_header(str(message.get("Subject", ""))))),
        received=parsedate_to_datetime(str(message["Date"])).astimezone(zone),
        leaves=tuple(_leaves(message)),
        record=json.loads(path.with_suffix(".json").read_text("utf-8")),
    )


def _leaves(message: Message) -> Any:
    for place, part in enumerate(message.walk()):
        if part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment":
            charset = part.get_content_charset() or "utf-8"
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            yield Leaf(place, part.get_content_subtype() == "html", decode(payload, charset), charset)
