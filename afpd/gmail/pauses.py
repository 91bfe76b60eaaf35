"""When to come back after "slow down": what Google says, never sooner than we choose, never later than a day."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from afpd.gmail.transport import Answer, http_date

LONGEST_PAUSE = timedelta(hours=24)
_STATED = re.compile(r"retry after\s+(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))", re.IGNORECASE)
# Google's daily quotas turn at midnight Pacific time (Google Cloud, "Working with quotas").
_QUOTA_ZONE = ZoneInfo("America/Los_Angeles")


def come_back_at(answer: Answer, message: str, now: datetime, pause: timedelta) -> datetime:
    """Return the UTC moment for the next request: the latest of header, message and `now` plus `pause`, within a day.

    The moments that Google states are taken relative to Google's own Date header, so that a wrong clock of ours
    does not stretch or shorten them; moments in the past and nonsense are ignored. `now` is our time, aware.
    """
    theirs = answer.server_time or now
    waits = [pause, _header_wait(answer.headers.get("Retry-After", ""), theirs), _message_wait(message, theirs)]
    longest = max(wait for wait in waits if wait is not None)
    return now.astimezone(UTC) + min(longest, LONGEST_PAUSE)


def stated_moment(answer: Answer, now: datetime) -> datetime | None:
    """Return the UTC moment that a Retry-After header names, in our time and within a day; None without one."""
    wait = _header_wait(answer.headers.get("Retry-After", ""), answer.server_time or now)
    return None if wait is None or wait <= timedelta() else now.astimezone(UTC) + min(wait, LONGEST_PAUSE)


def quota_day_turns_at(answer: Answer, now: datetime) -> datetime:
    """Return the UTC moment, in our time, at which Google's quota day ends."""
    theirs = answer.server_time or now
    tomorrow = theirs.astimezone(_QUOTA_ZONE).date() + timedelta(days=1)
    turn = datetime.combine(tomorrow, datetime.min.time(), _QUOTA_ZONE)
    return now.astimezone(UTC) + (turn.astimezone(UTC) - theirs)


def _header_wait(header: str, theirs: datetime) -> timedelta | None:
    """Read Retry-After, seconds or an HTTP date (RFC 9110, section 10.2.3)."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        # More than seven digits are beyond any cap, and beyond what a timedelta can hold.
        return timedelta(seconds=int(text[:8]))
    stated = http_date(text)
    return stated - theirs if stated is not None else None


def _message_wait(message: str, theirs: datetime) -> timedelta | None:
    found = _STATED.search(message[:1000])
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1]) - theirs
    except (ValueError, OverflowError):
        return None
