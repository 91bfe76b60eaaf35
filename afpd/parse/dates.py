"""Dates and times as mails write them, into the bank's own zone.

A template declares the orders its dates come in; what it does not declare is not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from afpd.errors import BadValue
from afpd.model import DatedBy
from afpd.parse.fold import fold_word
from afpd.parse.search import Encoded, Pattern

LATE_CLOCK = timedelta(minutes=10)
_MONTH_LONG = timedelta(days=31)


class DateOrder(StrEnum):
    """The order of day (d), month (m, or mon as a word) and year (y) in a date."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"
    D_MON_Y = "d mon y"
    MON_D_Y = "mon d y"
    DM = "dm"
    D_MON = "d mon"
    COMPACT = "yyyymmdd"


_DAY, _MONTH, _YEAR, _NAME = r"(?P<d>\d{1,2})", r"(?P<m>\d{1,2})", r"(?P<y>\d{4}|\d{2})", r"(?P<mon>[a-z]{3,10})\.?"
_MARK = r"\s*[/.-]\s*"
_SHAPES: Mapping[DateOrder, str] = {
    DateOrder.DMY: _DAY + _MARK + _MONTH + _MARK + _YEAR,
    DateOrder.MDY: _MONTH + _MARK + _DAY + _MARK + _YEAR,
    DateOrder.YMD: r"(?P<y>\d{4})" + _MARK + _MONTH + _MARK + _DAY,
    DateOrder.D_MON_Y: _DAY + r"(?:\s*[/-]\s*|\s*(?:de\s+)?)" + _NAME + r"(?:\s*[/-]\s*|\s*,?\s*(?:del?\s+)?)" + _YEAR,
    DateOrder.MON_D_Y: _NAME + r"\s*" + _DAY + r"\s*,?\s*(?P<y>\d{4})",
    DateOrder.DM: _DAY + _MARK + _MONTH,
    DateOrder.D_MON: _DAY + r"(?:\s*[/-]\s*|\s*(?:de\s+)?)" + _NAME,
    DateOrder.COMPACT: r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
}
_WEEKDAY = r"(?:(?:lun|mar|mie|jue|vie|sab|dom|mon|tue|wed|thu|fri|sun|sat)[a-z]*\.?,?\s+)?"
_BETWEEN = r"(?:\s*(?:,|/|-|;|t|a las?|a la\(s\)|at|hora:?)\s*)*\s*"
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.\d+)?)?\s*(?:(?P<half>[ap])\s*\.?\s*m\s*\.?)?"
    r"\s*(?:horas?|hrs?|hours?|h)?\s*\.?\s*(?:\(?(?:sgt|ast|ist|cst|gmt-6|sg time|hora de costa rica)\)?)?\.?"
)
_CLOCK = Pattern(rf"^(?:a las?\s+)?{_TIME}$")
_DATES = {
    order: Pattern(rf"^{_WEEKDAY}(?:el\s+)?(?:dia\s+)?{shape}(?:{_BETWEEN}{_TIME})?[\s.,]*$")
    for order, shape in _SHAPES.items()
}
_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            *("ene jan enero january janeiro", "feb febrero february fevereiro fev", "mar marzo march marco"),
            *("abr apr abril april", "may mayo maio mai", "jun junio june junho", "jul julio july julho"),
            *("ago aug agosto august", "sep set sept septiembre setiembre september setembro"),
            *("oct octubre october out outubro", "nov noviembre november novembro"),
            "dic dec diciembre december dez dezembro",
        ),
        start=1,
    )
    for word in words.split()
}


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened, and where that is known from: an aware datetime, or a bare date."""

    at: datetime | date
    dated_by: DatedBy


def month_words() -> frozenset[str]:
    """Return every name of a month that is known, folded."""
    return frozenset(_MONTHS)


def moment(
    day: str | None,
    clock: str | None,
    orders: tuple[DateOrder, ...],
    received: datetime,
    zone: tzinfo,
    posted: str | None = None,
) -> Moment:
    """Return when a transaction took place, of a date that may hold the time and of a time of its own.

    Without a year it is the latest such day, without a day the latest such moment not after the mail was received
    (ten minutes of leave for clocks); without both, the receive time. `posted` is another date of the mail, from which
    one without a year takes it. Raises `BadValue` for text that is no date.
    """
    local = received.astimezone(zone)
    of_day = _clock(clock) if clock else None
    if not day:
        if of_day is None:
            return Moment(local.replace(microsecond=0), DatedBy.RECEIVED)
        return Moment(_latest_time(of_day, local, zone), DatedBy.BODY_AND_RECEIVED)
    found, order = _matched(day, orders)
    of_day = _time_of(found, day) or of_day
    dated_by = DatedBy.BODY if "y" in order.value or posted else DatedBy.BODY_AND_RECEIVED
    if posted and "y" not in order.value:
        on = _day_near(found, day, posted, orders)
    else:
        on = _day(found, day, None if dated_by is DatedBy.BODY else local)
    return Moment(on if of_day is None else datetime.combine(on, of_day, zone), dated_by)


def _matched(text: str, orders: tuple[DateOrder, ...]) -> tuple[dict[str, str], DateOrder]:
    """Return the parts of a date by their names, and the order in which they stand."""
    folded = Encoded(fold_word(text).strip(" .,;"))
    for order in orders:
        hit = _DATES[order].search(folded)
        if hit is not None:
            return hit.texts(), order
    raise BadValue(f"{text!r} is no date of the order {' or '.join(orders)}")


def _day(found: dict[str, str], text: str, local: datetime | None) -> date:
    month = int(found["m"]) if found.get("m") else _MONTHS.get(found.get("mon") or "", 0)
    try:
        if local is not None:
            return _latest_day(month, int(found["d"]), local)
        year = int(found["y"])
        return date(year + 2000 if year < 100 else year, month, int(found["d"]))
    except ValueError:
        raise BadValue(f"{text!r} is no day of the calendar") from None


def _day_near(found: dict[str, str], text: str, posted: str, orders: tuple[DateOrder, ...]) -> date:
    """Return the day without a year that lies next to the day on which it was posted."""
    parts, order = _matched(posted, orders)
    if "y" not in order.value:
        raise BadValue(f"{posted!r} holds no year")
    near = _day(parts, posted, None)
    on = _day(found, text, datetime(near.year, near.month, near.day, tzinfo=UTC) + _MONTH_LONG)
    if on < near - _MONTH_LONG:
        raise BadValue(f"{text!r} does not go with {posted!r}")
    return on


def _latest_day(month: int, day: int, local: datetime) -> date:
    for year in range(local.year + 1, local.year - 5, -1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found <= (local + LATE_CLOCK).date():
            return found
    raise ValueError


def _latest_time(of_day: time, local: datetime, zone: tzinfo) -> datetime:
    today = datetime.combine((local + LATE_CLOCK).date(), of_day, zone)
    return today if today <= local + LATE_CLOCK else datetime.combine(today.date() - timedelta(days=1), of_day, zone)


def _clock(text: str) -> time:
    hit = _CLOCK.search(Encoded(fold_word(text)))
    found = _time_of(hit.texts(), text) if hit else None
    if found is None:
        raise BadValue(f"{text!r} is no time of day")
    return found


def _time_of(found: dict[str, str], text: str) -> time | None:
    if not found.get("hour"):
        return None
    hour, half = int(found["hour"]), found.get("half")
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    try:
        return time(hour, int(found["minute"]), int(found.get("second") or 0))
    except ValueError:
        raise BadValue(f"{text!r} is no time of day") from None
