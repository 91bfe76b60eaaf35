"""The shape of a mail: what stays the same in the mails of one layout, so that those that nobody reads can be counted.

What varies is left out: numbers, dates, amounts, masks, names in capitals, what stands behind a label. What remains are
runs of constant words, and of those a sketch of sixty letters (MinHash: A. Broder, "On the resemblance and containment
of documents", 1997): the share of places at which two sketches have the same letter is near the share of runs that the
two mails have in common. So a name more or a line less changes a few letters, another layout nearly all.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

from afpd.parse.fold import fold
from afpd.parse.text import Text

PLACES = 60
MOST_RUNS = 40
"""Runs that count, from the top: below stand the legal notices that all mails of a bank share."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_MOST_CHARACTERS = 16 * 1024
_MOST_WORDS = 1_500
_LONGEST_LABEL = 48
_LONGEST_VALUE = 60
_FEWEST = 2
_MOST_WEIGHT = 4
_LEAST_BYTES = 4  # of a run: "de" and "en" say nothing, two signs of Japanese do
_PRIME = (1 << 61) - 1
_DAYS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre",
    "ene feb mar abr may jun jul ago sep set oct nov dic jan apr aug dec",
    "january february march april june july august september october november december",
    "lunes martes miercoles jueves viernes sabado domingo mon tue wed thu fri sat sun",
    "monday tuesday wednesday thursday friday saturday sunday am pm",
)
_TIMES = frozenset(word for line in _DAYS for word in line.split())
_ENDS = '.,;:!?|()[]{}*"\u00a1\u00bf\u3001\u3002\u300c\u300d\u3010\u3011\uff1a'
_COLONS = str.maketrans("\uff1a", ":")


def shape(text: Text, subject: str = "") -> str:
    """Return the sketch of a mail: `PLACES` letters. Bounded, whatever the text holds."""
    body = _beginning(text.body)
    runs = list(islice(_distinct(_runs(body)), MOST_RUNS))
    if len(runs) < _FEWEST:  # a mail that shouts: its capitals are no names
        runs = list(islice(_distinct((*runs, *_runs(body.lower()))), MOST_RUNS))
    about = list(islice(_distinct(_constant(_beginning(subject), has_names=False)), MOST_RUNS))
    return _sketch([*runs, *(f"subject: {run}" for run in about)])


def constant_runs(body: str) -> list[str]:
    """Return the runs of constant words of a body, folded, each once, in their order."""
    return list(_distinct(_runs(_beginning(body))))


def _beginning(body: str) -> str:
    """Return as much of a body as is looked at."""
    body = body[:_MOST_CHARACTERS]
    words = body.split(None, _MOST_WORDS)
    return body[: -len(words[-1])] if len(words) > _MOST_WORDS else body


def masked(text: str) -> str:
    """Return a text in which only constant words can be read: what varies stands there as dots."""
    return " ".join(
        "…" if _varies(word.strip(_ENDS), may_begin=at == 0) else word for at, word in enumerate(text.split())
    )


def _runs(body: str) -> Iterator[str]:
    """Yield the runs of constant words of each cell, folded."""
    for line in body.split("\n"):
        for cell in line.split("\t"):
            label, colon, value = cell.translate(_COLONS).partition(":")
            if colon and value.strip() and len(label) <= _LONGEST_LABEL and len(value) <= _LONGEST_VALUE:
                yield from _constant(label.lower())
            else:
                yield from _constant(cell)


def _constant(cell: str, *, has_names: bool = True) -> Iterator[str]:
    run: list[str] = []
    for at, word in enumerate(cell.split()):
        bare = word.strip(_ENDS)
        if _varies(bare, may_begin=at == 0 or not has_names):
            yield from _told(run)
            run = []
        else:
            run.append(fold(bare))
        if word[-1] in _ENDS:
            yield from _told(run)
            run = []
    yield from _told(run)


def _varies(word: str, *, may_begin: bool) -> bool:
    """Whether a word belongs to one mail: it holds a digit or a sign, or is a name, a month or a day of the week."""
    if not word.isalpha():
        return not word.replace("-", "").replace("'", "").isalpha()
    return word[-1].isupper() or (word[0].isupper() and not may_begin) or fold(word) in _TIMES


def _told(run: list[str]) -> Iterator[str]:
    words = " ".join(run)
    if len(words.encode("utf-8", "replace")) >= _LEAST_BYTES:
        yield words


def _distinct(runs: Iterable[str]) -> Iterator[str]:
    """Yield each run once, without asking for more of them than are taken."""
    seen: set[str] = set()
    for run in runs:
        if run not in seen:
            seen.add(run)
            yield run


def _sketch(runs: Iterable[str]) -> str:
    """Return the least of sixty differently mixed hashes of the runs, six bits of each."""
    least = [_PRIME] * PLACES
    for part in (f"{copy} {run}" for run in runs for copy in range(_weight(run))):
        number = int.from_bytes(hashlib.blake2b(part.encode("utf-8", "replace"), digest_size=8).digest()) % _PRIME
        for place in range(PLACES):
            mixed = (number * (2 * place + 3) * 0x9E3779B97F4A7C15 + place * 0xBF58476D1CE4E5B9) % _PRIME
            least[place] = min(least[place], mixed)
    return "".join(_ALPHABET[value & 63] for value in least)


def _weight(run: str) -> int:
    """Long runs are sentences of the layout; a stray one is mostly a word of somebody's name."""
    return min(1 + run.count(" ") // 2, _MOST_WEIGHT)
