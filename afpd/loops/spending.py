"""What was spent of Gmail's quota: of the last minute and the last hour in memory, of the day also across restarts."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from afpd.clock import day_of, start_of_day

# Google's daily quotas turn at midnight Pacific time (Google Cloud, "Working with quotas").
QUOTA_ZONE = ZoneInfo("America/Los_Angeles")
_MINUTE_SLOTS = 61  # one more than a minute has seconds: whatever minute Google counts lies within
_HOUR_SLOTS = 60


@dataclass(slots=True)
class Window:
    """Units of the last so many slots of `seconds` each, by monotonic time; of a fixed size."""

    seconds: float
    slots: int
    total: float = 0.0
    _units: list[float] = field(default_factory=list)
    _latest: int | None = None

    def __post_init__(self) -> None:
        self._units = [0.0] * self.slots

    def add(self, units: float, monotonic: float) -> None:
        """Count units that are spent at this moment."""
        self.turn(monotonic)
        self._units[int(monotonic // self.seconds) % self.slots] += units
        self.total += units

    def turn(self, monotonic: float) -> float:
        """Forget what is older than the window, and return what is left."""
        slot = int(monotonic // self.seconds)
        if self._latest is None:
            self._latest = slot
        for passed in range(self._latest + 1, min(slot, self._latest + self.slots) + 1):
            self.total -= self._units[passed % self.slots]
            self._units[passed % self.slots] = 0.0
        self._latest = max(self._latest, slot)
        return self.total

    def peek(self, monotonic: float) -> float:
        """Return what the window holds at this moment, without touching it: for another thread."""
        latest, slot = self._latest, int(monotonic // self.seconds)
        if latest is None:
            return 0.0
        return sum(self._units[one % self.slots] for one in range(slot - self.slots + 1, latest + 1))


def minute() -> Window:
    """Return a window that covers whatever minute Google counts."""
    return Window(1.0, _MINUTE_SLOTS)


def hour() -> Window:
    """Return a window of an hour."""
    return Window(60.0, _HOUR_SLOTS)


@dataclass(slots=True)
class Day:
    """Units and visits of one of Google's days; `counted_since` is when counting began, midnight at the earliest."""

    day: date
    counted_since: datetime
    units: int = 0
    visits: int = 0

    def is_over(self, now: datetime) -> bool:
        """Whether `now` belongs to a later day. A clock that goes back does not bring a day back."""
        return day_of(now, QUOTA_ZONE) > self.day

    @property
    def ends_at(self) -> datetime:
        """The UTC moment of the next midnight in Pacific time."""
        return start_of_day(datetime.combine(self.day + timedelta(days=1), datetime.min.time(), QUOTA_ZONE), QUOTA_ZONE)


def quota_day(now: datetime, counted_since: datetime | None = None) -> Day:
    """Return the empty day that holds `now`; without `counted_since` counting began at its midnight."""
    midnight = start_of_day(now, QUOTA_ZONE)
    return Day(day_of(now, QUOTA_ZONE), max(midnight, counted_since or midnight))
