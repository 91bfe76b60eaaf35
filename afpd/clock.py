"""Time as the program sees it: aware UTC for what is stored, monotonic seconds for what is waited for.

Everything that asks for the time takes a `Clock`, so that a test can own it.
"""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Where the time comes from. Wall time may jump; monotonic time may not."""

    def now(self) -> datetime:
        """Return the wall time as an aware datetime in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow; their zero means nothing."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds; zero or less only yields."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the machine's wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds on the running event loop."""
        await asyncio.sleep(max(0.0, seconds))


def zone(name: str) -> tzinfo:
    """Return the zone of that name; "local" is the machine's own, daylight saving included.

    Raises `zoneinfo.ZoneInfoNotFoundError` or `ValueError` for a name that is no zone.
    """
    return _LocalZone() if name == "local" else ZoneInfo(name)


class _LocalZone(tzinfo):
    """The machine's zone at the moment in question, so that a change of daylight saving is followed."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        if dt is None:
            return None
        return dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:  # noqa: ARG002 - the signature is datetime.tzinfo's
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        return None if dt is None else dt.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, dt: datetime) -> datetime:
        # Naive on purpose: only so does Python tell the two passes of an hour that the clocks go through twice (fold).
        local = datetime.fromtimestamp(dt.replace(tzinfo=UTC).timestamp())  # noqa: DTZ006
        return local.replace(tzinfo=self)


def start_of_day(now: datetime, where: tzinfo) -> datetime:
    """Return the UTC moment at which the day that holds `now` began in the zone `where`."""
    midnight = datetime.combine(day_of(now, where), datetime.min.time(), where)
    return midnight.astimezone(UTC)


def day_of(now: datetime, where: tzinfo) -> date:
    """Return the calendar day of `now` in the zone `where`."""
    return now.astimezone(where).date()
