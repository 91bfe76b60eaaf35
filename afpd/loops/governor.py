"""The quota governor: who may spend how much of Google's quota, and when everybody has to come more rarely.

Three budgets, of which each request needs room in all: the mailbox's minute, the project's minute, the project's day.

* A tenth of each minute's budget stays unused: Google counts differently than we do.
* A visit takes no more of a minute than its share among the visits under way; of what is urgent a quarter at most.
* What can wait (first imports, the past of new senders, audits) takes at most half of the project's minute together,
  and less while the cadence is stretched.
* Regular visits wait until the minute has room; whoever is refused keeps its turn (`BudgetSpent`).
* When the day's budget will not last, or ticks wait long for the minute, all intervals stretch.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from afpd.clock import Clock
from afpd.config.quota import Quota
from afpd.errors import BudgetSpent, QuotaExhausted
from afpd.log import get
from afpd.loops.spending import Day, Window, hour, minute, quota_day
from afpd.store.quota import Spent

MOST_STRETCH = 12.0
_USABLE = 0.9  # of a minute's budget
_AIMED_AT = 0.95  # of the day's budget
_SHARE_BEHIND = 0.5
_HEAVY = 0.1  # of a mailbox's minute: whoever spent so much is remembered for the rest of it
_STEP = 1.25
_LONG_WAIT = 0.25  # of the time between two ticks
_LEAST_COVERED = timedelta(minutes=5)
_NOTICEABLE = 0.05

log = get("quota")


class Rank(StrEnum):
    """What is urgent comes first: what can wait (first imports, the past of new senders, audits) stands behind."""

    REGULAR = "regular"
    BEHIND = "behind"


_LEAST_VISITS_THAT_SHARE = {Rank.REGULAR: 4, Rank.BEHIND: 1}


@dataclass(slots=True)
class _Purse:
    """What one visit may spend."""

    governor: "Governor"
    lingers: Callable[[], bool]
    spent: Window
    is_open: bool = False

    @property
    def _rank(self) -> Rank:
        return Rank.BEHIND if self.lingers() else Rank.REGULAR

    def take(self, units: int) -> None:
        """Take units; see `afpd.gmail.quota.Purse`."""
        self.governor.check_day(units)
        if units > self.left():
            raise BudgetSpent("The quota of the minute has no units left for this visit; its next turn goes on")
        self.is_open = True
        self.spent.add(units, self.governor.clock.monotonic())
        self.governor.spend(units, self._rank)

    def left(self) -> int:
        """Return how many units could be taken now."""
        own = self.governor.share(self._rank) - self.spent.turn(self.governor.clock.monotonic())
        return max(0, int(min(own, self.governor.room(self._rank))))


class Governor:
    """Rations the quota of one daemon. `quota` is asked again each time, so that a reload counts."""

    def __init__(self, clock: Clock, quota: Callable[[], Quota]) -> None:
        self.clock = clock
        self.quota = quota
        self.stretch = 1.0
        self.day: Day = quota_day(clock.now())
        self._minutes = {Rank.REGULAR: minute(), Rank.BEHIND: minute()}
        self._hour = hour()
        self._wanted = hour()  # what would have been spent without stretching
        self._began = clock.monotonic()
        self._expected = 0
        self._heavy: dict[int, Window] = {}
        self._unsaved: dict[date, Spent] = {}
        self._waited = 0.0
        self._by_minute = 1.0  # the stretch that the minute's budget asks for

    def resume(self, spent: Spent, counted_since: datetime) -> None:
        """Go on from what the database knows of this day, and from what it does not know yet."""
        now = self.clock.now()
        self.day = quota_day(now, counted_since)
        unsaved = self._unsaved.get(self.day.day, Spent())
        self.day.units, self.day.visits = spent.units + unsaved.units, spent.visits + unsaved.visits

    async def seats(self, most: int, must_end: Callable[[], bool]) -> int:
        """Return how many more visits the minute bears, up to `most`; wait until it bears one.

        `must_end` is asked each second; 0 is returned when it says so.
        """
        while (seats := self._seats(most)) == 0 and not must_end():
            self._waited += 1.0
            await self.clock.sleep(1.0)
        return seats

    def expect(self, visits: int) -> None:
        """Keep room for visits that were claimed; `visit` gives it back."""
        self._expected += visits

    @contextmanager
    def visit(self, integration_id: int, lingers: Callable[[], bool]) -> Iterator[_Purse]:
        """Open the purse of one expected visit. `lingers` tells whether what it asks for now can wait."""
        purse = _Purse(self, lingers, self._heavy.pop(integration_id, minute()))
        try:
            yield purse
        finally:
            self._expected -= 1
            self._remember(integration_id, purse.spent)
            if purse.is_open:
                self._note(self.day.day, Spent(0, 1))
                self.day.visits += 1

    def has_room_behind(self) -> bool:
        """Whether what can wait may be done now."""
        return self.room(Rank.BEHIND) >= self.quota().one_mail

    def room(self, rank: Rank) -> float:
        """Return the units of the project's minute that visits of this rank may still take."""
        limit, now = self._limit(), self.clock.monotonic()
        behind = self._minutes[Rank.BEHIND].turn(now)
        left = limit - self._minutes[Rank.REGULAR].turn(now) - behind
        return left if rank is Rank.REGULAR else min(left, self._limit_of(Rank.BEHIND) - behind)

    def share(self, rank: Rank) -> float:
        """Return the units that one visit may take within a minute: one mail's way at least."""
        quota = self.quota()
        fair = self._limit_of(rank) / max(_LEAST_VISITS_THAT_SHARE[rank], self._expected)
        return min(quota.user_units_per_minute * _USABLE, max(fair, quota.one_mail))

    def check_day(self, units: int) -> None:
        """Raise QuotaExhausted, until the day turns, when the day's budget has no room for so many units."""
        now = self.clock.now()
        if self.day.is_over(now):
            self.day = quota_day(now)
        budget = self.quota().project_units_per_day
        if budget and self.day.units + units > budget:
            raise QuotaExhausted(
                f"The Google project has used up its Gmail quota of the day by our own count ({self.day.units} units)",
                self.day.ends_at,
            )

    def spend(self, units: int, rank: Rank) -> None:
        """Count units as spent at this moment."""
        now = self.clock.monotonic()
        self._minutes[rank].add(units, now)
        self._hour.add(units, now)
        self._wanted.add(units * (self.stretch if rank is Rank.REGULAR else 1.0), now)
        self.day.units += units
        self._note(self.day.day, Spent(units, 0))

    def review(self, every: timedelta) -> None:
        """Decide anew how far to stretch; at the beginning of each tick, of which there is one `every` so long."""
        if self.day.is_over(now := self.clock.now()):
            self.day = quota_day(now)
        long = every.total_seconds() * _LONG_WAIT
        self._by_minute = max(1.0, self._by_minute * _STEP if self._waited > long else self._by_minute / _STEP)
        self._waited = 0.0
        self._expected = 0  # what an earlier tick claimed and did not come to
        wanted = min(MOST_STRETCH, max(1.0, self._by_minute, self._day_pressure(every)))
        was, self.stretch = self.stretch, 1.0 if wanted < 1.0 + _NOTICEABLE else wanted
        if self.stretch > 1.0 >= was:
            log.warning("quota.stretched", factor=round(self.stretch, 2), units_of_the_day=self.day.units)
        elif was > 1.0 >= self.stretch:
            log.warning("quota.released", units_of_the_day=self.day.units)

    def _day_pressure(self, every: timedelta) -> float:
        """Return by how much the pace of the last hour, unstretched, exceeds what the day has left."""
        budget = self.quota().project_units_per_day
        if not budget:
            return 1.0
        left = budget * _AIMED_AT - self.day.units
        if left <= 0:
            return MOST_STRETCH
        remaining = (self.day.ends_at - self.clock.now()).total_seconds()
        return self._wanted.turn(self.clock.monotonic()) / self._covered_seconds(every) * remaining / left

    def _covered_seconds(self, every: timedelta = timedelta()) -> float:
        elapsed = min(3600.0, self.clock.monotonic() - self._began)
        return max(elapsed, every.total_seconds(), _LEAST_COVERED.total_seconds())

    def report(self, active: int) -> dict[str, float | None]:
        """Return what /status shows; `active` is the number of integrations. May be called from another thread."""
        quota, now = self.quota(), self.clock.now()
        day = self.day if not self.day.is_over(now) else quota_day(now)
        monotonic = self.clock.monotonic()
        pace = self._hour.peek(monotonic) / self._covered_seconds()
        left = max(0.0, (day.ends_at - now).total_seconds())
        counted = (now - day.counted_since).total_seconds()
        rate = day.units / counted if counted > _LEAST_COVERED.total_seconds() else pace
        whole_day, budget = rate * 86400, quota.project_units_per_day
        return {
            "units_minute": int(sum(window.peek(monotonic) for window in self._minutes.values())),
            "units_day": day.units,
            "units_day_forecast": int(day.units + pace * left),
            "stretch": round(self.stretch, 2),
            "enough_for_integrations": int(active * budget / whole_day) if active and budget and whole_day else None,
            "user_units_per_minute": quota.user_units_per_minute,
            "project_units_per_minute": quota.project_units_per_minute,
            "project_units_per_day": budget,
        }

    def unsaved(self) -> Mapping[date, Spent]:
        """Return what was spent and not kept yet, by day."""
        return dict(self._unsaved)

    def saved(self, spent: Mapping[date, Spent]) -> None:
        """Note that this was kept."""
        for day, kept in spent.items():
            open_ = self._unsaved[day]
            rest = Spent(open_.units - kept.units, open_.visits - kept.visits)
            if rest == Spent():
                del self._unsaved[day]
            else:
                self._unsaved[day] = rest

    def _note(self, day: date, more: Spent) -> None:
        open_ = self._unsaved.get(day, Spent())
        self._unsaved[day] = Spent(open_.units + more.units, open_.visits + more.visits)

    def _remember(self, integration_id: int, spent: Window) -> None:
        now = self.clock.monotonic()
        if spent.turn(now) >= self.quota().user_units_per_minute * _HEAVY:
            self._heavy = {key: window for key, window in self._heavy.items() if window.turn(now)}
            self._heavy[integration_id] = spent

    def _seats(self, most: int) -> int:
        one, room = self.quota().one_mail, self.room(Rank.REGULAR)
        seats = min(float(most), room / one - self._expected) if one else most
        if seats < 1 and not self._expected and room >= self._limit():
            return 1  # a budget smaller than one mail's way still lets one visit try
        return max(0, int(seats))

    def _limit(self) -> float:
        return self.quota().project_units_per_minute * _USABLE or float("inf")

    def _limit_of(self, rank: Rank) -> float:
        return self._limit() * (1.0 if rank is Rank.REGULAR else _SHARE_BEHIND / self.stretch)
