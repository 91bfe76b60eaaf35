"""MIME without surprises (RFC 2045, 2046, 2047): headers and leaf parts of any bytes, in bounded work.

Broken structure never raises: what is no valid multipart is one leaf, what is no valid encoding is kept as it stands.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from afpd.parse.charset import decode

MAX_TEXT = 1 << 20
MAX_DEPTH = 12
MAX_PARTS = 100
_MAX_HEADERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a message: where its payload stands in the bytes, and what its headers say of it."""

    content_type: str
    charset: str
    encoding: str
    attached: bool
    name: str
    start: int
    end: int

    @property
    def is_text(self) -> bool:
        """Return whether this leaf is text or HTML, by its type or, for an untyped attachment, by its name."""
        if self.content_type == "application/octet-stream":
            return self.name.lower().endswith((".txt", ".htm", ".html"))
        return self.content_type.startswith("text/")

    @property
    def is_html(self) -> bool:
        """Return whether this leaf is HTML by type or name."""
        return self.content_type in ("text/html", "application/xhtml+xml") or self.name.lower().endswith(
            (".htm", ".html")
        )

    def text(self, raw: bytes) -> str:
        """Return the payload as text, at most `MAX_TEXT` bytes of it."""
        payload = raw[self.start : min(self.end, self.start + 2 * MAX_TEXT)]
        return decode(_transfer_decoded(payload, self.encoding)[:MAX_TEXT], self.charset)


def split_head(raw: bytes, start: int, end: int) -> tuple[list[tuple[str, str]], int]:
    """Return the header fields (lower-cased name, unfolded value, in order) and the offset where the body begins."""
    stop, body = _end_of_head(raw, start, end)
    fields: list[tuple[str, str]] = []
    for line in raw[start : min(stop, start + _MAX_HEADERS)].splitlines():
        text = line.decode("utf-8", "surrogateescape") if line.isascii() else decode(line, "")
        if text[:1] in (" ", "\t") and fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {text.strip()}")
            continue
        name, colon, value = text.partition(":")
        if colon and name and " " not in name.strip():
            fields.append((name.strip().lower(), value.strip()))
    return fields, body


def leaves(raw: bytes) -> list[Part]:
    """Return the leaf parts of a message in their order; nested messages are opened too."""
    return list(_walk(raw, 0, len(raw), 0, [MAX_PARTS]))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """Return a structured header value's lower-cased head and its parameters, quotes taken away."""
    pieces = _semicolons(value)
    found: dict[str, str] = {}
    for piece in pieces[1:]:
        name, _, text = piece.partition("=")
        key = name.strip().lower().partition("*")[0]
        text = text.strip()
        if text[:1] == '"':
            text = text[1:].partition('"')[0] if "\\" not in text else text.strip('"').replace("\\", "")
        found[key] = found.get(key, "") + text
    return pieces[0].strip().lower(), found


def _walk(raw: bytes, start: int, end: int, depth: int, left: list[int]) -> Iterator[Part]:
    left[0] -= 1
    if left[0] < 0:
        return
    fields, body = split_head(raw, start, end)
    headers = dict(reversed(fields))
    kind, given = parameters(headers.get("content-type", "text/plain"))
    if kind == "message/rfc822" and depth < MAX_DEPTH:
        yield from _walk(raw, body, end, depth + 1, left)
        return
    boundary = given.get("boundary", "")
    if kind.startswith("multipart/") and boundary and depth < MAX_DEPTH:
        for first, last in _sections(raw, body, end, boundary.encode("utf-8", "surrogateescape")):
            yield from _walk(raw, first, last, depth + 1, left)
        return
    disposition, about = parameters(headers.get("content-disposition", ""))
    yield Part(
        content_type=kind if "/" in kind else "text/plain",
        charset=given.get("charset", ""),
        encoding=headers.get("content-transfer-encoding", "").partition(";")[0].strip().lower(),
        attached=disposition == "attachment",
        name=about.get("filename", "") or given.get("name", ""),
        start=body,
        end=end,
    )


def _sections(raw: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    mark = b"--" + boundary
    begin: int | None = None
    at = start
    for _ in range(MAX_PARTS * 4):
        hit = raw.find(mark, at, end)
        if hit < 0:
            break
        at = hit + len(mark)
        if hit > start and raw[hit - 1 : hit] not in (b"\n", b"\r"):
            continue
        rest_of_line = raw[at : at + 80].split(b"\n", 1)[0].strip()
        if rest_of_line not in (b"", b"--"):
            continue
        if begin is not None:
            yield begin, _without_break(raw, begin, hit)
        if rest_of_line == b"--":
            return
        line_end = raw.find(b"\n", at, end)
        begin = end if line_end < 0 else line_end + 1
    if begin is not None and begin < end:
        yield begin, end


def _without_break(raw: bytes, begin: int, hit: int) -> int:
    """The break before a boundary belongs to the boundary (RFC 2046, 5.1.1)."""
    if hit > begin and raw[hit - 1 : hit] == b"\n":
        hit -= 1
    if hit > begin and raw[hit - 1 : hit] == b"\r":
        hit -= 1
    return hit


def _end_of_head(raw: bytes, start: int, end: int) -> tuple[int, int]:
    if raw[start : start + 1] == b"\n":
        return start, start + 1
    if raw[start : start + 2] == b"\r\n":
        return start, start + 2
    found = [(at, at + len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := raw.find(mark, start, end)) >= 0]
    return min(found) if found else (end, end)


def _transfer_decoded(payload: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(payload)
    if encoding == "base64":
        return _base64(payload)
    return payload


def _base64(payload: bytes) -> bytes:
    """Decode what can be decoded: a damaged tail costs the tail, not the part."""
    compact = payload.translate(None, b" \t\r\n").partition(b"=")[0]
    try:
        return binascii.a2b_base64(compact[: len(compact) - (len(compact) % 4 == 1)] + b"==")
    except binascii.Error:
        return payload


def _semicolons(value: str) -> list[str]:
    """Split at semicolons that stand outside quotes."""
    if '"' not in value:
        return value.split(";")
    pieces, current, quoted, escaped = [], "", False, False
    for char in value[:8192]:
        if char == ";" and not quoted:
            pieces.append(current)
            current = ""
            continue
        quoted ^= char == '"' and not escaped
        escaped = char == "\\" and not escaped
        current += char
    return [*pieces, current]
