"""What of a mail nobody sees: by its own attributes, or by the classes and ids that its style sheet hides.

Rules within `@media` are passed over: they tell of print and of small screens. Only selectors of one step are read,
such as `.preheader`, `#pre` and `td.hide` (CSS Selectors 4); of others it is not known here what they hit.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from afpd.parse.search import Encoded, Pattern

_SHEETS = Pattern(r"(?is)<style\b[^>]*>(?P<sheet>.*?)</style")
_RULES = Pattern(r"(?s)(?P<selectors>[^{};]*)\{(?P<body>[^{}]*)\}")
_ONE_STEP = Pattern(r"[a-z0-9]*(?P<name>[.#][a-z0-9_-]+)")
_LONGEST = 64 * 1024
_MOST_RULES = 500
_HIDING = ("display:none", "visibility:hidden", "opacity:0;", "max-height:0;", "max-height:0px;", "clip:rect(0")
_FLAT = (";height:0;", ";height:0px;", ";width:0;", ";width:0px;")
_MOST_SHEETS = 10


def hidden_names(source: str) -> frozenset[str]:
    """Return the classes (`.name`) and ids (`#name`), in lower case, that the style sheets of a source do not show."""
    sheets = "".join(_sheets(source[:_LONGEST]))
    return _hidden_names(sheets) if "none" in sheets else frozenset()


def _sheets(source: str) -> Iterator[str]:
    """Yield the style sheets of a source with their tags, in lower case."""
    for opening, closing in (("<style", "</style"), ("<STYLE", "</STYLE")):
        end = 0
        while (begin := source.find(opening, end)) >= 0 and (end := source.find(closing, begin)) >= 0:
            yield source[begin : end + len(closing)].lower()


@lru_cache(maxsize=32)
def _hidden_names(lower: str) -> frozenset[str]:
    """Return what the sheets in a source do not show; a bank's mails have the same sheets for years."""
    sheets = [hit.texts()["sheet"] for hit in islice(_SHEETS.each(Encoded(lower)), _MOST_SHEETS)]
    found: set[str] = set()
    for selectors, body in (rule for sheet in sheets if "none" in sheet for rule in _rules(sheet)):
        declared = "".join(body.split())
        if "display:none" in declared:
            found.update(_names(selectors))
        elif "display:" in declared:
            found.difference_update(_names(selectors))
    return frozenset(found)


def hides(attributes: str) -> bool:
    """Return whether attributes, as they are written out, make an element invisible by themselves."""
    lower = attributes.lower()
    if not any(word in lower for word in ("none", "hidden", "opacity", "max-height", "clip")):
        return False
    for name, value in _each(attributes):
        if name == "hidden":
            return True
        style = f";{''.join(value.lower().replace('!important', '').split())};"
        if name == "style" and (any(rule in style for rule in _HIDING) or _is_flat(style)):
            return True
    return False


def _is_flat(style: str) -> bool:
    return "overflow:hidden" in style and any(rule in style for rule in _FLAT)


def is_hidden(attributes: str, hidden: frozenset[str]) -> bool:
    """Return whether attributes, as they are written out, make an element one of the hidden names."""
    for name, value in _each(attributes):
        if name == "class" and any(f".{word}" in hidden for word in value.lower().split()):
            return True
        if name == "id" and f"#{value.strip().lower()}" in hidden:
            return True
    return False


def _each(attributes: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of attributes as they are written out."""
    for attribute in attributes.removesuffix('"').split('" '):
        name, _, value = attribute.partition('="')
        yield name, value


def _rules(sheet: str) -> list[tuple[str, str]]:
    """Return the selectors and declarations of the rules that stand outside of blocks such as @media."""
    outside = _outside(sheet.replace("<!--", " ").replace("-->", " "))
    found = [hit.texts() for hit in islice(_RULES.each(Encoded(outside)), _MOST_RULES)]
    return [(told["selectors"], told["body"]) for told in found]


def _outside(sheet: str) -> str:
    """Return the sheet without its comments and without blocks that begin with an @ and hold rules."""
    kept = [piece.partition("*/")[2] if number else piece for number, piece in enumerate(sheet.split("/*"))]
    pieces = "".join(kept).split("@")
    return pieces[0] + "".join(map(_behind_block, pieces[1:]))


def _behind_block(piece: str) -> str:
    depth = 0
    for at, char in enumerate(piece):
        if char == ";" and not depth:
            return piece[at + 1 :]
        depth += (char == "{") - (char == "}")
        if char == "}" and depth <= 0:
            return piece[at + 1 :]
    return ""


def _names(selectors: str) -> list[str]:
    words = [word.strip() for word in selectors.split(",")]
    return [
        hit.texts()["name"]
        for word in words
        if _ONE_STEP.is_all_of(word.encode()) and (hit := _ONE_STEP.search(Encoded(word)))
    ]
