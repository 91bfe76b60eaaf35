"""When a match rate counts as fallen: never in a year of ordinary noise, and within a day when a layout changes."""

import random
from collections import Counter
from datetime import date, timedelta

import pytest

from afpd.loops.rates import KEEPS, Fall, findings

FIRST = date(2026, 1, 1)
BANK = 1


def day(number):
    return FIRST + timedelta(days=number)


def rows(mails):
    """Rows of `mails`: per day a Counter of (template, read or not)."""
    told = []
    for number, counts in mails.items():
        at = day(number).isoformat()
        told += [(BANK, name, at, counts[name, True], counts[name, False]) for name in {name for name, _ in counts}]
    return told


def ordinary(dice, days, a_day, unread, templates=("card", "transfer")):
    """Days with weekends, with more and less of what nobody reads, and with templates of different weight."""
    mails = {}
    for number in range(days):
        volume = a_day * (0.4 if number % 7 > 4 else 1.0)
        share = unread * dice.choice([0.3, 0.5, 1, 1, 1, 2, 3])
        counts = mails[number] = Counter()
        for _ in range(sum(dice.random() < volume / (4 * a_day + 4) for _ in range(int(4 * a_day) + 4))):
            name = dice.choices(templates, range(len(templates), 0, -1))[0]
            if dice.random() < share:
                counts[dice.choice(["", "", name]), False] += 1
            else:
                counts[name, True] += 1
    return mails


def alarms_of(mails, days):
    """The findings that began, day by day, as the daemon would see them."""
    known, began = [], []
    for number in days:
        seen = {at: counts for at, counts in mails.items() if number - KEEPS <= at <= number}
        found = findings(rows(seen), day(number), known)
        began += [(number, one) for one in found if one.key not in {other.key for other in known}]
        known = found
    return began


@pytest.mark.parametrize("a_day", [0.5, 3, 20])
@pytest.mark.parametrize("unread", [0.0, 0.02, 0.08])
def test_a_year_of_ordinary_noise_raises_no_alarm(a_day, unread):
    mails = ordinary(random.Random(f"{a_day} {unread}"), 365, a_day, unread)

    assert alarms_of(mails, range(365)) == []


def test_a_new_layout_at_a_bank_of_twenty_mails_a_day_is_noticed_on_its_first_day():
    mails = ordinary(random.Random(1), 60, 20, 0.02)
    mails[60] = Counter({("", False): 8, ("transfer", True): 4})

    ((number, one),) = alarms_of(mails, range(50, 61))

    assert (number, one.kind, one.template, one.since) == (60, Fall.UNREAD, "card", day(60))
    assert one.rate < 0.5 < one.usual_rate


def test_it_lasts_until_the_mails_are_read_and_begins_once():
    mails = ordinary(random.Random(1), 60, 20, 0.02)
    for number in range(60, 100):
        mails[number] = Counter({("", False): 12, ("transfer", True): 6})

    assert len(alarms_of(mails, range(50, 100))) == 1
    known = findings(rows(mails), day(99), ())
    for number in range(60, 100):
        mails[number] = Counter({("card", True): 12, ("transfer", True): 6})
    assert findings(rows(mails), day(99), known) == []


def test_a_template_whose_values_fail_is_named():
    mails = {number: Counter({("card", True): 10, ("transfer", True): 10}) for number in range(60)}
    mails[60] = Counter({("card", False): 10, ("transfer", True): 10})

    ((_, one),) = alarms_of(mails, range(59, 61))

    assert (one.kind, one.template, one.rate, one.usual_rate) == (Fall.FAILING, "card", 0.0, 1.0)


def test_a_daily_template_that_reads_nothing_more_is_silent_though_all_else_is_read():
    mails = {number: Counter({("card", True): 5, ("transfer", True): 15}) for number in range(67)}
    for number in range(60, 67):
        del mails[number]["card", True]

    ((number, one),) = alarms_of(mails, range(55, 67))

    assert (number, one.kind, one.template, one.usual_rate) == (63, Fall.SILENT, "card", 0.25)


def test_a_template_that_another_takes_over_from_is_not_silent():
    mails = {number: Counter({("card", True): 5, ("transfer", True): 15}) for number in range(70)}
    for number in range(60, 70):
        mails[number] = Counter({("card-2026", True): 5, ("transfer", True): 15})

    assert alarms_of(mails, range(55, 70)) == []


def test_a_bank_of_three_mails_raises_no_alarm():
    mails = {number: Counter({("card", True): 1}) for number in (1, 20, 40)}
    mails[60] = Counter({("", False): 3})

    assert alarms_of(mails, range(61)) == []


def test_a_short_past_raises_no_alarm():
    mails = {number: Counter({("card", True): 40}) for number in range(10)}
    mails[10] = Counter({("", False): 40})

    assert alarms_of(mails, range(11)) == []
