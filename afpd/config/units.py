"""Durations and sizes as people write them: "500ms", "90s", "5m", "1h30m", "30d", "64MiB"."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")
_DURATION_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_SIZE = re.compile(r"([0-9]+)(GiB|MiB|KiB|B)")
_SIZE_UNITS = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
# Far beyond any sensible setting, and far from where arithmetic with datetimes overflows.
_LONGEST = timedelta(days=36500)
_LARGEST = 1 << 50


def parse_duration(text: str) -> timedelta:
    """Return the time that `text` names; units d, h, m, s, ms, the larger ones first.

    Raises `ValueError` with a sentence for anything else, also for more than a hundred years.
    """
    found = _DURATION.fullmatch(text) if 0 < len(text) <= 32 else None
    if found is None or not text:
        raise ValueError('must be a duration with its unit, such as "500ms", "90s", "5m", "6h" or "30d"')
    days = sum(int(count or 0) * unit.total_seconds() for count, unit in _parts(found)) / 86400
    if days > _LONGEST.days:
        raise ValueError(f'must be at most "{format_duration(_LONGEST)}"')
    return sum((int(count or 0) * unit for count, unit in _parts(found)), timedelta())


def _parts(found: re.Match[str]) -> list[tuple[str | None, timedelta]]:
    return list(zip(found.groups(), _DURATION_UNITS.values(), strict=True))


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that holds it exactly; finer than a millisecond is cut off."""
    for name, unit in _DURATION_UNITS.items():
        if duration >= unit and not duration % unit:
            return f"{duration // unit}{name}"
    return f"{duration // _DURATION_UNITS['ms']}ms" if duration else "0s"


def parse_size(text: str) -> int:
    """Return the bytes that `text` names; units B, KiB, MiB, GiB. Raises `ValueError` with a sentence."""
    found = _SIZE.fullmatch(text) if len(text) <= 20 else None
    if found is None:
        raise ValueError('must be a size with its unit, such as "512KiB" or "64MiB"')
    size = int(found[1]) * _SIZE_UNITS[found[2]]
    if size > _LARGEST:
        raise ValueError(f'must be at most "{format_size(_LARGEST)}"')
    return size


def format_size(size: int) -> str:
    """Write bytes in the largest unit that holds them exactly."""
    unit = next(name for name, factor in _SIZE_UNITS.items() if (size and not size % factor) or factor == 1)
    return f"{size // _SIZE_UNITS[unit]}{unit}"


def between(least: str, most: str) -> AfterValidator:
    """Return a validator that holds a duration within these limits, both included."""
    return _within(parse_duration(least), parse_duration(most), format_duration)


def sized_between(least: str, most: str) -> AfterValidator:
    """Return a validator that holds a size within these limits, both included."""
    return _within(parse_size(least), parse_size(most), format_size)


def _within(least: Any, most: Any, written: Callable[[Any], str]) -> AfterValidator:
    words = f'must be between "{written(least)}" and "{written(most)}"'

    def check(value: Any) -> Any:
        if value is not None and not least <= value <= most:
            raise ValueError(words)
        return value

    return AfterValidator(check)


def _read_duration(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(value if isinstance(value, str) else "")


def _read_size(value: Any) -> int:
    if type(value) is int:
        return value
    return parse_size(value if isinstance(value, str) else "")


_PATTERN = r"^(?=.)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$"

Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["5m"]}),
]
# Empty text stands for "not given": TOML has no null.
OptionalDuration = Annotated[
    timedelta | None,
    BeforeValidator(lambda value: None if value in ("", None) else _read_duration(value)),
    PlainSerializer(lambda duration: "" if duration is None else format_duration(duration), return_type=str),
    WithJsonSchema({"type": "string", "pattern": _PATTERN.replace("(?=.)", "")}),
]
Size = Annotated[
    int,
    BeforeValidator(_read_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\d+(GiB|MiB|KiB|B)$", "examples": ["64MiB"]}),
]
