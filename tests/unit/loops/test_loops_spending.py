"""Windows of a minute and an hour, and Google's day, which turns at midnight in Pacific time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from afpd.loops.spending import hour, minute, quota_day


def test_a_window_holds_every_minute_that_google_may_count():
    window = minute()
    window.add(100, 0.0)
    assert window.turn(59.9) == 100
    assert window.turn(60.9) == 100
    assert window.turn(61.0) == 0


def test_units_leave_the_window_in_the_order_in_which_they_came():
    window = minute()
    for second in range(120):
        window.add(1, float(second))
    assert window.turn(119.0) == 61
    assert window.turn(150.0) == 30
    assert window.turn(1e6) == 0


def test_looking_does_not_touch():
    window = hour()
    window.add(7, 0.0)
    window.add(5, 3000.0)
    assert [window.peek(at) for at in (3000.0, 3599.0, 3600.0, 6599.0, 6600.0, 9999.0)] == [12, 12, 5, 5, 0, 0]
    assert window.turn(3000.0) == 12
    assert hour().peek(5.0) == 0


@pytest.mark.parametrize(
    ("now", "day", "ends_at"),
    [
        (datetime(2026, 1, 5, 7, 59, tzinfo=UTC), date(2026, 1, 4), datetime(2026, 1, 5, 8, tzinfo=UTC)),
        (datetime(2026, 1, 5, 8, 0, tzinfo=UTC), date(2026, 1, 5), datetime(2026, 1, 6, 8, tzinfo=UTC)),
        (datetime(2026, 7, 5, 7, 0, tzinfo=UTC), date(2026, 7, 5), datetime(2026, 7, 6, 7, tzinfo=UTC)),
        # the clocks go forward on 2026-03-08, and back on 2026-11-01
        (datetime(2026, 3, 8, 12, tzinfo=UTC), date(2026, 3, 8), datetime(2026, 3, 9, 7, tzinfo=UTC)),
        (datetime(2026, 11, 1, 12, tzinfo=UTC), date(2026, 11, 1), datetime(2026, 11, 2, 8, tzinfo=UTC)),
    ],
)
def test_the_day_turns_at_midnight_in_pacific_time(now, day, ends_at):
    assert quota_day(now).day == day
    assert quota_day(now).ends_at == ends_at


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 8, 23), (11, 1, 25), (6, 1, 24)])
def test_a_day_is_as_long_as_the_pacific_coast_makes_it(month, day, hours):
    one = quota_day(datetime(2026, month, day, 20, tzinfo=UTC))
    assert one.ends_at - one.counted_since == timedelta(hours=hours)


def test_a_day_that_counting_began_in_is_counted_from_there():
    now = datetime(2026, 1, 5, 20, tzinfo=UTC)
    assert quota_day(now, now).counted_since == now
    assert quota_day(now, now - timedelta(days=3)).counted_since == datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_a_clock_that_goes_back_brings_no_day_back():
    day = quota_day(datetime(2026, 1, 5, 20, tzinfo=UTC))
    assert not day.is_over(datetime(2026, 1, 4, 20, tzinfo=UTC))
    assert day.is_over(day.ends_at)
