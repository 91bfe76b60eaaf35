"""Where in a TOML source a key stands, so that a mistake can be told with its line."""

from collections.abc import Iterator

import re2

_TABLE = re2.compile(r"^\s*(\[\[?)\s*([\w.\"-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re2.compile(r"^\s*([\w.-]+|\"[^\"]+\")\s*=")


def line_of(source: str, place: tuple[str | int, ...]) -> int:
    """Return the line (from 1) of the key at `place`, or of the nearest table around it."""
    known = dict(_places(source))
    for length in range(len(place), 0, -1):
        if place[:length] in known:
            return known[place[:length]]
    return 1


def _places(source: str) -> Iterator[tuple[tuple[str | int, ...], int]]:
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    inside = ""
    for number, line in enumerate(source.splitlines(), start=1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if hit := _TABLE.search(line):
            table = _resolved(hit.group(2), hit.group(1) == "[[", counts)
            yield table, number
        elif hit := _KEY.search(line):
            yield (*table, *hit.group(1).strip('"').split(".")), number
            inside = next((mark for mark in ("'''", '"""') if line.count(mark) == 1), "")


def _resolved(name: str, is_array: bool, counts: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """Return the place of a table header; a name that is an array stands for its latest element."""
    place: tuple[str | int, ...] = ()
    steps = name.replace('"', "").split(".")
    for at, step in enumerate(steps):
        place = (*place, step)
        if is_array and at == len(steps) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place
