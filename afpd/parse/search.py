"""RE2 on texts that are encoded once: matched as bytes, told in characters.

The matcher reads UTF-8. Handing it `str` encodes the whole text for every pattern; here a text carries its bytes, and
offsets are counted back only where a letter takes more than one byte.
"""

from collections.abc import Iterator
from itertools import islice

import re2

Span = tuple[int, int]
NOWHERE: Span = (-1, -1)


def quiet() -> "re2.Options":
    """Return the options of every pattern: no lines on stderr for a bad one."""
    options = re2.Options()
    options.log_errors = False
    return options


class Encoded:
    """A text and its UTF-8 bytes."""

    __slots__ = ("data", "text")

    def __init__(self, text: str, data: bytes | None = None) -> None:
        self.text = text
        self.data = text.encode("utf-8", "replace") if data is None else data

    @classmethod
    def of_bytes(cls, data: bytes) -> "Encoded":
        """Return the text that these bytes in UTF-8 are."""
        return cls(data.decode("utf-8", "replace"), data)

    def __len__(self) -> int:
        """Return the number of characters."""
        return len(self.text)

    def characters(self, span: Span) -> Span:
        """Return a span of bytes as one of characters."""
        start, end = span
        if start < 0 or len(self.data) == len(self.text):
            return span
        begin = len(self.data[:start].decode("utf-8", "replace"))
        return begin, begin + len(self.data[start:end].decode("utf-8", "replace"))


class Found:
    """Where a pattern stands in a text; every span is one of characters."""

    __slots__ = ("_hit", "_names", "_within")

    def __init__(self, within: Encoded, hit: "re2._Match[bytes]", names: dict[str, int]) -> None:
        self._within, self._hit, self._names = within, hit, names

    def span(self, name: str | None = None) -> Span:
        """Return where the whole, or the group of this name, stands; (-1, -1) for a group that took no part."""
        return self._within.characters(self._hit.span(self._names[name] if name else 0))

    def spans(self) -> dict[str, Span]:
        """Return where every named group stands."""
        return {name: self._within.characters(self._hit.span(number)) for name, number in self._names.items()}

    def texts(self) -> dict[str, str]:
        """Return what the named groups hold, those left out that took no part."""
        data, spans = self._within.data, ((name, self._hit.span(number)) for name, number in self._names.items())
        return {name: data[start:end].decode("utf-8", "replace") for name, (start, end) in spans if start >= 0}


class Pattern:
    """An RE2 pattern: its time grows with the text and with nothing else.

    With `of_bytes` it is written in bytes, not in characters.
    """

    __slots__ = ("_compiled", "_names")

    def __init__(self, source: str, *, of_bytes: bool = False) -> None:
        options = quiet()
        if of_bytes:
            options.encoding = re2.Options.Encoding.LATIN1
        self._compiled = re2.compile(source.encode(), options)
        self._names = {name.decode(): number for name, number in self._compiled.groupindex.items()}

    def search(self, within: Encoded) -> Found | None:
        """Return the leftmost place where the pattern stands, or None."""
        hit = self._compiled.search(within.data)
        return None if hit is None else Found(within, hit, self._names)

    def each(self, within: Encoded) -> Iterator[Found]:
        """Yield every place where the pattern stands, none overlapping another."""
        return (Found(within, hit, self._names) for hit in self._compiled.finditer(within.data))

    def is_in(self, data: bytes) -> bool:
        """Return whether the pattern stands in a text in UTF-8."""
        return self._compiled.search(data) is not None

    def is_often_in(self, text: str, times: int) -> bool:
        """Return whether the pattern stands in a text more often than that."""
        return next(islice(self._compiled.finditer(text.encode("utf-8", "replace")), times, None), None) is not None

    def is_all_of(self, data: bytes) -> bool:
        """Return whether the pattern is the whole of a text in UTF-8."""
        return self._compiled.fullmatch(data) is not None

    def spans(self, within: Encoded) -> Iterator[Span]:
        """Yield the spans at which the pattern stands; in time that grows with the text only."""
        data, bytewise = within.data, len(within.data) == len(within.text)
        at = counted = 0
        for hit in self._compiled.finditer(data):
            start, end = hit.span()
            if bytewise:
                yield start, end
                continue
            begin = counted + len(data[at:start].decode("utf-8", "replace"))
            counted = begin + len(data[start:end].decode("utf-8", "replace"))
            at = end
            yield begin, counted

    def replaced_by_group(self, text: str, name: str) -> str:
        """Return the text with only the group of this name, and what but stars stands before it, of each place."""
        data, number = text.encode("utf-8", "replace"), self._names[name]
        pieces, at = [], 0
        for hit in self._compiled.finditer(data):
            start, end = hit.span()
            pieces += [data[at:start], data[start : hit.start(number)].rstrip(b"*"), hit.group(number)]
            at = end
        return b"".join([*pieces, data[at:]]).decode("utf-8", "replace") if at else text

    def removed_from(self, text: str) -> str:
        """Return the text without the places where the pattern stands."""
        data = text.encode("utf-8", "replace")
        pieces, at = [], 0
        for hit in self._compiled.finditer(data):
            start, end = hit.span()
            pieces.append(data[at:start])
            at = end
        return b"".join([*pieces, data[at:]]).decode("utf-8", "replace") if at else text
