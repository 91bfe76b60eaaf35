"""Bytes to text when charsets lie: strict UTF-8 first, then what was declared, then Windows-1252.

Text that is UTF-8 read as a single-byte charset (`Ã±`) is repaired where that round-trips.
"""

import binascii
import codecs

import re2

_MOJIBAKE = re2.compile(r"[\x{c2}-\x{f4}][\x{80}-\x{bf}\x{152}-\x{178}\x{192}-\x{2dc}\x{2013}-\x{2122}]")
_SINGLE_BYTE = {"iso8859-1": "cp1252", "ascii": "cp1252"}  # as browsers do (WHATWG Encoding Standard, 4.2)
_ENCODED_WORD = re2.compile(r"=\?([\w-]+)(?:\*[\w-]*)?\?([bBqQ])\?([^? ]*)\?=")


def decode(payload: bytes, declared: str) -> str:
    """Return the bytes as text; what no charset explains becomes U+FFFD. Never raises."""
    name = _codec(declared)
    if name.startswith("iso2022") and b"\x1b" in payload:
        return payload.decode(name, "replace")
    try:
        return repaired(payload.decode("utf-8-sig"))
    except UnicodeDecodeError:
        pass
    if name not in ("", "utf-8"):
        try:
            return repaired(payload.decode(name))
        except (UnicodeError, ValueError):
            pass
    if _mostly_utf8(payload):
        return payload.decode("utf-8", "replace")
    return repaired(payload.decode("cp1252", "replace"))


def repaired(text: str) -> str:
    """Return the text with `Ã±` and its like undone, line by line, where the line survives the round trip."""
    if text.isascii() or not _MOJIBAKE.search(text):
        return text
    whole = _undone(text)
    if whole is not None:
        return whole
    return "\n".join(_undone(line) or line for line in text.split("\n"))


def _undone(text: str) -> str | None:
    for name in ("cp1252", "latin-1"):
        try:
            return text.encode(name).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
    return None


def _mostly_utf8(payload: bytes) -> bool:
    """A UTF-8 text that was cut off or has one bad byte is still UTF-8."""
    text = payload.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for char in text if ord(char) > 0x7F) - bad
    return good > 4 * bad


def _codec(declared: str) -> str:
    try:
        name = codecs.lookup(declared.strip().strip("'\"") or "utf-8").name
    except (LookupError, ValueError):
        return ""
    if name not in _TEXT_CODECS and not name.startswith(
        ("iso", "cp", "utf", "koi", "shift", "euc", "big5", "gb", "mac")
    ):
        return ""
    return _SINGLE_BYTE.get(name, name)


_TEXT_CODECS = frozenset({"ascii", "hz", "johab"})


def decoded_words(value: str) -> str:
    """Return a header value with its encoded words (RFC 2047) decoded; broken ones stay as they are."""
    if "=?" not in value:
        return value
    pieces: list[str] = []
    pending: tuple[str, bytes] = ("", b"")
    at = 0
    for hit in _ENCODED_WORD.finditer(value[:16384]):
        between = value[at : hit.start()]
        charset, payload = hit.group(1).lower(), _word(hit.group(2), hit.group(3))
        at = hit.end()
        if pending[1] and not between.strip() and pending[0] == charset:
            pending = (charset, pending[1] + payload)
            continue
        pieces.append(decode(pending[1], pending[0]))
        if between.strip() or not pending[1]:
            pieces.append(between)
        pending = (charset, payload)
    return "".join([*pieces, decode(pending[1], pending[0]), value[at:]])


def _word(kind: str, text: str) -> bytes:
    if kind in "qQ":
        return binascii.a2b_qp(text.encode("ascii", "replace"), header=True)
    try:
        compact = text.rstrip("=").encode("ascii", "replace")
        return binascii.a2b_base64(compact + b"==")
    except binascii.Error:
        return text.encode("ascii", "replace")
