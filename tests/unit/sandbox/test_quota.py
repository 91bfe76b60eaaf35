"""Quota: what calls cost and when limits bite."""

import pytest
from support.sandbox_caller import SteppedClock

from afpd.sandbox.answers import Refusal
from afpd.sandbox.quota import Meter, Table, tables

ANA, BO = "ana@example.com", "bo@example.com"


def test_both_of_googles_tables_are_known() -> None:
    now, before = tables()["now"], tables()["before"]
    assert (now.units["messages.get"], before.units["messages.get"]) == (20, 5)
    assert (now.per_user_minute, before.per_user_minute) == (6_000, 15_000)
    assert (now.per_project_day, before.per_project_day) == (80_000_000, 0)
    assert now.units.keys() == before.units.keys()


def test_units_are_counted_even_when_no_limit_is_enforced(clock: SteppedClock) -> None:
    meter = Meter(tables()["now"])
    for _ in range(400):
        meter.charge(ANA, "messages.get", clock.now())
    assert (meter.total, meter.by_user[ANA], meter.by_method["messages.get"]) == (8000, 8000, 8000)


def test_a_user_above_the_minutes_quota_is_refused_and_others_are_not(clock: SteppedClock) -> None:
    meter = Meter(tables()["now"], enforced=True)
    for _ in range(300):
        meter.charge(ANA, "messages.get", clock.now())
    with pytest.raises(Refusal, match="Queries per minute per user") as refused:
        meter.charge(ANA, "messages.get", clock.now())
    assert (refused.value.code, refused.value.reason) == (403, "rateLimitExceeded")
    meter.charge(BO, "messages.get", clock.now())
    clock.elapsed += 60
    meter.charge(ANA, "messages.get", clock.now())


def test_the_projects_minute_and_day_are_limits_of_their_own(clock: SteppedClock) -> None:
    units = {"getProfile": 1}
    minute = Meter(Table(units, 100, 2, 100), enforced=True)
    day = Meter(Table(units, 100, 100, 2), enforced=True)
    for meter in (minute, day):
        meter.charge(ANA, "getProfile", clock.now())
        meter.charge(BO, "getProfile", clock.now())
    with pytest.raises(Refusal, match="limit 'Queries per minute' of"):
        minute.charge(ANA, "getProfile", clock.now())
    with pytest.raises(Refusal) as refused:
        day.charge(ANA, "getProfile", clock.now())
    assert refused.value.reason == "dailyLimitExceeded"
    clock.elapsed += 86_400
    day.charge(ANA, "getProfile", clock.now())
