"""Patience inside a visit."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from afpd.errors import AccessRevoked, AfpdError, QuotaExhausted, RateLimited, Unavailable
from afpd.gmail.faults import TokenRefused, TooManyAtOnce
from afpd.gmail.retries import LONGEST_BACKOFF_SECONDS, Retries, TokenUnavailable
from afpd.gmail.transport import AnswerTooLarge, OutOfTime


class Stopwatch:
    """A clock on which sleeping takes no time, and is remembered."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


class Highest(random.Random):
    """Chance that always takes the longest pause."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Attempts:
    """Fails with the given errors in turn, then returns their number."""

    def __init__(self, *errors: AfpdError) -> None:
        self.errors = list(errors)
        self.count = 0

    async def __call__(self) -> int:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.count


def patient(clock: Stopwatch, most: int = 3, base: float = 0.5, chance: random.Random | None = None) -> Retries:
    return Retries(clock, chance or Highest(), timedelta(seconds=base), most)


async def test_unavailability_is_tried_again_with_doubling_pauses() -> None:
    clock = Stopwatch()
    attempts = Attempts(Unavailable("1"), TooManyAtOnce("2"), Unavailable("3"))
    assert await patient(clock).run(attempts, 2000.0) == 4
    assert clock.slept == [0.5, 1.0, 2.0]


async def test_after_the_last_attempt_its_own_error_is_raised() -> None:
    clock = Stopwatch()
    attempts = Attempts(*(Unavailable(str(n)) for n in range(9)))
    with pytest.raises(Unavailable, match="3"):
        await patient(clock).run(attempts, 2000.0)
    assert attempts.count == 4


async def test_no_pause_is_longer_than_the_cap() -> None:
    clock = Stopwatch()
    await patient(clock, most=20, base=1.0).run(Attempts(*(Unavailable(str(n)) for n in range(12))), 1e6)
    assert max(clock.slept) == LONGEST_BACKOFF_SECONDS == 64.0
    assert clock.slept[-3:] == [64.0, 64.0, 64.0]


async def test_the_jitter_is_full() -> None:
    clock = Stopwatch()
    for seed in range(200):
        await patient(clock, chance=random.Random(seed)).run(Attempts(Unavailable("")), 1e6)
    assert min(clock.slept) < 0.05
    assert max(clock.slept) > 0.45
    assert 0.2 < sum(clock.slept) / 200 < 0.3


async def test_rather_than_sleep_past_the_deadline_the_error_is_raised() -> None:
    clock = Stopwatch()
    attempts = Attempts(Unavailable("first"), Unavailable("second"))
    with pytest.raises(Unavailable, match="second"):
        await patient(clock).run(attempts, clock.at + 1.2)
    assert clock.slept == [0.5]


@pytest.mark.parametrize(
    "error",
    [RateLimited("r"), QuotaExhausted("q"), AccessRevoked("a"), TokenRefused("t"), TokenUnavailable("u"),
     AnswerTooLarge("l"), OutOfTime("o")],
)  # fmt: skip
async def test_what_does_not_pass_by_itself_is_never_tried_again(error: AfpdError) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        await patient(Stopwatch()).run(attempts, 2000.0)
    assert attempts.count == 1
