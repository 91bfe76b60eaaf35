"""A token endpoint that is down for everybody: one asks, the others keep their turn, and the log has two lines."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from support.clock import ManualClock

from afpd.errors import EndpointDown, Unavailable
from afpd.gmail.outage import Outage

ONE, TWO, THREE, FOUR = b"1", b"2", b"3", b"4"
DOWN = Unavailable("HTTP 503")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def outage(clock: ManualClock) -> Outage:
    made = Outage(clock, timedelta(seconds=5))
    for key in (ONE, TWO, THREE):
        made.failed(key, DOWN)
    return made


def is_admitted(outage: Outage, key: bytes) -> bool:
    try:
        outage.admit(key)
    except EndpointDown:
        return False
    return True


def test_one_grant_alone_is_no_outage_however_often_it_fails(clock: ManualClock) -> None:
    outage = Outage(clock, timedelta(seconds=5))
    for _ in range(20):
        outage.failed(ONE, DOWN)
    assert is_admitted(outage, TWO)


def test_a_success_between_failures_means_that_it_works(clock: ManualClock) -> None:
    outage = Outage(clock, timedelta(seconds=5))
    for key in (ONE, TWO, THREE, FOUR):
        outage.failed(key, DOWN)
        outage.answered(FOUR)
    assert outage.reason is None


def test_three_different_grants_are_an_outage_and_nobody_asks_before_its_pause_is_over(
    outage: Outage, clock: ManualClock
) -> None:
    with pytest.raises(EndpointDown) as caught:
        outage.admit(FOUR)
    assert caught.value.until == clock.now() + timedelta(seconds=5)
    assert outage.reason == "HTTP 503"


async def test_after_the_pause_one_asks_and_the_others_wait_for_what_it_learns(
    outage: Outage, clock: ManualClock
) -> None:
    await clock.advance(5)
    assert [is_admitted(outage, key) for key in (ONE, TWO, ONE, THREE)] == [True, False, True, False]
    outage.answered(ONE)
    assert all(is_admitted(outage, key) for key in (TWO, THREE))


async def test_the_pause_doubles_with_each_probe_that_fails_up_to_about_a_minute(
    outage: Outage, clock: ManualClock
) -> None:
    pauses = []
    for _ in range(6):
        with pytest.raises(EndpointDown) as caught:
            outage.admit(TWO)
        assert caught.value.until is not None
        pauses.append((caught.value.until - clock.now()).total_seconds())
        await clock.advance(pauses[-1])
        outage.admit(ONE)
        outage.failed(ONE, DOWN)
    assert pauses == [5, 10, 20, 40, 64, 64]


async def test_a_probe_that_was_cut_off_lets_another_ask(outage: Outage, clock: ManualClock) -> None:
    await clock.advance(5)
    outage.admit(ONE)
    outage.cut_off(ONE)
    assert is_admitted(outage, TWO)


@pytest.mark.parametrize(("stated", "seconds"), [(2, 5), (90, 90), (86400, 900)])
def test_the_pause_is_at_least_what_google_asks_for_and_a_quarter_of_an_hour_at_most(
    clock: ManualClock, stated: int, seconds: int
) -> None:
    outage = Outage(clock, timedelta(seconds=5))
    for key in (ONE, TWO, THREE):
        outage.failed(key, Unavailable("HTTP 429", clock.now() + timedelta(seconds=stated)))
    with pytest.raises(EndpointDown) as caught:
        outage.admit(ONE)
    assert caught.value.until == clock.now() + timedelta(seconds=seconds)


async def test_an_outage_is_two_lines_in_the_log(clock: ManualClock) -> None:
    with capture_logs() as told:
        outage = Outage(clock, timedelta(seconds=5))
        for key in (ONE, TWO, THREE, FOUR, ONE, TWO):
            outage.failed(key, DOWN)
        await clock.advance(5)
        outage.admit(ONE)
        outage.answered(ONE)
        outage.answered(TWO)
    assert [one["event"] for one in told] == ["gmail.tokens_paused", "gmail.tokens_resumed"]
