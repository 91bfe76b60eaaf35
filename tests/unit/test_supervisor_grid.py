"""The arithmetic of grid points and of the wall clock."""

from datetime import timedelta
from itertools import pairwise

import pytest
from support.clock import NOON, ManualClock

from afpd.supervisor.grid import Grid, Timeline


def test_two_hundred_eighty_eight_points_of_five_minutes_are_exactly_a_day() -> None:
    grid = Grid(lambda: 300.0, first=12345.678901)
    moments = []
    for _ in range(289):
        now = grid.due() + 0.0137  # an event loop wakes late, every time
        moments.append(grid.take(now))
        grid.tick_ended(now + 41.3, failures_in_a_row=0)
    assert moments[-1] - moments[0] == pytest.approx(86400, abs=1e-6)


def test_consecutive_points_are_exact_multiples_of_the_interval_on_the_wall() -> None:
    clock = ManualClock(monotonic=98765.432109876)
    timeline, grid = Timeline(clock), Grid(lambda: 0.1, first=clock.monotonic() + 0.033)
    walls = []
    for _ in range(5000):
        due = grid.due()
        walls.append(timeline.at(grid.take(due + 0.001)))
        grid.tick_ended(due + 0.002, failures_in_a_row=0)
    gaps = {later - sooner for sooner, later in pairwise(walls)}
    assert gaps == {timedelta(seconds=0.1)}


def test_a_tick_that_outlasts_its_interval_skips_the_points_it_missed() -> None:
    grid = Grid(lambda: 60.0, first=0.0)
    grid.take(0.0)
    grid.tick_ended(150.0, failures_in_a_row=0)
    assert grid.due() == 180.0


def test_a_tick_that_takes_exactly_its_interval_is_due_again_at_once() -> None:
    grid = Grid(lambda: 60.0, first=0.0)
    grid.take(0.0)
    grid.tick_ended(60.0, failures_in_a_row=0)
    assert grid.due() == 60.0


def test_a_tick_that_starts_intervals_late_is_scheduled_for_the_newest_point() -> None:
    grid = Grid(lambda: 60.0, first=0.0)
    grid.take(0.0)
    grid.tick_ended(1.0, failures_in_a_row=0)
    assert grid.take(200.0) == 180.0


def test_a_woken_tick_is_scheduled_for_now_and_leaves_the_grid_alone() -> None:
    grid = Grid(lambda: 60.0, first=0.0)
    grid.take(0.0)
    grid.tick_ended(1.0, failures_in_a_row=0)
    assert grid.take(25.0) == 25.0
    grid.tick_ended(26.0, failures_in_a_row=0)
    assert grid.due() == 60.0


def test_a_tick_woken_before_the_first_point_leaves_that_point_to_come() -> None:
    grid = Grid(lambda: 60.0, first=40.0)
    assert grid.take(10.0) == 10.0
    grid.tick_ended(11.0, failures_in_a_row=0)
    assert grid.due() == 40.0


def test_a_changed_interval_counts_from_the_last_point() -> None:
    interval = 3600.0
    grid = Grid(lambda: interval, first=0.0)
    grid.take(0.0)
    grid.tick_ended(5.0, failures_in_a_row=0)
    assert grid.due() == 3600.0
    interval = 100.0
    assert grid.due() == 100.0


@pytest.mark.parametrize(("failures", "pause"), [(1, 30), (2, 60), (3, 120), (4, 240), (12, 61440), (5000, 86400)])
def test_a_failed_tick_of_a_daily_loop_is_tried_again_soon_and_ever_less_often(failures: int, pause: float) -> None:
    grid = Grid(lambda: 86400.0, first=0.0)
    grid.take(0.0)
    grid.tick_ended(10.0, failures)
    assert grid.due() == pytest.approx(min(10.0 + pause, 86400.0))


def test_a_failed_tick_of_a_quick_loop_waits_no_longer_than_its_interval() -> None:
    grid = Grid(lambda: 0.5, first=0.0)
    grid.take(0.0)
    grid.tick_ended(0.1, failures_in_a_row=3)
    assert grid.due() == 0.5


def test_a_small_correction_of_the_wall_clock_is_no_jump_and_does_not_reach_the_timeline() -> None:
    clock = ManualClock()
    timeline = Timeline(clock)
    clock.jump(29)
    assert timeline.take_jump() is None
    assert timeline.at(clock.monotonic() + 60) == NOON + timedelta(seconds=60)


def test_small_corrections_that_add_up_are_a_jump_in_the_end() -> None:
    clock = ManualClock()
    timeline = Timeline(clock)
    for _ in range(3):
        assert timeline.take_jump() is None
        clock.jump(-15)
    assert timeline.take_jump() == -45


def test_a_jump_is_told_once_and_the_timeline_follows_it() -> None:
    clock = ManualClock()
    timeline = Timeline(clock)
    clock.jump(86400)
    assert timeline.take_jump() == 86400
    assert timeline.take_jump() is None
    assert timeline.at(clock.monotonic()) == NOON + timedelta(days=1)
