"""When a match rate has fallen beyond noise. Pure.

The mails of the last one, three or seven days are held against the eight weeks before them. Had nothing changed, so
many unread among them would have a chance of at most exp(-n KL(now || usual) / dispersion), the Chernoff bound of the
binomial tail (H. Chernoff, 1952); the dispersion says by how much the days of the past differ more than chance lets
them (Pearson's chi-squared by its degrees of freedom). An alarm begins below e^-16, one in nine million, and needs five
unread mails at least, and thirty mails on fourteen days in the past: a bank with three mails never raises one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from math import log

WINDOWS = (1, 3, 7)
SILENCES = (3, 4, 5, 6, 7)
PAST_DAYS = 56
LEAST_PAST = 30
LEAST_DAYS = 14
LEAST_UNREAD = 5
BEGINS = 16.0
ENDS = 3.0
KEEPS = 2 * (PAST_DAYS + WINDOWS[-1])
"""Days that are kept: an alarm may last as long as the past that it is held against."""
_DAILY = 0.8

DayRow = tuple[int, str, str, int, int]
"""Bank, template or '', day in ISO 8601, matched, failed."""

_Days = dict[date, tuple[int, int]]  # of each day: well, and not


class Fall(StrEnum):
    """What fell: how many of a bank's mails are read, of those that a template fits, or how often it fits at all."""

    UNREAD = "unread"
    FAILING = "failing"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rate that fell: of its bank's mails, or of its template's, or the share of a template that reads nothing more.

    Of UNREAD, `template` is the one whose mails are missed most, if any. `since` is the first day of it.
    """

    kind: Fall
    bank_id: int
    template: str | None
    rate: float
    usual_rate: float
    since: date

    @property
    def key(self) -> tuple[str, int, str | None]:
        """What makes it the same finding on the next day."""
        return self.kind.value, self.bank_id, None if self.kind is Fall.UNREAD else self.template


def findings(rows: Iterable[DayRow], today: date, known: Sequence[Finding] = ()) -> list[Finding]:
    """Return what has fallen by `today`; `known` findings stay until little speaks for them any more."""
    by_bank: dict[int, dict[str, _Days]] = defaultdict(lambda: defaultdict(dict))
    for bank_id, template, day, matched, failed in rows:
        by_bank[bank_id][template][date.fromisoformat(day)] = (matched, failed)
    before = {one.key: one for one in known}
    return [one for bank_id in sorted(by_bank) for one in _of_bank(bank_id, by_bank[bank_id], today, before)]


def _of_bank(
    bank_id: int, templates: Mapping[str, _Days], today: date, known: Mapping[tuple[str, int, str | None], Finding]
) -> list[Finding]:
    total = _summed(templates.values())
    found = []
    for name in sorted(set(templates) - {""}):
        failing = Finding(Fall.FAILING, bank_id, name, 0, 0, today)
        found += _fallen(failing, templates[name], today, WINDOWS, known.get(failing.key))
        if _can_be_silent(name, templates, today):
            silent = replace(failing, kind=Fall.SILENT)
            found += _fallen(silent, _shares(templates[name], total), today, SILENCES, known.get(silent.key))
    fresh = Finding(Fall.UNREAD, bank_id, None, 0, 0, today)
    whole = _fallen(fresh, total, today, WINDOWS, known.get(fresh.key))
    if not whole or any(one.kind is Fall.FAILING for one in found):
        return found
    # A layout that changed falls silent and is unread: one alarm is enough, and names it.
    return [replace(one, template=_most_missed(templates, total, one.since, today)) for one in whole]


def _fallen(fresh: Finding, series: _Days, today: date, windows: Sequence[int], known: Finding | None) -> list[Finding]:
    """Return the strongest fall over the windows, if any; a known one is held against the time before it began."""
    limit, least = (BEGINS, LEAST_UNREAD) if known is None else (ENDS, 1)
    if _ill_of_late(series, today) < least:
        return []
    best: list[Finding] = []
    for days in windows:
        start = today - timedelta(days=days - 1)
        begin = start if known is None or known.kind is Fall.SILENT else min(start, known.since)
        past = _between(series, begin - timedelta(days=PAST_DAYS), begin)
        now = _between(series, start, today + timedelta(days=1))
        well, ill = _sum(now)
        usual = _usual(past)
        if usual is None or ill < least or (fresh.kind is Fall.SILENT and well):
            continue
        share, dispersion = usual
        strength = (well + ill) * _divergence(ill / (well + ill), share) / dispersion
        if ill / (well + ill) > share and strength >= limit:
            limit = strength
            since = known.since if known else min(day for day, (_, bad) in now if bad)
            past_well, past_ill = _sum(past)
            usual_rate = past_well / (past_well + past_ill)
            best = [replace(fresh, rate=well / (well + ill), usual_rate=usual_rate, since=since)]
    return best


def _usual(past: Sequence[tuple[date, tuple[int, int]]]) -> tuple[float, float] | None:
    """Return the usual share of what was not well, and the dispersion of its days; None for too short a past."""
    well, ill = _sum(past)
    if well + ill < LEAST_PAST or len(past) < LEAST_DAYS:
        return None
    share = (ill + 1) / (well + ill + 2)
    spread = [(bad - (good + bad) * share) ** 2 / ((good + bad) * share * (1 - share)) for _, (good, bad) in past]
    return share, max(1.0, sum(spread) / max(1, len(spread) - 1))


def _ill_of_late(series: _Days, today: date) -> int:
    return sum(series.get(today - timedelta(days=days), (0, 0))[1] for days in range(WINDOWS[-1]))


def _can_be_silent(name: str, templates: Mapping[str, _Days], today: date) -> bool:
    """Whether a template wrote nearly every day on which its bank did, and no new one reads in its place."""
    if any(templates[name].get(today - timedelta(days=days), (0, 0))[0] for days in range(SILENCES[0])):
        return False
    start = today - timedelta(days=WINDOWS[-1] - 1)
    past = start - timedelta(days=PAST_DAYS)
    total = _summed(templates.values())
    days = [day for day, counts in _between(total, past, start) if any(counts)]
    own = [day for day in days if templates[name].get(day, (0, 0))[0]]
    if len(days) < LEAST_DAYS or len(own) < _DAILY * len(days):
        return False
    last = max(own) + timedelta(days=1)
    others = [series for other, series in templates.items() if other]
    new = [one for one in others if _sum(_between(one, last, today))[0] and not any(_sum(_between(one, past, last)))]
    return not new


def _most_missed(templates: Mapping[str, _Days], total: _Days, since: date, today: date) -> str | None:
    """Return the template that reads so much less than its share that it explains half of what is unread."""
    end = today + timedelta(days=1)
    mails, unread = sum(_sum(_between(total, since, end))), _sum(_between(total, since, end))[1]
    before = since - timedelta(days=PAST_DAYS)
    past = max(1, sum(_sum(_between(total, before, since))))
    missed = {
        name: mails * _sum(_between(series, before, since))[0] / past - _sum(_between(series, since, end))[0]
        for name, series in templates.items()
        if name
    }
    name = max(sorted(missed), key=missed.__getitem__, default=None)
    return name if name is not None and missed[name] >= unread / 2 else None


def _shares(own: _Days, total: _Days) -> _Days:
    """Of each day: the mails that a template read, and the others of its bank."""
    return {day: (own.get(day, (0, 0))[0], sum(counts) - own.get(day, (0, 0))[0]) for day, counts in total.items()}


def _summed(several: Iterable[_Days]) -> _Days:
    total: _Days = {}
    for series in several:
        for day, (well, ill) in series.items():
            former = total.get(day, (0, 0))
            total[day] = (former[0] + well, former[1] + ill)
    return total


def _between(series: _Days, start: date, end: date) -> list[tuple[date, tuple[int, int]]]:
    return [(day, counts) for day, counts in series.items() if start <= day < end and any(counts)]


def _sum(days: Sequence[tuple[date, tuple[int, int]]]) -> tuple[int, int]:
    return sum(well for _, (well, _) in days), sum(ill for _, (_, ill) in days)


def _divergence(now: float, usual: float) -> float:
    """The Kullback-Leibler divergence of two shares; the usual one is neither 0 nor 1."""
    parts = ((now, usual), (1 - now, 1 - usual))
    return sum(share * log(share / other) for share, other in parts if share > 0)
