"""A bad week of many mailboxes, on one clock for daemon and sandbox: what happens when, and what it comes to.

Two outages, a day on which the project's quota is used up, grants that are taken away and given again, histories that
expire. Time passes only between ticks; what arrives does so at its own moment.
"""

import heapq
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from model.universe import BEGAN, LeapingClock
from sqlalchemy import func, select
from support.world import World, world

from afpd.sandbox import Fault, Sandbox
from afpd.sandbox.letters import MONEY
from afpd.store import schema

HOUR, DAY = 3600.0, 86400.0
PRIVATE = b"From: friend@example.net\r\nTo: you@example.com\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"


@dataclass(frozen=True)
class Plan:
    """The size of a week: bank mails and other mails per integration and day; `every` is the frequency in seconds."""

    integrations: int = 200
    days: int = 7
    bank_mails: int = 3
    others: int = 37
    revoked: float = 0.03
    expired_per_day: float = 0.05
    every: float = 300.0
    adaptive: bool = True
    seed: int = 20261122


@dataclass(order=True)
class Happening:
    """Something that happens at a second of the week."""

    at: float
    order: int
    what: Callable[[], Any] = field(compare=False)


@dataclass
class Week:
    """One run of a plan."""

    plan: Plan
    here: World
    clock: LeapingClock
    happenings: list[Happening] = field(default_factory=list)
    wanted: dict[tuple[str, str], datetime] = field(default_factory=dict)
    connecting: list[str] = field(default_factory=list)
    missing_after_a_day: int = 0
    calm: set[tuple[str, str]] = field(default_factory=set)
    trouble_until: float = 0.0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)
        self.addresses = [f"user{number:04d}@example.com" for number in range(self.plan.integrations)]

    def schedule(self) -> None:
        """Lay out the week; what a client could still find is delivered at least an hour before its end."""
        for address in self.addresses:
            self._mail_of(address)
        for address in self.chance.sample(self.addresses, max(1, round(self.plan.revoked * len(self.addresses)))):
            gone = self.chance.uniform(0.5, self.plan.days - 2) * DAY
            self._at(gone, lambda address=address: self.here.sandbox.revoke(address))
            back = gone + self.chance.uniform(6, 30) * HOUR
            self._at(back, lambda address=address: self.connecting.append(address))
        for _ in range(round(self.plan.expired_per_day * self.plan.days * len(self.addresses))):
            address = self.chance.choice(self.addresses)
            moment = self.chance.uniform(0, self.plan.days - 0.2) * DAY
            self._at(moment, lambda address=address: self.here.sandbox.mailboxes[address].expire_history())
        self._trouble(1.45 * DAY, 3 * HOUR, Fault.SERVER_503)
        self._trouble(2.45 * DAY, 9.9 * HOUR, Fault.DAILY_403)  # to the turn of the day in California
        self._trouble(4.6 * DAY, 0.7 * HOUR, Fault.HTML_502, Fault.RESET, Fault.TRUNCATED, Fault.LIST_503)
        heapq.heapify(self.happenings)

    def _mail_of(self, address: str) -> None:
        for day in range(self.plan.days):
            for number in range(self.plan.bank_mails + self.plan.others):
                at = min((day + self.chance.random()) * DAY, self.plan.days * DAY - HOUR)
                is_bank = number < self.plan.bank_mails
                self._at(at, lambda is_bank=is_bank: self._deliver(address, is_bank))

    def _deliver(self, address: str, is_bank: bool) -> None:
        lag = self.chance.choice((2, 5, 20, 60, 240))
        if is_bank:
            letter = self.here.sandbox.write_letter(address, self.chance.choice(MONEY))
            mail = self.here.sandbox.deliver(address, letter, indexed_after=lag)
            self.wanted[address, mail] = self.clock.now()
            if self.clock.elapsed > self.trouble_until and not self.here.sandbox.mailboxes[address].revoked:
                self.calm.add((address, mail))
        else:
            self.here.sandbox.mailboxes[address].deliver(PRIVATE, indexed_after=lag)

    def _trouble(self, at: float, seconds: float, *faults: Fault) -> None:
        until = BEGAN + timedelta(seconds=at + seconds)
        self._at(at, lambda: self._strike(at + seconds, until, *faults))

    def _strike(self, end: float, until: datetime, *faults: Fault) -> None:
        self.trouble_until = end + HOUR
        self.here.sandbox.faults.add(*faults, until=until)

    def _at(self, second: float, what: Callable[[], Any]) -> None:
        self.happenings.append(Happening(second, len(self.happenings), what))

    async def run(self) -> None:
        """Let the week pass, tick by tick, and half a day more in which nothing happens."""
        for address in self.addresses:
            await self.here.connect(address, every=timedelta(seconds=self.plan.every))
        self.schedule()
        tick = 0.0
        while tick < (self.plan.days + 0.5) * DAY:
            await self._pass_until(tick)
            await self.here.tick()
            if tick % HOUR == 0:
                await self.here.parse()
            if tick == DAY:
                self.missing_after_a_day = await self.missing()
            tick += self.plan.every

    async def _pass_until(self, second: float) -> None:
        while self.happenings and self.happenings[0].at <= second:
            happening = heapq.heappop(self.happenings)
            self.clock.elapsed = max(self.clock.elapsed, happening.at)
            happening.what()
        self.clock.elapsed = max(self.clock.elapsed, second)
        for address in self.connecting:
            self.here.sandbox.mailboxes[address].revoked = False
            await self.here.connect(address, every=timedelta(seconds=self.plan.every))
        self.connecting.clear()

    async def missing(self) -> int:
        """Return how many mails the audits found that a visit should have found."""
        (row,) = await self.here.rows(select(func.sum(schema.integrations.c.emails_missing)))
        return int(row[0] or 0)


@dataclass(frozen=True)
class Outcome:
    """What a week came to; delays in seconds from a bank mail's delivery to its being kept."""

    wanted: int
    lost: int
    foreign: int
    doubled: int
    missing_later: int
    errors_left: int
    units_per_day: float
    requests: int
    delays: list[float]
    calm_delays: list[float]
    seconds: float

    def __str__(self) -> str:
        return (
            f"  bank mails {self.wanted}: lost {self.lost}, foreign {self.foreign}, doubled {self.doubled}; audits "
            f"found {self.missing_later} after the first day; integrations in error {self.errors_left}\n"
            f"  units per integration and day {self.units_per_day:.0f}, requests {self.requests}\n"
            f"  detection delay outside of trouble: {_spread(self.calm_delays)}\n"
            f"  detection delay of all mails: {_spread(self.delays)}\n"
            f"  {self.seconds:.0f} s of real time"
        )


def _spread(delays: list[float]) -> str:
    cuts = statistics.quantiles(delays, n=20)
    middle = statistics.median(delays)
    return f"median {middle / 60:.1f} min, p95 {cuts[18] / 60:.1f} min, longest {max(delays) / HOUR:.1f} h"


async def live_through(plan: Plan, folder: Path) -> Outcome:
    """Run a plan and return what it came to."""
    clock, began = LeapingClock(), time.monotonic()
    sandbox = Sandbox(clock=clock, seed=plan.seed)
    tables = {
        "gmail": {"retry_base": "1ms", "rate_pause": "60s", "visit_deadline": "60s"},
        "import": {"adaptive": plan.adaptive, "concurrency": 32},
    }
    async with world(folder, clock=clock, sandbox=sandbox, **tables) as here:
        week = Week(plan, here, clock)
        await week.run()
        return await _outcome(week, time.monotonic() - began)


async def _outcome(week: Week, seconds: float) -> Outcome:
    here, jobs = week.here, schema.email_parsing_jobs
    rows = await here.rows(
        select(schema.integrations.c.email_account, jobs.c.email_message_id, jobs.c.created_at).join(
            schema.integrations, schema.integrations.c.id == jobs.c.integration_id
        )
    )
    kept = {(row.email_account, row.email_message_id): row.created_at.astimezone(UTC) for row in rows}
    delays = {key: (kept[key] - at).total_seconds() for key, at in week.wanted.items() if key in kept}
    states = await here.rows(select(schema.integrations.c.import_status))
    return Outcome(
        wanted=len(week.wanted),
        lost=len(set(week.wanted) - set(kept)),
        foreign=len(set(kept) - set(week.wanted)),
        doubled=len(rows) - len(kept),
        missing_later=await week.missing() - week.missing_after_a_day,
        errors_left=sum(row.import_status == "error" for row in states),
        units_per_day=here.sandbox.units / week.plan.integrations / (week.plan.days + 0.5),
        requests=here.sandbox.traffic.requests.total(),
        delays=list(delays.values()),
        calm_delays=[delay for key, delay in delays.items() if key in week.calm],
        seconds=seconds,
    )
