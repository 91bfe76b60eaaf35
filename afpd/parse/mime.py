"""MIME without surprises (RFC 2045, 2046, 2047): headers and leaf parts of any bytes, in bounded work.

Broken structure never raises: what is no valid multipart is one leaf, what is no valid encoding is kept as it stands.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from afpd.parse.charset import decode

MAX_TEXT = 1 << 20
MAX_DEPTH = 12
MAX_PARTS = 100
WHOLE_MESSAGES = ("message/rfc822", "message/global")
_MAX_HEADERS = 64 * 1024
_MOST_PARAMETERS = 50
_MOST_CHUNKS = 1_000
_LEAST_BASE64 = 8
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_FOLD = b"\x00"  # stands for the break and the blank of a folded line


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
        return self.content_type.startswith("text/") or self.content_type == "application/xhtml+xml"

    @property
    def is_html(self) -> bool:
        """Return whether this leaf is HTML by type or name."""
        return self.content_type in ("text/html", "application/xhtml+xml") or self.name.lower().endswith(
            (".htm", ".html")
        )

    @property
    def is_message(self) -> bool:
        """Return whether this leaf is a whole mail, attached as such."""
        return self.content_type in WHOLE_MESSAGES or (
            self.content_type == "application/octet-stream" and self.name.lower().endswith(".eml")
        )

    def text(self, raw: bytes) -> str:
        """Return the payload as text, at most `MAX_TEXT` bytes of it."""
        return decode(self.payload(raw), self.charset)

    def payload(self, raw: bytes) -> bytes:
        """Return at most `MAX_TEXT` bytes of the payload, its transfer encoding undone."""
        payload = raw[self.start : min(self.end, self.start + 2 * MAX_TEXT)]
        return _transfer_decoded(payload, self.encoding)[:MAX_TEXT]


@dataclass(frozen=True, slots=True)
class Head:
    """The header fields of a message or part, decoded when they are asked for, and where the body begins."""

    fields: dict[bytes, list[bytes]]
    body: int

    def first(self, name: bytes) -> str | None:
        """Return the unfolded value of the topmost field of this name (in lower case), or None."""
        return next(self.each(name), None)

    def each(self, name: bytes) -> Iterator[str]:
        """Yield the unfolded values of the fields of this name, from the top."""
        for value in self.fields.get(name, ()):
            yield _unfolded(value.split(_FOLD)) if _FOLD in value else _decoded(value)


def read_head(raw: bytes, start: int, end: int) -> Head:
    """Return the header fields between two offsets (RFC 5322, 2.2); what is no field is passed over."""
    stop, body = _end_of_head(raw, start, end)
    fields: dict[bytes, list[bytes]] = {}
    lines = raw[start : min(stop, start + _MAX_HEADERS)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for line in lines.replace(b"\n\t", _FOLD).replace(b"\n ", _FOLD).split(b"\n"):
        name, colon, value = line.partition(b":")
        key = name.strip().lower()
        if colon and name and b" " not in key:
            fields.setdefault(key, []).append(value)
    return Head(fields, body)


def _unfolded(lines: list[bytes]) -> str:
    """Join the lines of a field; where it was folded within an encoded word (RFC 2047, 2) no blank belongs."""
    pieces: list[str] = []
    for line in lines:
        text = _decoded(line)
        word = text.rfind("=?")
        pieces += text, "" if word >= 0 and text.count("?", word + 2) < 3 else " "
    return "".join(pieces[:-1])


def _decoded(line: bytes) -> str:
    return (line.decode("ascii") if line.isascii() else decode(line, "")).strip()


def leaves(raw: bytes, head: Head | None = None) -> list[Part]:
    """Return the leaf parts of a message in their order; a mail that is attached whole is one leaf."""
    return list(_walk(raw, head or read_head(raw, 0, len(raw)), len(raw), 0, [MAX_PARTS]))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """Return a structured header value's lower-cased head and its parameters, quotes taken away."""
    pieces = _semicolons(value)
    found: dict[str, str] = {}
    for piece in pieces[1:]:
        name, _, text = piece.partition("=")
        key, star, section = name.strip().lower().partition("*")
        text = text.strip()
        if text[:1] == '"':
            text = text[1:].partition('"')[0] if "\\" not in text else text.strip('"').replace("\\", "")
        if star and (not section or section.endswith("*")):
            text = _percent_decoded(text)
        found[key] = found.get(key, "") + text
    return pieces[0].strip().lower(), found


def _percent_decoded(text: str) -> str:
    """Return an extended parameter (RFC 2231, 4), its charset and language in front left out."""
    bare = text.rpartition("'")[2]
    return decode(unquote_to_bytes(bare), "") if "%" in bare else bare


def _walk(raw: bytes, head: Head, end: int, depth: int, left: list[int]) -> Iterator[Part]:
    left[0] -= 1
    if left[0] < 0:
        return
    kind, given = parameters(head.first(b"content-type") or "text/plain")
    if kind.startswith("multipart/") and depth < MAX_DEPTH:
        boundary = given.get("boundary", "")
        sections = list(_sections(raw, head.body, end, boundary.encode("utf-8", "replace")))
        for first, last in sections or _sections(raw, head.body, end, _first_boundary(raw, head.body, end)):
            yield from _walk(raw, read_head(raw, first, last), last, depth + 1, left)
        return
    disposition, about = parameters(head.first(b"content-disposition") or "")
    yield Part(
        content_type=kind if "/" in kind else "text/plain",
        charset=given.get("charset", ""),
        encoding=_encoding(head.first(b"content-transfer-encoding") or ""),
        attached=disposition == "attachment",
        name=about.get("filename", "") or given.get("name", ""),
        start=head.body,
        end=end,
    )


def _first_boundary(raw: bytes, start: int, end: int) -> bytes:
    """Return what stands as a boundary in a multipart whose header names none, or another one; else nothing."""
    text = b"\n" + raw[start : min(end, start + _MAX_HEADERS)]
    at = text.find(b"\n--")
    return text[at + 3 : at + 80].split(b"\n", 1)[0].strip() if at >= 0 else b""


def _encoding(value: str) -> str:
    """Return the name of a transfer encoding; comments, quotes and parameters around it are of no meaning."""
    words = value.replace('"', " ").replace("(", " ").replace(";", " ").split(None, 1)
    return words[0].lower() if words else ""


def _sections(raw: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    if not boundary:
        return
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
    crlf = raw.find(b"\r\n\r\n", start, end)
    lf = raw.find(b"\n\n", start, crlf if crlf >= 0 else end)
    if lf >= 0:
        return lf, lf + 2
    return (crlf, crlf + 4) if crlf >= 0 else (end, end)


def _transfer_decoded(payload: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(payload)
    if encoding == "base64":
        return _base64(payload)
    return payload


def _base64(payload: bytes) -> bytes:
    """Decode what can be decoded: a damaged tail costs the tail, not the part. Padding may stand between chunks.

    A payload that is no base64 from its beginning is taken as it stands.
    """
    compact = payload.translate(None, b" \t\r\n")
    strange = compact.translate(None, _BASE64)
    if strange:
        end = compact.find(strange[:1])
        if end < _LEAST_BASE64:
            return payload
        compact = compact[:end]
    chunks = (chunk for chunk in compact.split(b"=", _MOST_CHUNKS)[:_MOST_CHUNKS] if chunk)
    return b"".join(binascii.a2b_base64(chunk[: len(chunk) - (len(chunk) % 4 == 1)] + b"==") for chunk in chunks)


def _semicolons(value: str) -> list[str]:
    """Split at semicolons that stand outside quotes."""
    if "\\" not in value and not any(";" in quoted for quoted in value.split('"')[1::2]):
        return value.split(";", _MOST_PARAMETERS)
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
