"""Patterns of bank files: RE2 only, written for folded text, with named pieces."""

import re2

from afpd.parse.fold import fold
from afpd.parse.search import quiet

_SYNTAX = re2.compile(r"\\x\{[^}]*\}|\\[A-Za-z]|\(\?P<\w+>|\(\?[a-zA-Z-]+[:)]|\[\[?:\^?\w+:\]\]?")

# Pieces that patterns may name as {{piece}}, so that a sentence stays readable.
PIECES = {
    "date": r"\d{1,2}[/-]\d{1,2}[/-]\d{4}",
    "time": r"\d{1,2}:\d{1,2}(?::\d{2})?(?: ?[ap]\.? ?m\b\.?)?",
    "number": r"\d?[\d.,]*\d",
    "money": r"(?:(?:[a-z]{3}|[₡¢$€])(?: ?:)? ?\d?[\d.,]*\d|"
    r"\d?[\d.,]*\d(?: ?(?:colones|dolares us|dolares|euros|us dollar|crc|usd|eur|nio|[₡¢€]))?)",
    "pesos": r"(?:(?:us\$|u\$s|[a-z]{3} ?\$?|[$€£]) ?)?[\d.,]*\d(?: ?(?:m\.? ?n\b\.?|mxn|usd|eur|clp|cop|pesos))?",
    "iban": r"cr[\dx*]+",
    "mask": r"[*x]*[\d*x -]*\d{4}x?",
}


def checked_pattern(source: str) -> str:
    """Return a pattern with its pieces put in. Raises `ValueError` for one that RE2 or folded text cannot match."""
    for name, piece in PIECES.items():
        source = source.replace("{{" + name + "}}", piece)
    try:
        re2.compile(source, quiet())
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(f"no RE2 pattern: {reason.decode() if isinstance(reason, bytes) else reason}") from None
    literal = _SYNTAX.sub("", source)
    if literal != fold(literal):
        raise ValueError("patterns are matched on folded text: write them in lower case and without accents")
    return source
