"""Batch requests: many GETs in one POST, each with a status of its own; the outer 200 says nothing about them.

Source: Gmail API guide, "Batching Requests": at most 100 calls, 50 advised; multipart/mixed of application/http; the
answer to the part `<n>` has the Content-ID `<response-n>`; a part's own headers count before those of the whole.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException, parse_headers
from io import BytesIO

from multidict import CIMultiDict

from afpd.gmail.transport import Answer

MOST_PARTS = 50
_ANSWERED = re.compile(r"<response-([0-9]{1,4})>")
_STATUS = re.compile(rb"HTTP/1\.\d (\d{3})[^\r\n]*\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One GET: the path with its query, and the access token it is asked with."""

    target: str
    token: str = field(repr=False)


def envelope(parts: Sequence[Part]) -> tuple[bytes, str]:
    """Return the body of a batch, and its Content-Type."""
    boundary = f"afpd-{secrets.token_hex(12)}"
    pieces = [
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\n"
        f"GET {part.target} HTTP/1.1\r\nAuthorization: Bearer {part.token}\r\n\r\n\r\n"
        for number, part in enumerate(parts)
    ]
    return f"{''.join(pieces)}--{boundary}--\r\n".encode("ascii"), f"multipart/mixed; boundary={boundary}"


def opened(answer: Answer, parts: Sequence[Part]) -> list[Answer | None]:
    """Return the answer to each part, None for one that got none: the whole may have been cut off."""
    found: dict[int, Answer] = {}
    doubled: set[int] = set()
    for piece in _pieces(answer):
        number, own = _read(piece, answer)
        if number is not None and own is not None and number < len(parts):
            doubled |= {number} & found.keys()
            found[number] = own
    for number in doubled:  # nobody can tell which of them is meant
        del found[number]
    return [found.get(number) for number in range(len(parts))]


def _pieces(answer: Answer) -> list[bytes]:
    envelope_head = Message()
    envelope_head["Content-Type"] = answer.headers.get("Content-Type", "")
    boundary = envelope_head.get_boundary()
    if not boundary:
        return []
    # What stands before the first mark is no part; what stands behind the last complete one may be cut off.
    return (b"\r\n" + answer.body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))[1:-1]


def _read(piece: bytes, whole: Answer) -> tuple[int | None, Answer | None]:
    """Return the number of the part that a piece answers, and what it says; None for what cannot be told."""
    stream = BytesIO(piece.lstrip(b"\r\n"))
    try:
        number = _ANSWERED.search(parse_headers(stream).get("Content-ID", ""))
        status = _STATUS.fullmatch(stream.readline())
        headers = parse_headers(stream)
    except HTTPException:
        return None, None
    if number is None or status is None:
        return None, None
    named = CIMultiDict({"Date": whole.headers.get("Date", ""), **dict(headers.items())})
    return int(number[1]), Answer(int(status[1]), named, stream.read(), whole.secrets)
