"""One asks, the others share; and what was refused a moment ago is not asked again at once."""

import asyncio
from datetime import timedelta

import pytest
from support.clock import ManualClock

from afpd.errors import AccessRevoked, AfpdError, ClientRejected, Unavailable
from afpd.gmail.flights import Flights
from afpd.gmail.refusals import MOST_KEPT, Refusals
from afpd.gmail.transport import OutOfTime

KEY, OTHER = b"one", b"other"


class Desk:
    """Gives numbers, when it is let; or fails."""

    def __init__(self, *failures: AfpdError) -> None:
        self.asked = 0
        self.failures = list(failures)
        self.open = asyncio.Event()

    async def ask(self) -> int:
        self.asked += 1
        number = self.asked
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        return number


async def shared(desk: Desk, keys: list[bytes], flights: Flights[int] | None = None) -> list[int | BaseException]:
    flights = flights or Flights()
    asking = asyncio.gather(*(flights.share(key, desk.ask, 30) for key in keys), return_exceptions=True)
    await asyncio.sleep(0)
    desk.open.set()
    return await asking


async def test_five_who_ask_at_once_make_one_request() -> None:
    desk = Desk()
    assert await shared(desk, [KEY] * 5) == [1] * 5
    assert desk.asked == 1


async def test_a_failure_is_shared_too() -> None:
    desk = Desk(AccessRevoked("gone"))
    assert [type(one) for one in await shared(desk, [KEY] * 5)] == [AccessRevoked] * 5
    assert desk.asked == 1


async def test_different_grants_do_not_wait_for_each_other() -> None:
    desk = Desk()
    assert sorted(map(str, await shared(desk, [KEY, OTHER]))) == ["1", "2"]


async def test_nothing_is_remembered_once_all_have_landed() -> None:
    flights: Flights[int] = Flights()
    desk = Desk()
    await shared(desk, [KEY], flights)
    assert await flights.share(KEY, desk.ask, 30) == 2


async def test_when_the_one_who_asks_is_cut_off_the_next_asks() -> None:
    flights: Flights[int] = Flights()
    desk = Desk()
    first = asyncio.create_task(flights.share(KEY, desk.ask, 30))
    second = asyncio.create_task(flights.share(KEY, desk.ask, 30))
    await asyncio.sleep(0)
    first.cancel()
    desk.open.set()
    assert await second == 2


async def test_one_who_has_no_time_left_takes_nobody_along() -> None:
    desk = Desk(OutOfTime("over"))
    first, second = await shared(desk, [KEY] * 2)
    assert isinstance(first, OutOfTime)
    assert second == 2


async def test_waiting_for_another_ends_in_time() -> None:
    flights: Flights[int] = Flights()
    desk = Desk()
    first = asyncio.create_task(flights.share(KEY, desk.ask, 30))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await flights.share(KEY, desk.ask, 0.01)
    desk.open.set()
    assert await first == 1


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def refusals(clock: ManualClock) -> Refusals:
    return Refusals(clock, timedelta(seconds=5), timedelta(minutes=5))


def is_fresh(refusals: Refusals, key: bytes = KEY) -> bool:
    try:
        refusals.check(key)
    except AfpdError:
        return True
    return False


async def test_a_refusal_is_repeated_for_a_moment_without_asking(refusals: Refusals, clock: ManualClock) -> None:
    refusals.note(KEY, Unavailable("503"))
    assert is_fresh(refusals)
    assert not is_fresh(refusals, OTHER)
    await clock.advance(5)
    assert not is_fresh(refusals)


async def test_what_google_names_a_time_for_is_not_asked_before(refusals: Refusals, clock: ManualClock) -> None:
    refusals.note(KEY, Unavailable("429", clock.now() + timedelta(seconds=90)))
    await clock.advance(89)
    assert is_fresh(refusals)
    await clock.advance(1)
    assert not is_fresh(refusals)


@pytest.mark.parametrize(("confirm_after", "seconds"), [(300, 5), (4, 2), (0, 0)])
async def test_a_refused_grant_is_forgotten_well_before_it_is_to_be_confirmed(
    clock: ManualClock, confirm_after: int, seconds: int
) -> None:
    refusals = Refusals(clock, timedelta(seconds=5), timedelta(seconds=confirm_after))
    refusals.note(KEY, AccessRevoked("gone"))
    assert is_fresh(refusals) is (seconds > 0)
    await clock.advance(seconds)
    assert not is_fresh(refusals)


def test_what_stops_everybody_is_no_matter_of_one_grant(refusals: Refusals) -> None:
    refusals.note(KEY, ClientRejected("invalid_client"))
    assert not is_fresh(refusals)


def test_the_memory_of_refusals_is_bounded(refusals: Refusals) -> None:
    for number in range(MOST_KEPT + 50):
        refusals.note(str(number).encode(), Unavailable("503"))
    assert not is_fresh(refusals, b"49")
    assert is_fresh(refusals, b"50")
