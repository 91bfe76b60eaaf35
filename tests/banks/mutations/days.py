"""Dates and times in the format of their mail: which of a text are the transaction's, and how others are written."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time

_FULL = {
    "es": [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    "en": [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
}
_SHORT = {
    "en": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "es": ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
    "es4": ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"],
}
_ODD = {"setiembre": (9, _FULL["es"])}
_B = r"(?:[ \t]|&nbsp;|\u00a0)"
_NUMERIC = re.compile(
    rf"(?<![0-9.,/-])([0-9]{{1,2}})({_B}?[/.-]{_B}?)([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}})(?![0-9/-])"
)
_ISO = re.compile(r"(?<![0-9])([0-9]{4})([/-])([0-9]{2})\2([0-9]{2})(?![0-9/-])")
_NAME_FIRST = re.compile(r"(?i)\b([a-z]{3,10})(\.?\s+)([0-9]{1,2})(\s?,\s?)([0-9]{4})")
_DAY_FIRST = re.compile(
    r"(?i)(?<![0-9])([0-9]{1,2})([ /-]|\s+de\s+)([a-z]{3,10})(?:(\.?\s?[ /,-]\s?|\s+del?\s+)([0-9]{4}|[0-9]{2})(?![0-9:]))?"
)
_NO_YEAR = re.compile(r"(?<![0-9/.,-])([0-9]{2})(/)([0-9]{2})(?![0-9/.,-])")
_TIME = re.compile(
    rf"(?i)(?<![0-9:])([0-9]{{1,2}}):([0-9]{{1,2}})(:[0-9]{{2}})?({_B}*)(?:([ap])(\.?{_B}?m\b))?(?![0-9])"
)

Slot = Callable[[str], str]


def dates_replaced(
    text: str, changes: Mapping[date, date], slot: Slot, *, month_first: bool, without_year: bool
) -> str:
    """Return the text with the given dates as other ones in the same format; `slot` stands in for what is written."""
    rules = _Rules(changes, slot, month_first, without_year)
    written = [
        (_ISO, rules.iso),
        (_NUMERIC, rules.numeric),
        (_NAME_FIRST, rules.name_first),
        (_DAY_FIRST, rules.day_first),
    ]
    for pattern, rule in written + ([(_NO_YEAR, rules.no_year)] if without_year else []):
        text = pattern.sub(rule, text)
    return text


@dataclass(frozen=True, slots=True)
class _Rules:
    """How a date that was found in one of the formats is written anew."""

    changes: Mapping[date, date]
    slot: Slot
    month_first: bool
    without_year: bool

    def numeric(self, hit: re.Match[str]) -> str:
        first, mark, second, year = hit.groups()
        day, month = (second, first) if self.month_first else (first, second)
        new = self._new(_date(year, month, day))
        if new is None:
            return hit.group()
        numbers = (new.month, new.day) if self.month_first else (new.day, new.month)
        pair = (_like(numbers[0], first), _like(numbers[1], second))
        return self.slot(f"{pair[0]}{mark}{pair[1]}{mark}{str(new.year)[-len(year) :]}")

    def iso(self, hit: re.Match[str]) -> str:
        new = self._new(_date(hit[1], hit[3], hit[4]))
        return self.slot(f"{new.year}{hit[2]}{new.month:02}{hit[2]}{new.day:02}") if new else hit.group()

    def name_first(self, hit: re.Match[str]) -> str:
        number, names = _month(hit[1])
        new = self._new(_date(hit[5], str(number), hit[3]))
        if new is None:
            return hit.group()
        return self.slot(f"{_named(new, hit[1], names)}{hit[2]}{_like(new.day, hit[3])}{hit[4]}{new.year}")

    def day_first(self, hit: re.Match[str]) -> str:
        number, names = _month(hit[3])
        old = _date(hit[5], str(number), hit[1]) if hit[5] else _yearless(self.changes, number, hit[1])
        new = self._new(old)
        if new is None or (not hit[5] and not self.without_year):
            return hit.group()
        year = str(new.year)[-len(hit[5]) :] if hit[5] else ""
        return self.slot(f"{_like(new.day, hit[1])}{hit[2]}{_named(new, hit[3], names)}{hit[4] or ''}{year}")

    def no_year(self, hit: re.Match[str]) -> str:
        new = self._new(_yearless(self.changes, int(hit[3]), hit[1]))
        return self.slot(f"{new.day:02}{hit[2]}{new.month:02}") if new else hit.group()

    def _new(self, old: date | None) -> date | None:
        return None if old is None else self.changes.get(old)


def times_replaced(text: str, changes: Mapping[time, time], slot: Slot) -> str:
    """Return the text with the given times of day as other ones in the same format, 12 or 24 hours."""

    def rule(hit: re.Match[str]) -> str:
        hour, minute, second, blanks, half, rest = hit.groups()
        old = _time(int(hour), int(minute), int(second[1:]) if second else None, (half or "").lower())
        new = next(
            (one for was, one in changes.items() if old in (was, was.replace(second=0) if not second else was)), None
        )
        if new is None:
            return hit.group()
        shown = new.hour
        if half:
            letter = "p" if new.hour >= 12 else "a"
            half = letter.upper() if half.isupper() else letter
            shown = new.hour if int(hour) > 12 else new.hour % 12 or (0 if int(hour) == 0 else 12)
        minutes = f"{new.minute:02}" if len(minute) == 2 else str(new.minute)
        seconds = f":{new.second:02}" if second else ""
        return slot(f"{_like(shown, hour)}:{minutes}{seconds}{blanks}{half or ''}{rest or ''}")

    return _TIME.sub(rule, text)


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None


def _yearless(changes: Mapping[date, date], month: int, day: str) -> date | None:
    return next((old for old in changes if (old.month, old.day) == (month, int(day))), None)


def _time(hour: int, minute: int, second: int | None, half: str) -> time | None:
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    try:
        return time(hour, minute, second or 0)
    except ValueError:
        return None


def _month(name: str) -> tuple[int, list[str]]:
    lower = name.lower()
    for names in (*_SHORT.values(), *_FULL.values()):
        if lower in names:
            return names.index(lower) + 1, names
    return _ODD.get(lower, (0, []))


def _named(new: date, old: str, names: list[str]) -> str:
    name = names[new.month - 1]
    if old.isupper():
        return name.upper()
    return name.title() if old[:1].isupper() else name


def _like(number: int, old: str) -> str:
    """Return a number with a leading nought where the old one had, or would have had, one."""
    return f"{number:02}" if len(old) == 2 else str(number)
