"""What mailboxes cost in Gmail's units, and how soon their mail is seen. Prints figures; run by `make bench-quota`.

A week of a population, in virtual time. The rule of the cadence, the choice of the bell and the prices are the
program's own; what a visit asks is modelled here: bell, history when something moved, a search when mail was added,
another one when there was no search for `search_again_after` since, one audit a day, a download for each bank mail.
`quota_real.py` holds the model against the importer.

Mail comes as an assumption: forty mails a day, three of them a bank's, along a day as in offices and shops, few at
night. "spread" draws every mail by itself, the dearest way; "bursts" lets two in five come within three minutes of
another, as newsletters and threads do. Ten times a day the mailbox is read, which rings the bell without mail.
"""

import random
import statistics
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from afpd.config import Settings
from afpd.config.quota import Quota
from afpd.gmail.methods import Method
from afpd.gmail.quota import first_question
from afpd.schedule import Cadence

DAYS, MAILBOXES = 7, int(sys.argv[1]) if len(sys.argv) > 1 else 150
MAILS, BANK_MAILS, SITTINGS = 40, 3, 10
BUDGET = 80_000_000
# Mails per hour of the day, local time: mail in general, and the banks', which follows shops and restaurants.
OF_ALL = (10, 6, 4, 4, 6, 15, 30, 50, 70, 80, 80, 75, 70, 65, 65, 65, 60, 55, 50, 45, 40, 35, 25, 16)
OF_BANKS = (5, 2, 1, 1, 2, 5, 20, 40, 50, 50, 60, 70, 90, 70, 50, 50, 60, 80, 90, 80, 60, 40, 20, 10)


@dataclass(slots=True)
class Cost:
    """Units by method, visits, and for each bank mail its minutes until it was seen and whether the mailbox was active."""

    units: Counter[str] = field(default_factory=Counter)
    visits: int = 0
    delays: list[tuple[float, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Life:
    """What happens in a mailbox: minutes of mails and whether a bank wrote them, and minutes at which it is read."""

    mails: list[tuple[float, bool]]
    sittings: list[float]


def live(chance: random.Random, burst: float) -> Life:
    """Draw a week of a mailbox."""
    mails: list[tuple[float, bool]] = []
    for day in range(DAYS):
        others: list[float] = []
        while len(others) < MAILS - BANK_MAILS:
            moment = _moment(chance, OF_ALL, day)
            others.append(moment)
            while len(others) < MAILS - BANK_MAILS and chance.random() < burst:
                others.append(moment + 3 * chance.random())
        mails += [(moment, False) for moment in others]
        mails += [(_moment(chance, OF_BANKS, day), True) for _ in range(BANK_MAILS)]
    sittings = [_moment(chance, OF_ALL, day) for day in range(DAYS) for _ in range(SITTINGS)]
    return Life(sorted(mails), sorted(sittings))


def _moment(chance: random.Random, weights: tuple[int, ...], day: int) -> float:
    hour = chance.choices(range(24), weights)[0]
    return (day * 24 + hour + chance.random()) * 60


def follow(life: Life, cadence: Cadence, quota: Quota, settings: Settings, start: float, end: float) -> Cost:
    """Visit one mailbox from `start` to `end`; minutes throughout."""
    cost, every = Cost(), settings.imports.every
    again = settings.imports.search_again_after.total_seconds() / 60
    mails, sittings = list(life.mails), list(life.sittings)
    now, before, active_at, look_at, audit_at = start, 0.0, 0.0, None, start
    while now < end:
        cost.visits += 1
        new = _taken(mails, now)
        moved = bool(new) or bool(_taken(sittings, now))
        _ring(cost, quota, now - before, before - active_at, moved=moved)
        searches = 0
        if new:
            searches, look_at = 1, now + again
        elif look_at is not None and look_at <= now:
            searches, look_at = 1, None
        if audit_at <= now:
            searches, audit_at = 2, now + 24 * 60  # the banks' senders, and their domains
        cost.units[Method.SEARCH] += searches * quota.messages_list
        was_active = cadence.interval(every, timedelta(minutes=before - active_at)) == every
        for moment, is_banks in new:
            if is_banks:
                cost.units[Method.MESSAGE] += quota.messages_get
                cost.delays.append((now - moment, was_active))
        active_at = now if new else active_at
        before = now
        now += cadence.interval(every, timedelta(minutes=now - active_at)).total_seconds() / 60
    return cost


def _taken(moments: list, now: float) -> list:
    past = 0
    while past < len(moments) and (moments[past][0] if isinstance(moments[past], tuple) else moments[past]) <= now:
        past += 1
    taken = moments[:past]
    del moments[:past]
    return taken


def _ring(cost: Cost, quota: Quota, elapsed: float, silence: float, *, moved: bool) -> None:
    bell = first_question(quota, timedelta(minutes=elapsed), timedelta(minutes=silence))
    if bell is Method.PROFILE:
        cost.units[Method.PROFILE] += quota.profile
    if moved or bell is Method.HISTORY:
        cost.units[Method.HISTORY] += quota.history


def main() -> None:
    """Print the table."""
    settings = Settings()
    print(f"{MAILBOXES} mailboxes, {DAYS} days, {MAILS} mails a day of which {BANK_MAILS} are a bank's, every 5m")
    print(f"{'table':8} {'adaptive':9} {'mail':7} {'units/day':>9} {'bell':>5} {'hist':>5} {'search':>6} {'get':>4}"
          f" {'visits':>6} {'median':>7} {'p95':>6} {'p95 active':>10} {'active':>7} {'80M carry':>10}")  # fmt: skip
    for table in ("2026-05", "older"):
        quota = Settings.model_validate({"gmail": {"quota": table}}).gmail.budget
        for adaptive in (True, False):
            cadence = Cadence(adaptive, settings.imports.idlest)
            for mail, burst in (("spread", 0.0), ("bursts", 0.4)):
                _row(table, cadence, mail, _all(cadence, quota, settings, burst))


def _all(cadence: Cadence, quota: Quota, settings: Settings, burst: float) -> Cost:
    whole = Cost()
    for number in range(MAILBOXES):
        chance = random.Random(number)
        cost = follow(live(chance, burst), cadence, quota, settings, 5 * chance.random(), DAYS * 24 * 60)
        whole.units += cost.units
        whole.visits += cost.visits
        whole.delays += cost.delays
    return whole


def _row(table: str, cadence: Cadence, mail: str, cost: Cost) -> None:
    share = MAILBOXES * DAYS
    units = {method: cost.units[method] / share for method in Method}
    delays = [delay for delay, _ in cost.delays]
    active = [delay for delay, was_active in cost.delays if was_active]
    total = sum(units.values())
    print(
        f"{table:8} {'yes' if cadence.is_adaptive else 'no':9} {mail:7} {total:9.0f} {units[Method.PROFILE]:5.0f}"
        f" {units[Method.HISTORY]:5.0f} {units[Method.SEARCH]:6.0f} {units[Method.MESSAGE]:4.0f}"
        f" {cost.visits / share:6.0f} {statistics.median(delays):6.1f}m {_p95(delays):5.1f}m {_p95(active):9.1f}m"
        f" {len(active) / len(delays):6.0%} {BUDGET / total:10,.0f}"
    )


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    main()
