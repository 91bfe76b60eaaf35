"""One spelling for matching: texts cleaned of invisible characters, and a folded twin of equal length.

Patterns and labels are matched on the folded twin (lower case, no accents, ASCII digits), values are cut from the
cleaned original at the same offsets. Both look first which strange characters a text holds at all: of a bank's mail
they are few, and replacing each is many times cheaper than looking every character up.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from afpd.parse.search import Encoded, Pattern

_BLANKS = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\x0b\x0c\x1c\x1d\x1e\x1f"
)
_INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\ufeff" + "".join(
    chr(code) for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))
)
_CLEANING: dict[int, str | None] = {ord(char): " " for char in _BLANKS} | {ord(char): None for char in _INVISIBLE}
_CLEANING |= dict.fromkeys((*range(9), *range(14, 28), 127))
_CLEANING |= {0x0085: "\n", 0x2028: "\n", 0x2029: "\n"}
_SPECIAL = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u3000": " "}
_ASCII = bytes(range(128))
_ORDINARY = bytes(range(32, 127)) + b"\t\n"
_FEW = 48
_SHORT = 200
_MOST_LEARNT = 1 << 16
_MOST_LOOKED_AT = 1_000
# Sorting the marks of one letter takes the square of their number; UAX #15 (13, Stream-Safe Text) allows 30.
_PILE_OF_MARKS = Pattern(r"\pM{31}")


class _Folding(dict[int, str]):
    """A translation table that learns the characters it meets; always one character for one."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = (_SPECIAL.get(char) or unicodedata.normalize("NFKD", char)[0].lower())[:1] or char
        folded = _SPECIAL.get(folded, folded)
        if len(self) < _MOST_LEARNT:
            self[code] = folded
        return folded


class _Composing(dict[str, bool]):
    """Which characters may change when a text is brought into NFC (UAX #15): marks, jamo and what is no NFC itself."""

    def __missing__(self, char: str) -> bool:
        composing = (
            "\u1100" <= char <= "\u11ff"
            or unicodedata.category(char)[0] == "M"
            or not unicodedata.is_normalized("NFC", char)
        )
        if len(self) < _MOST_LEARNT:
            self[char] = composing
        return composing


_FOLDING = _Folding()
_COMPOSING = _Composing()


def clean(text: str) -> str:
    """Return the text in NFC with odd blanks as plain ones and without zero-width and control characters.

    Line breaks and tabs stay, as line feeds and tabs; the ideographic space stays (Japanese names carry it).
    """
    strange = _apart_from(_ORDINARY, text)
    if not strange:
        return text
    composing = len(strange) > _MOST_LOOKED_AT or any(map(_COMPOSING.__getitem__, strange))
    if composing and not _PILE_OF_MARKS.is_in(text.encode("utf-8", "replace")):
        text = unicodedata.normalize("NFC", text)
        strange = _apart_from(_ORDINARY, text)
    if "\r" in strange:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _replaced(text, strange, _CLEANING)


def fold(text: str) -> str:
    """Return the text in lower case without accents, full-width forms narrowed, character for character."""
    if text.isascii():
        return text.lower()
    return text.translate(_FOLDING) if len(text) < _SHORT else folded(text).text


def folded(text: str) -> Encoded:
    """Return the folded twin of a long text, ready to be searched."""
    if text.isascii():
        lower = text.lower()
        return Encoded(lower, lower.encode())
    data = text.encode("utf-8", "replace").lower()  # of bytes, only ASCII letters become lower
    strange = [char for char in set(data.translate(None, _ASCII).decode()) if _FOLDING[ord(char)] != char]
    if len(strange) > _FEW:
        return Encoded(text.translate(_FOLDING))
    for char in strange:
        data = data.replace(char.encode(), _FOLDING[ord(char)].encode())
    return Encoded(data.decode(), data)


def joined_words(lines: Encoded, length: int) -> Encoded | None:
    """Return the folded twin of a text's words in one line, made of the twin of its lines.

    None where that is not of the given length: some letter, such as a lone accent, is folded to a blank.
    """
    words = Encoded.of_bytes(b" ".join(lines.data.split()))
    return words if len(words) == length else None


def fold_word(text: str) -> str:
    """Return a short value folded and with its runs of blanks collapsed, for comparing words."""
    return _fold_word(text) if len(text) <= _SHORT else " ".join(fold(text).split())


@lru_cache(maxsize=4096)
def _fold_word(text: str) -> str:
    return " ".join(fold(text).split())


def collapse(text: str) -> str:
    """Return the text with every run of blanks, tabs and breaks as one blank; the ideographic space stays."""
    if "\u3000" not in text:
        return " ".join(text.split())
    return " ".join(word for word in text.replace("\t", " ").replace("\n", " ").split(" ") if word)


def _apart_from(ordinary: bytes, text: str) -> set[str]:
    """Return the characters of a text that are not among these ASCII ones."""
    return set(text.encode("utf-8", "surrogatepass").translate(None, ordinary).decode("utf-8", "surrogatepass"))


def _replaced(text: str, chars: Iterable[str], table: Mapping[int, str | None]) -> str:
    """Return the text translated by a table, of which only these characters can matter."""
    odd = [char for char in chars if ord(char) in table]
    if len(odd) > _FEW:
        return text.translate(table)
    for char in odd:
        text = text.replace(char, table[ord(char)] or "")
    return text
