"""One spelling for matching: texts cleaned of invisible characters, and a folded twin of equal length.

Patterns and labels are matched on the folded twin (lower case, no accents, ASCII digits), values are cut from the
cleaned original at the same offsets.
"""

import unicodedata
from functools import lru_cache

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


class _Folding(dict[int, str]):
    """A translation table that learns each character once; always one character for one."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = _SPECIAL.get(char) or unicodedata.normalize("NFKD", char)[0].lower()
        self[code] = folded[0] if len(folded) >= 1 and len(folded[0]) == 1 else char
        return self[code]


_FOLDING = _Folding()


def clean(text: str) -> str:
    """Return the text in NFC with odd blanks as plain ones and without zero-width and control characters.

    Line breaks and tabs stay, as line feeds and tabs; the ideographic space stays (Japanese names carry it).
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEANING)


def fold(text: str) -> str:
    """Return the text in lower case without accents, full-width forms narrowed, character for character."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


@lru_cache(maxsize=4096)
def fold_word(text: str) -> str:
    """Return a short value folded and with its runs of blanks collapsed, for comparing words."""
    return " ".join(fold(text).split())


def collapse(text: str) -> str:
    """Return the text with every run of blanks, tabs and breaks as one blank; the ideographic space stays."""
    if "\u3000" not in text:
        return " ".join(text.split())
    return " ".join(word for word in text.replace("\t", " ").replace("\n", " ").split(" ") if word)
