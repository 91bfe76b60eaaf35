"""Bytes to text when charsets lie: strict UTF-8 first, then what was declared, then Windows-1252.

Text that is UTF-8 read as a single-byte charset (`Ã±`) is repaired where that round-trips.
"""

import binascii
import codecs
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from afpd.parse.search import Pattern

# U+00C2 to U+00F4 before what Windows-1252 or Latin-1 makes of 0x80 to 0xBF, all of it in UTF-8. As bytes, so that the
# matcher may leap from one 0xC3 to the next.
_MOJIBAKE = Pattern(r"\xC3[\x82-\xB4](?:\xC2|\xC5[\x92-\xB8]|[\xC6-\xCB]|\xE2[\x80-\x84])", of_bytes=True)
_SINGLE_BYTE = {"iso8859-1": "cp1252", "ascii": "cp1252"}  # as browsers do (WHATWG Encoding Standard, 4.2)
_ESCAPES = {"iso2022": b"\x1b", "utf-7": b"+", "hz": b"~{"}  # written in ASCII, and yet another charset
_KINDS = ("q", "Q", "b", "B")
_MOST_LINES = 2_000
_LONGEST_LINE = 128 * 1024
_LONGEST_HEADER = 16_384
_MOST_WORDS = 200
# As Python's cp1252, and U+FFFD for the five bytes that it leaves open: decoding them one by one is very slow.
_CP1252 = bytes(range(256)).decode("cp1252", "replace")
_BYTES_OF_CONTROLS = bytes(range(0x80, 0xA0))


def decode(payload: bytes, declared: str) -> str:
    """Return the bytes as text; what no charset explains becomes U+FFFD. Never raises."""
    name = _codec(declared[:40])
    escape = _ESCAPES.get(name[:7])
    if escape and escape in payload:
        return payload.decode(name, "replace")
    if payload.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return payload.decode("utf-16", "replace")
    if payload.isascii():
        return payload.decode("ascii")
    try:
        return repaired(payload.removeprefix(codecs.BOM_UTF8).decode(), payload)
    except UnicodeDecodeError:
        pass
    if name not in ("", "utf-8"):
        try:
            return repaired(payload.decode(name))
        except (UnicodeError, ValueError):
            pass
    if _mostly_utf8(payload):
        return payload.decode("utf-8", "replace")
    return repaired(codecs.charmap_decode(payload, "strict", _CP1252)[0])


def repaired(text: str, encoded: bytes | None = None) -> str:
    """Return the text with `Ã±` and its like undone, line by line, where the line survives the round trip.

    `encoded` is the text in UTF-8, if it is at hand.
    """
    if text.isascii() or not _MOJIBAKE.is_in(text.encode("utf-8", "replace") if encoded is None else encoded):
        return text
    whole = _undone(text)
    if whole is not None:
        return whole
    *lines, rest = text.split("\n", _MOST_LINES)
    last = rest if "\n" in rest else _undone(rest) or rest
    return "\n".join([*(line if line.isascii() else _undone(line) or line for line in lines), last])


def _undone(text: str) -> str | None:
    try:
        data = text.encode("latin-1")
        if len(data.translate(None, _BYTES_OF_CONTROLS)) == len(data):  # then it is the same in Windows-1252
            return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    except UnicodeEncodeError:
        pass
    if len(text) > _LONGEST_LINE:  # an encoding without tables takes a tenth of the time of one with them
        return None
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
    good = len(text) - len(text.encode("ascii", "ignore")) - bad
    return good > 4 * bad


@lru_cache(maxsize=256)
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
    charset, payload = "", b""
    at = 0
    for start, end, word_charset, word in islice(_words(value[:_LONGEST_HEADER]), _MOST_WORDS):
        between, at = value[at:start], end
        if payload and charset == word_charset and not between.strip():
            payload += word
            continue
        pieces.append(decode(payload, charset))
        if between.strip() or not payload:
            pieces.append(between)
        charset, payload = word_charset, word
    return "".join([*pieces, decode(payload, charset), value[at:]])


def _words(value: str) -> Iterator[tuple[int, int, str, bytes]]:
    """Yield where each encoded word begins and ends, its charset and its bytes."""
    start = value.find("=?")
    while start >= 0:
        kind = value.find("?", start + 2)
        text = value.find("?", kind + 1) if kind >= 0 else -1
        end = value.find("?", text + 1) if text >= 0 else -1
        if end < 0:
            return
        charset = value[start + 2 : kind].partition("*")[0]
        whole = value[end + 1 : end + 2] == "=" and value[kind + 1 : text] in _KINDS and charset and charset.isascii()
        if whole and f"_{charset}".replace("-", "_").isidentifier():
            yield start, end + 2, charset.lower(), _word(value[kind + 1], value[text + 1 : end])
            start = value.find("=?", end + 2)
        else:
            start = value.find("=?", start + 1)


def _word(kind: str, text: str) -> bytes:
    if kind in "qQ":
        return binascii.a2b_qp(text.encode("ascii", "replace"), header=True)
    try:
        compact = text.rstrip("=").encode("ascii", "replace")
        return binascii.a2b_base64(compact + b"==")
    except binascii.Error:
        return text.encode("ascii", "replace")
