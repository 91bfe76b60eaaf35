"""The governor: what a visit may take of a minute and of a day, and how far everybody stretches."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from support.clock import ManualClock

from afpd.config import Settings
from afpd.errors import BudgetSpent, QuotaExhausted
from afpd.loops.governor import MOST_STRETCH, Governor
from afpd.store.quota import Spent

FIVE = timedelta(minutes=5)
MORNING = datetime(2026, 1, 5, 8, tzinfo=UTC)  # midnight in Pacific time


def governor(clock=None, **budgets):
    quota = Settings.model_validate({"gmail": budgets}).gmail.budget
    return Governor(clock or ManualClock(MORNING), lambda: quota)


def spend(one, units, *, key=1, lingers=False):
    one.expect(1)
    with one.visit(key, lambda: lingers) as purse:
        purse.take(units)


def most(one, *, key=1, lingers=False):
    one.expect(1)
    with one.visit(key, lambda: lingers) as purse:
        return purse.left()


def test_one_visit_takes_at_most_a_quarter_of_the_projects_minute():
    one = governor(project_units_per_minute=1000)
    assert most(one) == 225
    with pytest.raises(BudgetSpent):
        spend(one, 226)
    spend(one, 225)


def test_the_minute_is_shared_among_the_visits_under_way():
    one = governor(project_units_per_minute=10_000)
    one.expect(99)
    assert most(one) == 90


def test_a_share_is_never_less_than_one_mail_costs():
    one = governor(project_units_per_minute=100)
    one.expect(500)
    assert most(one) == 28


def test_a_mailbox_has_no_more_than_its_own_minute():
    one = governor(user_units_per_minute=100)
    assert most(one) == 90


async def test_a_mailbox_that_spent_much_is_remembered_until_its_minute_is_over():
    clock = ManualClock(MORNING)
    one = governor(clock, user_units_per_minute=100)
    spend(one, 90)
    assert most(one, key=1) == 0
    assert most(one, key=2) == 90
    await clock.advance(61)
    assert most(one, key=1) == 90


def test_what_can_wait_takes_at_most_half_of_the_minute():
    one = governor(project_units_per_minute=1000)
    assert most(one, lingers=True) == 450
    for key in range(4):
        spend(one, 112, key=key, lingers=True)
    assert not one.has_room_behind()
    assert most(one, key=9) == 225


def test_no_limit_is_no_limit():
    one = governor(project_units_per_minute=0, project_units_per_day=0, user_units_per_minute=10**9)
    spend(one, 10**8)
    one.review(FIVE)
    assert one.stretch == 1.0


async def test_visits_wait_until_the_minute_has_room():
    clock = ManualClock(MORNING)
    one = governor(clock, project_units_per_minute=112)
    for key in range(3):
        spend(one, 28, key=key)
    waiting = asyncio.create_task(one.seats(64, lambda: False))
    await clock.advance(50)
    assert not waiting.done()
    await clock.advance(12)
    assert await waiting == 3


async def test_whoever_waits_stops_waiting_when_the_daemon_stops():
    clock = ManualClock(MORNING)
    one = governor(clock, project_units_per_minute=112)
    one.expect(50)
    stopped = [False]
    waiting = asyncio.create_task(one.seats(64, lambda: stopped[0]))
    await clock.advance(5)
    stopped[0] = True
    await clock.advance(2)
    assert await waiting == 0


def test_the_days_budget_ends_with_the_day():
    clock = ManualClock(MORNING)
    one = governor(clock, project_units_per_day=100)
    spend(one, 90)
    with pytest.raises(QuotaExhausted) as refused:
        spend(one, 11)
    assert refused.value.until == datetime(2026, 1, 6, 8, tzinfo=UTC)
    clock.jump(86400)
    spend(one, 90)
    assert one.day.units == 90


def test_what_was_spent_before_a_restart_counts():
    one = governor(project_units_per_day=100)
    one.resume(Spent(95, 7), MORNING)
    with pytest.raises(QuotaExhausted):
        spend(one, 10)


async def test_units_are_kept_by_the_day_that_spent_them():
    clock = ManualClock(MORNING - timedelta(seconds=1))
    one = governor(clock)
    spend(one, 5)
    await clock.advance(2)
    spend(one, 7)
    assert one.unsaved() == {date(2026, 1, 4): Spent(5, 1), date(2026, 1, 5): Spent(7, 1)}
    kept = one.unsaved()
    spend(one, 1)
    one.saved(kept)
    assert one.unsaved() == {date(2026, 1, 5): Spent(1, 1)}


async def paced(one, clock, units_per_tick, ticks):
    """Ticks of five minutes that would spend so much, less where they are stretched. Returns the stretches."""
    stretches = []
    for _ in range(ticks):
        one.review(FIVE)
        stretches.append(one.stretch)
        spend(one, round(units_per_tick / one.stretch))
        await clock.advance(300)
    return stretches


async def test_a_day_that_would_not_last_stretches_the_cadence_and_lasts():
    clock = ManualClock(MORNING)
    one = governor(clock, project_units_per_day=288_000, project_units_per_minute=0, user_units_per_minute=10**6)
    stretches = await paced(one, clock, 2000, 287)
    assert max(stretches) < MOST_STRETCH
    assert 0.9 * 288_000 < one.day.units <= 288_000


async def test_a_budget_that_is_enough_is_not_stretched():
    clock = ManualClock(MORNING)
    one = governor(clock, project_units_per_day=288_000, project_units_per_minute=0, user_units_per_minute=10**6)
    assert set(await paced(one, clock, 800, 287)) == {1.0}


async def test_pressure_is_told_once_and_so_is_its_end():
    clock = ManualClock(MORNING)
    one = governor(clock, project_units_per_day=288_000, project_units_per_minute=0, user_units_per_minute=10**6)
    with capture_logs() as lines:
        await paced(one, clock, 3000, 40)
        await paced(one, clock, 1, 20)
    assert [line["event"] for line in lines] == ["quota.stretched", "quota.released"]
    assert one.stretch == 1.0


async def test_ticks_that_wait_long_for_the_minute_stretch_and_those_that_do_not_release():
    clock = ManualClock(MORNING)
    one = governor(clock, project_units_per_minute=112, project_units_per_day=0)
    for _ in range(3):
        one.review(FIVE)
        one.expect(100)
        waited = asyncio.create_task(one.seats(1, lambda: False))
        await clock.advance(90)
        waited.cancel()
        await asyncio.wait([waited])
    one.review(FIVE)
    assert one.stretch == pytest.approx(1.25**3)
    for _ in range(3):
        one.review(FIVE)
    assert one.stretch == 1.0


async def test_status_tells_units_forecast_and_for_how_many_the_budget_is_enough():
    clock = ManualClock(MORNING)
    one = governor(clock)
    for _ in range(12):
        spend(one, 100)
        await clock.advance(300)
    told = one.report(active=10)
    assert (told["units_minute"], told["units_day"]) == (0, 1200)
    assert told["units_day_forecast"] == pytest.approx(24 * 1200, rel=0.1)
    assert told["enough_for_integrations"] == pytest.approx(80_000_000 / (24 * 1200 / 10), rel=0.01)
    assert told["stretch"] == 1.0


def test_nothing_spent_is_enough_for_nobody_knows_how_many():
    assert governor().report(active=10)["enough_for_integrations"] is None
    assert governor(quota="older").report(active=10)["enough_for_integrations"] is None
