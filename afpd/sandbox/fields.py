"""Google's partial responses: the `fields` parameter.

`a,b(c,d),e/f,*` names what stays; lists are looked through. Source: Gmail API, "Improve performance", partial response.
"""

import re
from functools import lru_cache
from typing import Any

from afpd.sandbox.answers import Refusal, invalid_argument

Selection = dict[str, "Selection | None"]

_TOKEN = re.compile(r"[A-Za-z0-9_*.-]+|[,()/]")


@lru_cache(maxsize=256)
def parse(fields: str) -> Selection:
    """Return the tree of a `fields` text; None under a name keeps all of it. Raises `Refusal` (400) when malformed."""
    compact = fields.replace(" ", "")
    tokens = _TOKEN.findall(compact)
    if not tokens or "".join(tokens) != compact:
        raise _malformed(fields)
    selection, rest = _list(tokens, 0, fields)
    if rest != len(tokens):
        raise _malformed(fields)
    return selection


def select(value: Any, selection: Selection | None) -> Any:
    """Return `value` reduced to the selection."""
    if selection is None:
        return value
    if isinstance(value, list):
        return [select(item, selection) for item in value]
    if not isinstance(value, dict):
        return value
    if "*" in selection:
        return {name: select(item, selection.get(name, selection["*"])) for name, item in value.items()}
    return {name: select(value[name], below) for name, below in selection.items() if name in value}


def wants(selection: Selection | None, name: str) -> bool:
    """Say whether the top-level member `name` is asked for."""
    return selection is None or name in selection or "*" in selection


def _list(tokens: list[str], at: int, fields: str) -> tuple[Selection, int]:
    selection: Selection = {}
    while True:
        name, below, at = _path(tokens, at, fields)
        _merge(selection, name, below)
        if at >= len(tokens) or tokens[at] != ",":
            return selection, at
        at += 1


def _path(tokens: list[str], at: int, fields: str) -> tuple[str, Selection | None, int]:
    if at >= len(tokens) or tokens[at] in ",()/":
        raise _malformed(fields)
    name = tokens[at]
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if following == "/":
        inner, below, end = _path(tokens, at + 2, fields)
        return name, {inner: below}, end
    if following == "(":
        below, end = _list(tokens, at + 2, fields)
        if end >= len(tokens) or tokens[end] != ")":
            raise _malformed(fields)
        return name, below, end + 1
    return name, None, at + 1


def _merge(selection: Selection, name: str, below: Selection | None) -> None:
    known = selection.get(name)
    if name not in selection or known is None or below is None:
        selection[name] = None if name in selection else below
        return
    for inner, deeper in below.items():
        _merge(known, inner, deeper)


def _malformed(fields: str) -> Refusal:
    return invalid_argument(f"Invalid field selection {fields}")
