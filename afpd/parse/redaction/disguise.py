"""What stands in for words and numbers: invented, always the same for the same, of the same length and shape.

Words that belong to layouts stay, and so do times, days and months; years go 28 ahead, where every date has the same
day of the week. The leading digit of a number stays other than nought, and numbers with one end keep having one.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from afpd.parse.dates import month_words
from afpd.parse.fold import fold
from afpd.parse.search import Encoded, Found, Pattern

YEARS = 28
_MONTH = "|".join(sorted(month_words(), key=lambda word: (-len(word), word)))
_PIECES = Pattern(
    r"(?P<address>[\pL\pN._%+=-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+)"
    r"|(?P<link>(?:https?://|www\.)[^\s<>\"']+)"
    r"|(?P<time>\b\d{1,2}:\d{1,2}(?::\d{2})?\b)"
    r"|(?P<date>\b\d{1,2} ?[/.-] ?\d{1,2} ?[/.-] ?(?:20\d{2}|\d{2})\b|\b20\d{2}[/-]\d{1,2}[/-]\d{1,2}\b)"
    rf"|(?P<day>(?i:\b\d{{1,2}}(?:[ /-]| de )(?:{_MONTH})\b|\b(?:{_MONTH})\.? ?\d{{1,2}}\b))"
    r"|(?P<key>[0-9]{5,})"
    r"|(?P<year>\b20[0-4]\d)"
    r"|(?P<number>[0-9\x{FF10}-\x{FF19}](?:[0-9\x{FF10}-\x{FF19}.,]*[0-9\x{FF10}-\x{FF19}])?)"
    r"|(?P<word>[\pL\pM]+)"
)
_YEAR = Pattern(r"(?P<year>20\d{2})|[/.-] ?(?P<short>\d{2})$")
_MASK = ("*", "x", "X", "•", "#", "-")
_SIGNS = "$₡¢€£₹¥"
_NOUGHTS = "0\uff10"
_CONSONANTS, _VOWELS = "bcdfgjklmnprstvz", "aeiou"
_LONG_ENOUGH = 3


@dataclass(frozen=True)
class Disguise:
    """A consistent replacement. `key` makes it; `kept` are the folded words that stay, `names` those that never do.

    `domains` are those of banks: addresses there stay, with other digits.
    """

    key: bytes
    kept: frozenset[str]
    names: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    domains: Collection[str] = ()
    _known: dict[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """Return a text with everything replaced that is somebody's."""
        within = Encoded(unicodedata.normalize("NFC", text))
        return self._replaced(within, self._phrase_spans(within.text))

    def word(self, word: str) -> str:
        """Return a word of the same length and capitals; one that belongs to layouts stays."""
        folded = fold(word)
        stays = len(word) < _LONG_ENOUGH or not folded.strip("x") or not _is_latin(word) or self._is_kept(folded)
        if stays and folded not in self.names:
            return word
        parts = [] if word.isupper() else [word[start:end] for start, end in _HUMPS.spans(Encoded(word))]
        if len(parts) > 1 and "".join(parts) == word and folded not in self.names:
            return "".join(map(self.word, parts))
        return self._invented(word)

    def _is_kept(self, folded: str) -> bool:
        """Return whether a word belongs to layouts, or is two of those words run together."""
        return folded in self.kept or any(
            folded[:at] in self.kept and folded[at:] in self.kept for at in range(_LONG_ENOUGH, len(folded) - 2)
        )

    def letters(self, text: str) -> str:
        """Return a text of no meaning: every letter and digit is another, all other characters stay."""
        stream = self._stream(f"letters {text}", len(text))
        return "".join(_other_letter(char, byte) for char, byte in zip(text, stream, strict=True))

    def address(self, address: str) -> str:
        """Return another mail address at example.com, or a bank's own with other digits."""
        local, _, domain = address.rpartition("@")
        if any(domain.lower() == own or domain.lower().endswith(f".{own}") for own in self.domains):
            return f"{self._digits_in(local)}@{domain}"
        return "".join(self._local(hit) for hit in _LOCAL.each(Encoded(local))) + "@example.com"

    def number(self, number: str, *, whole: bool = False) -> str:
        """Return a number of the same shape; its last four digits depend on nothing but themselves."""
        at = max(number.rfind("."), number.rfind(","))
        decimals = number[at:] if at >= 0 and len(number) - at <= _LONG_ENOUGH and not whole else ""
        front = number[: len(number) - len(decimals)]
        digits = "".join(char for char in front if char.isdigit())
        new = iter(self._digits(digits) + self._digits("".join(filter(str.isdigit, decimals)), free=True))
        return "".join(_as_wide(next(new), char) if char.isdigit() else char for char in number)

    def _local(self, hit: Found) -> str:
        told = hit.texts()
        if "word" in told:
            return self._invented(told["word"])
        return self._digits(told["digits"]) if "digits" in told else told.get("rest", "")

    def _replaced(self, within: Encoded, phrases: list[tuple[int, int]]) -> str:
        pieces, at, text = [], 0, within.text
        for hit in _PIECES.each(within):
            start, end = hit.span()
            pieces.append(text[at:start])
            inside = any(first <= start and end <= last for first, last in phrases)
            pieces.append(self._piece(hit, text, start, end, inside=inside))
            at = end
        return "".join([*pieces, text[at:]])

    def _piece(self, hit: Found, text: str, start: int, end: int, *, inside: bool) -> str:
        (kind,) = hit.texts()
        piece = text[start:end]
        if inside:
            return self._invented(piece) if kind == "word" else self.letters(piece)
        match kind:
            case "address":
                return self.address(piece)
            case "link":
                return self.link(piece)
            case "date" | "year":
                return _later(piece)
            case "number" | "key":
                return self._number_in(piece, text, start, end)
            case "word":
                return self.word(piece)
        return piece

    def link(self, link: str) -> str:
        """Return a link of the same length that leads nowhere."""
        scheme, mark, rest = link.partition("://")
        return f"{scheme}{mark}{self.letters(rest)}" if mark else self.letters(link)

    def _number_in(self, piece: str, text: str, start: int, end: int) -> str:
        short = len(piece) < _LONG_ENOUGH and piece.isdigit()
        before, behind = text[max(0, start - 5) : start], text[end : end + 5]
        masked = before[-1:] in _MASK or behind[:1] in _MASK
        money = any(sign in before + behind for sign in _SIGNS) or _is_code(before) or _is_code(behind)
        return piece if short and not masked and not money else self.number(piece)

    def _phrase_spans(self, text: str) -> list[tuple[int, int]]:
        folded = fold(text)
        found: list[tuple[int, int]] = []
        for phrase in self.phrases:
            at = folded.find(phrase)
            while at >= 0 and len(found) < 1_000:
                found.append((at, at + len(phrase)))
                at = folded.find(phrase, at + len(phrase))
        return found

    def _invented(self, word: str) -> str:
        folded = fold(word)
        for attempt in range(20):
            new = self._known.get(folded) or "".join(self._syllables(f"{attempt} {folded}", folded))
            if new != folded and new not in self.kept:
                break
        self._known[folded] = new
        return "".join(char.upper() if old.isupper() else char for char, old in zip(new, word, strict=True))

    def _syllables(self, about: str, folded: str) -> Iterable[str]:
        for place, (char, byte) in enumerate(zip(folded, self._stream(about, len(folded)), strict=True)):
            if _is_latin(char):
                letters = _VOWELS if place % 2 else _CONSONANTS
                yield letters[byte % len(letters)]
            else:
                yield _other_letter(char, byte)

    def _digits_in(self, text: str) -> str:
        pieces, at = [], 0
        for start, end in _LONG_NUMBERS.spans(Encoded(text)):
            pieces += [text[at:start], self._digits(text[start:end])]
            at = end
        return "".join([*pieces, text[at:]])

    def _digits(self, digits: str, *, free: bool = False) -> str:
        """Return as many other digits; with `free` the first may be nought, and a lone row of noughts stays."""
        if free and not digits.strip(_NOUGHTS):
            return digits
        ends = self._stream(f"end {digits[-4:]}", 4)
        stream = [*self._stream(f"digits {digits}", max(0, len(digits) - 4)), *ends][-len(digits) :] if digits else []
        new = []
        for place, (old, byte) in enumerate(zip(digits, stream, strict=True)):
            value = (int(old) + 1 + byte % 9) % 10
            leading = place == 0 and not free and old not in _NOUGHTS
            new.append(str(value or (5 if int(old) != 5 else 6)) if leading else str(value))
        return "".join(new)

    def _stream(self, about: str, length: int) -> bytes:
        found = b""
        number = 0
        while len(found) < length:
            found += hashlib.blake2b(f"{number} {about}".encode("utf-8", "replace"), key=self.key).digest()
            number += 1
        return found[:length]


_HUMPS = Pattern(r"\p{Lu}*[\p{Ll}\pM]+|\p{Lu}+")  # ParaElvira: a label and a name run together
_LONG_NUMBERS = Pattern(r"\d{4,}")
_LOCAL = Pattern(r"(?P<word>\pL+)|(?P<digits>\d+)|(?P<rest>[^\pL\d]+)")


def _later(piece: str) -> str:
    within = Encoded(piece)
    for hit in _YEAR.each(within):
        for name, (start, end) in hit.spans().items():
            if start >= 0:
                year = f"{(int(piece[start:end]) + YEARS) % (10_000 if name == 'year' else 100):02}"
                return piece[:start] + year + piece[end:]
    return piece


def _is_code(around: str) -> bool:
    letters = "".join(filter(str.isalpha, around))
    return len(letters) >= _LONG_ENOUGH and letters.isupper()


def _is_latin(text: str) -> bool:
    return fold(text).isascii()


def _as_wide(digit: str, old: str) -> str:
    return chr(ord(digit) + 0xFEE0) if ord(old) > 0x7F else digit


def _other_letter(char: str, byte: int) -> str:
    if char.isascii() and char.isdigit():
        return str((int(char) + 1 + byte % 9) % 10)
    if char.isascii() and char.isalpha():
        base = ord("A") if char.isupper() else ord("a")
        return chr(base + (ord(char) - base + 1 + byte % 25) % 26)
    if "\u3041" <= char <= "\u3096":
        return chr(0x3042 + byte % 0x50)
    if "\u30a1" <= char <= "\u30fa":
        return chr(0x30A2 + byte % 0x50)
    if "\u4e00" <= char <= "\u9fff":
        return chr(0x4E00 + (ord(char) - 0x4E00 + 1 + byte) % 0x5000)
    if "\uff10" <= char <= "\uff19":
        return chr(0xFF10 + (ord(char) - 0xFF10 + 1 + byte % 9) % 10)
    if "\uff21" <= char <= "\uff3a":
        return chr(0xFF21 + (ord(char) - 0xFF21 + 1 + byte % 25) % 26)
    return char
