"""How often a mailbox is visited follows from how long it was silent."""

from datetime import timedelta

import pytest

from afpd.schedule import Cadence

FIVE, IDLEST = timedelta(minutes=5), timedelta(minutes=30)
ADAPTIVE = Cadence(is_adaptive=True, idlest=IDLEST)


@pytest.mark.parametrize(
    ("silent_minutes", "minutes"),
    [(0, 5), (10, 5), (19.9, 5), (20, 10), (30, 15), (45, 20), (60, 30), (600, 30), (-100, 5)],
)
def test_the_next_visit_comes_after_half_the_silence_in_whole_turns(silent_minutes, minutes):
    assert ADAPTIVE.interval(FIVE, timedelta(minutes=silent_minutes)) == timedelta(minutes=minutes)


@pytest.mark.parametrize("every", [timedelta(seconds=1), FIVE, timedelta(minutes=7), timedelta(hours=6)])
def test_nobody_is_visited_more_often_than_its_frequency(every):
    assert all(ADAPTIVE.interval(every, timedelta(minutes=silent)) >= every for silent in range(0, 3000, 7))


def test_an_idle_mailbox_is_never_left_alone_for_longer_than_idlest():
    assert max(ADAPTIVE.interval(FIVE, timedelta(hours=hours)) for hours in range(1000)) == IDLEST


def test_a_frequency_slower_than_idlest_stays():
    assert ADAPTIVE.interval(timedelta(hours=2), timedelta(days=9)) == timedelta(hours=2)


def test_a_mail_waits_no_longer_than_half_of_the_silence_before_it():
    for silent in range(10, 2000, 3):
        assert ADAPTIVE.interval(FIVE, timedelta(minutes=silent)) <= max(FIVE, timedelta(minutes=silent) / 2)


def test_pressure_stretches_every_interval_alike():
    stretched = Cadence(is_adaptive=True, idlest=IDLEST, stretch=1.5)
    assert stretched.interval(FIVE, timedelta()) == timedelta(minutes=7.5)
    assert stretched.interval(FIVE, timedelta(days=1)) == timedelta(minutes=45)


def test_without_the_adaptive_cadence_the_frequency_always_holds():
    fixed = Cadence(is_adaptive=False, idlest=IDLEST, stretch=3.0)
    assert fixed.interval(FIVE, timedelta(days=1)) == FIVE
