"""HTML that no mail program writes, and that costs a parser more than its size: told before it is parsed.

A tree takes time that grows with the square of the depth, of the attributes of one tag, and, by the rule that an
unclosed `<font>` is opened again in every paragraph (WHATWG HTML, 13.2.4.3), of the tags left open.
"""

from collections import Counter
from operator import itemgetter

from afpd.parse.search import Pattern

MAX_TAGS = 12_000
_HARMLESS_SIZE = 2_000
_HARMLESS_TAGS = 600
_HARMLESS_DEPTH_TAGS = 1_500
_MAX_DEPTH = 300
_LARGE = 64 * 1024
_LONGEST_NAME = 12
_MOST_OF_MANY = 200
_MAX_REOPENED = 120_000
_NAME = r"[^\s/>][^\s/>=]*"
_VALUE = r"\s*=\s*(?:\"[^\"]*\"[\s/]*|'[^']*'[\s/]*|[^\s>\"'][^\s>]*[\s/]+)"
_TAG = rf"<[a-zA-Z][^\s/>]*[\s/]+(?:{_NAME}(?:{_VALUE}|[\s/]+))"
_MANY_ATTRIBUTES = Pattern(_TAG + "{32}")
_SEVERAL_ATTRIBUTES = Pattern(_TAG + "{16}")
_EMPTY = frozenset(
    ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "param", "source", "wbr"),
)
# The next one closes these by itself; but not inside formulas and pictures.
_NOT_NESTING = _EMPTY | frozenset(("dd", "dt", "li", "option", "p", "td", "th", "tr"))
_REOPENING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"),
)
_BEGINNINGS = frozenset(f"{name}{behind}"[:2] for name in _REOPENING for behind in " \t\n\f\r/>")


def is_monstrous(source: str, most_tags: int = MAX_TAGS) -> bool:
    """Return whether a source of HTML is to be left alone."""
    tags = source.count("<")
    if tags > most_tags:
        return True
    if len(source) > _HARMLESS_SIZE and _MANY_ATTRIBUTES.is_in(source.encode("utf-8", "replace")):
        return True
    if tags <= _HARMLESS_TAGS:
        return False
    if len(source) > _LARGE and _SEVERAL_ATTRIBUTES.is_often_in(source, _MOST_OF_MANY):
        return True
    if (tags - source.count("</") - source.count("<td") - source.count("<tr")) * tags <= _MAX_REOPENED and (
        tags <= _HARMLESS_DEPTH_TAGS
    ):
        return False  # what of its tags begins something else than a cell or row is too little
    pieces = source.split("<")
    beginnings = Counter(map(itemgetter(slice(2)), pieces))
    reopening = sum(number for start, number in beginnings.items() if start.lower() in _BEGINNINGS)
    if reopening * tags > _MAX_REOPENED and _deepest(pieces, _REOPENING, inside=True) * tags > _MAX_REOPENED:
        return True
    if tags <= _HARMLESS_DEPTH_TAGS:
        return False
    lower = source.lower()
    flat = _EMPTY if "<math" in lower or "<svg" in lower else _NOT_NESTING
    return _deepest(pieces, flat, inside=False) > _MAX_DEPTH


def _deepest(pieces: list[str], names: frozenset[str], *, inside: bool) -> int:
    """Return how many elements are open at once, counting those of these names or, with `inside` false, all others."""
    steps: dict[str, int] = {}
    depth = deepest = 0
    for piece in pieces:
        beginning = piece[:_LONGEST_NAME]
        step = steps.get(beginning)
        if step is None:
            step = steps[beginning] = _step(beginning, names, inside=inside)
        if step > 0:
            depth += 1
            deepest = max(deepest, depth)
        elif depth:
            depth += step
    return deepest


def _step(piece: str, names: frozenset[str], *, inside: bool) -> int:
    """Return by how many elements the tag that a piece begins with makes the tree deeper."""
    if piece[:1] == "/":
        return -int((_name(piece[1:]) in names) is inside)
    return int(piece[:1].isalpha() and (_name(piece) in names) is inside)


def _name(piece: str) -> str:
    """Return the name of the tag that a piece behind `<` or `</` begins with."""
    words = piece.replace(">", " ").replace("/", " ").split(None, 1)
    return words[0].lower() if words else ""
