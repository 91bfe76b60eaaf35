"""Which loops show life: what the watchdog is fed by."""

from collections.abc import Mapping
from datetime import datetime

import pytest
from support.clock import ManualClock

from afpd.supervisor import Loop, lifeless


async def nothing(at: datetime) -> Mapping[str, object]:
    return {}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def loop(clock: ManualClock) -> Loop:
    loop = Loop("import", lambda: 300.0, nothing)
    loop.clock = clock
    return loop


def test_a_loop_that_has_not_started_counts_as_living(loop: Loop) -> None:
    assert lifeless([loop], 1e9) == []


@pytest.mark.parametrize(("late", "dead"), [(-200.0, []), (59.0, []), (61.0, ["import"])])
def test_a_pause_may_be_a_minute_overdue(loop: Loop, clock: ManualClock, late: float, dead: list[str]) -> None:
    loop.due = clock.monotonic()
    assert lifeless([loop], clock.monotonic() + late) == dead


async def test_a_tick_without_a_beat_for_ten_minutes_shows_no_life(loop: Loop, clock: ManualClock) -> None:
    loop.begin()
    await clock.advance(599)
    assert lifeless([loop], clock.monotonic()) == []
    await clock.advance(2)
    assert lifeless([loop], clock.monotonic()) == ["import"]


async def test_a_tick_of_hours_lives_while_it_beats(loop: Loop, clock: ManualClock) -> None:
    loop.begin()
    for _ in range(20):
        await clock.advance(500)
        loop.beat()
    assert lifeless([loop], clock.monotonic() + 1) == []


async def test_a_beat_after_the_tick_says_nothing(loop: Loop, clock: ManualClock) -> None:
    loop.begin()
    loop.succeed({}, 0.0)
    loop.beat()
    assert lifeless([loop], clock.monotonic() + 10_000) == []


async def test_only_the_lifeless_are_named(loop: Loop, clock: ManualClock) -> None:
    other = Loop("parsing", lambda: 300.0, nothing)
    loop.due = other.due = clock.monotonic()
    other.due += 1000
    assert lifeless([loop, other], clock.monotonic() + 100) == ["import"]
