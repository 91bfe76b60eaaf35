"""What only the text of CREATE TABLE tells of a column: the expression of a generated one, and its collation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# https://www.sqlite.org/lang_createtable.html; text in quotes and comments is set aside before looking.
_SKIPPED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|$)""", re.DOTALL)
_NAME = re.compile(r"""\s*("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|'(?:[^']|'')*'|[^\s(),"'`\[]+)""")
_GENERATED = re.compile(r"(?:\bGENERATED\s+ALWAYS\s+)?\bAS\s*(?=\()", re.IGNORECASE)
_STORED = re.compile(r"\s*STORED\b", re.IGNORECASE)
_COLLATE = re.compile(r"\bCOLLATE\s+[\"'`\[]?(NOCASE|RTRIM|BINARY)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extras:
    """The generation clause of a column and its collation, as SQL; empty where it has none."""

    generated: str = ""
    collate: str = ""


def column_extras(created: str) -> dict[str, Extras]:
    """Return the extras of the columns of a CREATE TABLE statement by their lower-case names."""
    created = _SKIPPED.sub(_without_comment, created)
    masked = _SKIPPED.sub(_mask, created)
    start = masked.index("(") + 1
    found = {}
    for begin, end in _pieces(masked, start, closing_parenthesis(masked, start - 1)):
        if name := _NAME.match(created, begin, end):
            found[_unquoted(name.group(1)).lower()] = _extras(created[begin:end], masked[begin:end])
    return found


def closing_parenthesis(masked: str, opening: int) -> int:
    """Return where the parenthesis at `opening` closes; the end of the text when it never does."""
    depth = 0
    for place in range(opening, len(masked)):
        depth += {"(": 1, ")": -1}.get(masked[place], 0)
        if depth == 0:
            return place
    return len(masked)


def _pieces(masked: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    depth, begin = 0, start
    for place in range(start, end):
        depth += {"(": 1, ")": -1}.get(masked[place], 0)
        if masked[place] == "," and depth == 0:
            yield begin, place
            begin = place + 1
    yield begin, end


def _extras(piece: str, masked: str) -> Extras:
    collation = _COLLATE.search(piece)
    collate = f" COLLATE {collation.group(1)}" if collation else ""
    clause = _GENERATED.search(masked)
    if clause is None:
        return Extras(collate=collate)
    end = closing_parenthesis(masked, clause.end()) + 1
    stored = " STORED" if _STORED.match(masked, end) else ""
    return Extras(f"GENERATED ALWAYS AS {piece[clause.end() : end]}{stored}", collate)


def _mask(hit: re.Match[str]) -> str:
    return " " * len(hit.group())


def _without_comment(hit: re.Match[str]) -> str:
    return _mask(hit) if hit.group().startswith(("--", "/*")) else hit.group()


def _unquoted(name: str) -> str:
    if name[0] == "[":
        return name[1:-1]
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in "\"'`" else name
