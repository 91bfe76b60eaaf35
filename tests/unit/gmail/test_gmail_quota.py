"""Units are asked for before they are spent, and the bell is the question that costs less."""

from datetime import timedelta

import pytest

from afpd.config import Settings
from afpd.errors import BudgetSpent
from afpd.gmail.methods import Method
from afpd.gmail.quota import Meter, first_question

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def quota(**gmail):
    return Settings.model_validate({"gmail": gmail}).gmail.budget


class Purse:
    def __init__(self, units):
        self.units = units

    def take(self, units):
        if units > self.units:
            raise BudgetSpent("none left")
        self.units -= units

    def left(self):
        return self.units


def test_what_the_purse_refuses_is_not_counted():
    whole = Meter(quota())
    meter = Meter(quota(), whole, Purse(6))
    meter.charge(Method.PROFILE)
    with pytest.raises(BudgetSpent):
        meter.charge(Method.MESSAGE)
    meter.charge(Method.SEARCH)
    assert (meter.used, whole.used) == (6, 6)


def test_a_batch_is_charged_as_a_whole_or_not_at_all():
    meter = Meter(quota(), None, Purse(50))
    with pytest.raises(BudgetSpent):
        meter.charge(Method.MESSAGE, 3)
    meter.charge(Method.MESSAGE, 2)
    assert meter.used == 40


@pytest.mark.parametrize(("units", "most", "bears"), [(1000, 25, 25), (70, 25, 3), (5, 25, 1), (0, 25, 1)])
def test_a_batch_is_no_larger_than_the_purse_bears(units, most, bears):
    assert Meter(quota(), None, Purse(units)).affordable(Method.MESSAGE, most) == bears


def test_the_older_table_is_chosen_by_its_name():
    older = quota(quota="older")
    assert (older.messages_get, older.user_units_per_minute, older.project_units_per_day) == (5, 15_000, 0)
    assert (quota().messages_get, quota().user_units_per_minute, quota().project_units_per_day) == (
        20,
        6_000,
        80_000_000,
    )


def test_what_is_set_counts_instead_of_the_table():
    mixed = quota(quota="older", user_units_per_minute=700, units={"messages_get": 9})
    assert (mixed.user_units_per_minute, mixed.messages_get, mixed.messages_list) == (700, 9, 5)


@pytest.mark.parametrize("table", ["2026-05", "older"])
def test_a_mailbox_that_is_visited_often_is_asked_for_its_profile(table):
    assert first_question(quota(quota=table), 5 * MINUTE, 20 * MINUTE) is Method.PROFILE
    assert first_question(quota(quota=table), 30 * MINUTE, 10 * HOUR) is Method.PROFILE


def test_a_busy_mailbox_that_was_not_visited_for_long_is_asked_for_its_history():
    assert first_question(quota(), 2 * HOUR, timedelta()) is Method.HISTORY


@pytest.mark.parametrize(
    ("profile", "history", "bell"),
    [(1, 1, Method.HISTORY), (2, 2, Method.HISTORY), (1, 5, Method.PROFILE), (5, 2, Method.HISTORY)],
)
def test_other_prices_choose_another_bell(profile, history, bell):
    prices = quota(units={"profile": profile, "history": history})
    assert first_question(prices, 5 * MINUTE, 30 * MINUTE) is bell
