"""Shared, short-lived answers that are never waited for too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from support.clock import ManualClock

from afpd.status.fresh import Answer, Fresh


class Source:
    """Something that can be asked: counts how often, answers 1, 2, 3 … when `open` is set, or raises."""

    def __init__(self) -> None:
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def ask(self) -> int:
        self.asked += 1
        answer = self.asked
        await self.open.wait()
        if self.error:
            raise self.error
        return answer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def fresh(source: Source, clock: ManualClock) -> AsyncIterator[Fresh[int]]:
    fresh = Fresh(source.ask, clock=clock, max_age=0.5, patience=0.05)
    yield fresh
    await fresh.close()


async def asked(fresh: Fresh[int]) -> Answer[int]:
    answer = await fresh.get()
    assert answer is not None
    return answer


async def test_an_answer_is_reused_for_half_a_second(fresh: Fresh[int], clock: ManualClock) -> None:
    assert (await asked(fresh)).value == 1
    await clock.advance(0.4)
    again = await asked(fresh)
    assert (again.value, again.late) == (1, False)
    await clock.advance(0.2)
    assert (await asked(fresh)).value == 2


async def test_many_who_ask_at_once_cost_one_question(fresh: Fresh[int], source: Source) -> None:
    source.open.clear()
    async with asyncio.TaskGroup() as group:
        askers = [group.create_task(asked(fresh)) for _ in range(100)]
        await asyncio.sleep(0)
        source.open.set()
    assert {asker.result().value for asker in askers} == {1}
    assert source.asked == 1


async def test_whoever_asked_first_may_hang_up(fresh: Fresh[int], source: Source) -> None:
    source.open.clear()
    first, second = asyncio.create_task(asked(fresh)), asyncio.create_task(asked(fresh))
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    source.open.set()
    assert (await second).value == 1


async def test_a_late_answer_gives_the_last_one_with_its_age(
    fresh: Fresh[int], source: Source, clock: ManualClock
) -> None:
    await fresh.get()
    source.open.clear()
    await clock.advance(7)
    old = await asked(fresh)
    assert (old.value, old.age_seconds, old.late) == (1, 7.0, True)


async def test_once_a_question_is_overdue_nobody_waits_for_it_again(
    fresh: Fresh[int], source: Source, clock: ManualClock
) -> None:
    await fresh.get()
    source.open.clear()
    await clock.advance(1)
    await fresh.get()
    await clock.advance(1)
    began = asyncio.get_running_loop().time()
    assert (await asked(fresh)).late
    assert asyncio.get_running_loop().time() - began < 0.04
    assert source.asked == 2


async def test_a_late_answer_serves_those_who_ask_after_it_came(
    fresh: Fresh[int], source: Source, clock: ManualClock
) -> None:
    await fresh.get()
    source.open.clear()
    await clock.advance(1)
    await fresh.get()
    source.open.set()
    await clock.advance(0.1)
    now = await asked(fresh)
    assert (now.value, now.late) == (2, False)


async def test_late_without_an_earlier_answer_is_no_answer(fresh: Fresh[int], source: Source) -> None:
    source.open.clear()
    assert await fresh.get() is None


async def test_an_error_is_told_to_all_for_half_a_second_and_then_asked_again(
    fresh: Fresh[int], source: Source, clock: ManualClock
) -> None:
    source.error = OSError("no")
    for _ in range(3):
        with pytest.raises(OSError, match="no"):
            await fresh.get()
    assert source.asked == 1
    source.error = None
    await clock.advance(0.6)
    assert (await asked(fresh)).value == 2


async def test_closing_gives_up_an_open_question(source: Source) -> None:
    source.open.clear()
    fresh = Fresh(source.ask, patience=0.01)
    assert await fresh.get() is None
    await fresh.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "status:ask"]


async def test_within_its_grace_the_last_answer_is_given_at_once_while_a_new_one_is_looked_up() -> None:
    clock, asked = ManualClock(), []

    async def ask() -> int:
        asked.append(clock.monotonic())
        await clock.sleep(0.3)
        return len(asked)

    fresh = Fresh(ask, clock=clock, max_age=0.5, grace=0.5)
    first = asyncio.create_task(fresh.get())
    await clock.advance(0.3)
    assert (await first).value == 1
    await clock.advance(0.6)
    assert (await fresh.get()).value == 1
    await clock.advance(0.35)
    assert (await fresh.get()).value == 2
    assert len(asked) == 2
    await fresh.close()
