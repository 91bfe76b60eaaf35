"""How regularly banks write, learnt from moments in any order; a burst counts once."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from afpd.store.habit import LEAST_GAPS, Habit, learnt

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def days(*numbers: float) -> list[datetime]:
    return [START + timedelta(days=number) for number in numbers]


@pytest.mark.parametrize(("every", "usual"), [(1, 1), (7, 7), (30, 30)])
def test_who_writes_every_so_many_days_is_used_to_them(every: int, usual: int) -> None:
    habit = learnt(Habit(), days(*(every * n for n in range(8))))
    assert (habit.usual_gap_days, habit.mail_gaps) == (usual, 7)


def test_a_burst_is_one_day_with_mail() -> None:
    burst = [START + timedelta(minutes=n) for n in range(50)]
    assert learnt(Habit(), burst).mail_gaps == 0
    monthly = learnt(Habit(), [moment + timedelta(days=30 * n) for n in range(6) for moment in burst])
    assert (monthly.usual_gap_days, monthly.mail_gaps) == (30, 5)


def test_several_mails_a_day_are_a_habit_of_days() -> None:
    habit = learnt(Habit(), days(*(n / 3 for n in range(30))))
    assert habit.usual_gap_days == 1
    assert habit.mail_gaps >= LEAST_GAPS


def test_the_past_that_comes_newest_first_in_portions_teaches_the_same_gaps() -> None:
    moments = days(*(7 * n for n in range(12)))
    habit = Habit()
    for start in (9, 6, 3, 0):
        habit = learnt(habit, moments[start : start + 3])
    assert (habit.usual_gap_days, habit.mail_gaps) == (7, 11)
    assert (habit.first_mail_at, habit.last_mail_at) == (moments[0], moments[-1])


def test_a_holiday_is_forgotten_after_some_weeks() -> None:
    habit = learnt(Habit(), days(*range(10), *range(30, 60)))
    assert habit.usual_gap_days < 3


def test_the_order_within_one_portion_does_not_count() -> None:
    moments = days(0, 1, 5, 6, 20)
    shuffled = random.Random(1).sample(moments, 5)
    assert learnt(Habit(), shuffled) == learnt(Habit(), moments)


def test_mail_of_between_changes_nothing() -> None:
    habit = learnt(Habit(), days(0, 10))
    assert learnt(habit, days(4)) == habit
