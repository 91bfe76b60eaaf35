"""Loops under `supervise`, on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.clock import NOON, ManualClock, settle

from afpd.errors import LoopBroken, StorageUnavailable
from afpd.log import configure
from afpd.model import LoopState
from afpd.supervisor import Loop, supervise


@pytest.fixture(autouse=True)
def _every_line_counts() -> Iterator[None]:
    """Lines at info are among what is looked at; until somebody configures the log only warnings are written."""
    configure("info")
    yield
    configure("warning")


class Work:
    """A tick that remembers when it was scheduled and started, takes `seconds`, and fails as told."""

    def __init__(self, clock: ManualClock, seconds: float = 0.0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.error: Callable[[], BaseException] | None = None
        self.scheduled: list[datetime] = []
        self.started: list[float] = []
        self.at_work = 0
        self.most_at_work = 0

    async def tick(self, at: datetime) -> Mapping[str, object]:
        self.scheduled.append(at)
        self.started.append(self.clock.monotonic() - 5000.0)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            if self.seconds:
                await self.clock.sleep(self.seconds)
        finally:
            self.at_work -= 1
        if self.error:
            raise self.error()
        return {"ticks": len(self.started)}


class Supervision:
    """A running `supervise`: its task, its stop, and what it called back."""

    def __init__(self, clock: ManualClock, loops: list[Loop], grace: float) -> None:
        self.stop = asyncio.Event()
        self.ticked: list[str] = []
        self.jumps: list[float] = []
        self.pulses = 0
        self.task = asyncio.create_task(
            supervise(
                loops,
                clock=clock,
                stop=self.stop,
                grace=grace,
                on_tick=lambda loop: self.ticked.append(loop.name),
                on_clock_jump=self.jumps.append,
                on_pulse=self._count_pulse,
            )
        )

    def _count_pulse(self) -> None:
        self.pulses += 1


@asynccontextmanager
async def supervised(clock: ManualClock, *loops: Loop, grace: float = 10.0) -> AsyncIterator[Supervision]:
    running = Supervision(clock, list(loops), grace)
    try:
        await settle()
        yield running
    finally:
        running.task.cancel()
        await asyncio.wait([running.task])


def every(seconds: float) -> Callable[[], float]:
    return lambda: seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_the_first_tick_comes_at_once_and_the_next_ones_on_the_grid(clock: ManualClock) -> None:
    work = Work(clock)
    async with supervised(clock, Loop("import", every(300), work.tick)):
        assert work.started == [0]
        await clock.advance(601)
    assert work.started == [0, 300, 600]
    assert work.scheduled == [NOON + timedelta(seconds=seconds) for seconds in (0, 300, 600)]


async def test_two_hundred_eighty_eight_ticks_do_not_drift_though_each_takes_a_while(clock: ManualClock) -> None:
    work = Work(clock, seconds=1.7)
    async with supervised(clock, Loop("import", every(5), work.tick)):
        await clock.advance(5 * 288 - 1)
    assert work.started == [5.0 * n for n in range(288)]


async def test_a_loop_may_start_later_than_the_others(clock: ManualClock) -> None:
    work = Work(clock)
    async with supervised(clock, Loop("cleanup", every(100), work.tick, first_after=7.5)):
        await clock.advance(120)
    assert work.started == [7.5, 107.5]


async def test_a_long_tick_neither_overlaps_nor_piles_up(clock: ManualClock) -> None:
    work = Work(clock, seconds=25)
    async with supervised(clock, Loop("import", every(10), work.tick)):
        await clock.advance(100)
    assert work.started == [0, 30, 60, 90]
    assert work.most_at_work == 1


async def test_loops_do_not_wait_for_each_other(clock: ManualClock) -> None:
    slow, quick = Work(clock, seconds=1000), Work(clock)
    async with supervised(clock, Loop("import", every(10), slow.tick), Loop("parsing", every(10), quick.tick)):
        await clock.advance(31)
    assert quick.started == [0, 10, 20, 30]


async def test_waking_ticks_at_once_and_leaves_the_grid_as_it_was(clock: ManualClock) -> None:
    work = Work(clock)
    loop = Loop("parsing", every(600), work.tick)
    async with supervised(clock, loop):
        await clock.advance(250)
        loop.wake()
        await settle()
        assert work.started == [0, 250]
        await clock.advance(400)
    assert work.started == [0, 250, 600]
    assert work.scheduled[1] == NOON + timedelta(seconds=250)


async def test_waking_many_times_during_a_tick_means_exactly_one_more(clock: ManualClock) -> None:
    work = Work(clock, seconds=20)
    loop = Loop("parsing", every(600), work.tick)
    async with supervised(clock, loop):
        await clock.advance(5)
        for _ in range(50):
            loop.wake()
        await clock.advance(300)
    assert work.started == [0, 20]


async def test_a_shortened_interval_is_followed_within_a_second(clock: ManualClock) -> None:
    interval = 86400.0
    work = Work(clock)
    async with supervised(clock, Loop("cleanup", lambda: interval, work.tick)):
        await clock.advance(100)
        interval = 60.0
        await clock.advance(1)
    assert len(work.started) == 2


async def test_intervals_of_milliseconds_work(clock: ManualClock) -> None:
    work = Work(clock)
    async with supervised(clock, Loop("import", every(0.05), work.tick)):
        await clock.advance(1.01)
    assert len(work.started) == 21


async def test_state_tells_what_a_loop_is_doing_at_any_moment(clock: ManualClock) -> None:
    work = Work(clock, seconds=4)
    loop = Loop("import", every(60), work.tick)
    async with supervised(clock, loop) as running:
        during = loop.state
        await clock.advance(10)
        after = loop.state
        assert running.ticked == ["import"]
    assert during == LoopState(running=True, last_started_at=NOON, next_at=NOON + timedelta(seconds=60))
    assert after == LoopState(
        last_started_at=NOON,
        last_finished_at=NOON + timedelta(seconds=4),
        last_duration_seconds=4,
        last={"ticks": 1},
        next_at=NOON + timedelta(seconds=60),
    )
    assert loop.state.next_at is None


async def test_each_tick_is_one_line_in_the_log(clock: ManualClock) -> None:
    with capture_logs() as lines:
        async with supervised(clock, Loop("import", every(60), Work(clock, seconds=2).tick)):
            await clock.advance(5)
    assert lines == [{"event": "loop.ticked", "log_level": "info", "loop": "import", "seconds": 2.0, "ticks": 1}]


async def test_a_failing_tick_is_counted_and_the_loop_goes_on(clock: ManualClock) -> None:
    work = Work(clock)
    loop = Loop("import", every(300), work.tick)
    work.error = lambda: StorageUnavailable("the disk is full")
    with capture_logs() as lines:
        async with supervised(clock, loop):
            failed = loop.state
            work.error = None
            await clock.advance(31)
    assert work.started == [0, 30]
    assert (failed.failures_in_a_row, failed.last_error) == (1, "the disk is full")
    assert (loop.state.failures_in_a_row, loop.state.last_error) == (0, None)
    assert [line["event"] for line in lines] == ["loop.tick_failed", "loop.recovered", "loop.ticked"]
    assert lines[0]["error"] == "the disk is full"
    assert lines[0]["exc_info"] is None


@pytest.mark.parametrize(
    "trouble",
    [
        lambda: StorageUnavailable("read-only"),
        lambda: ExceptionGroup("visits", [StorageUnavailable("read-only"), StorageUnavailable("read-only")]),
    ],
)
async def test_a_full_disk_never_ends_the_process(clock: ManualClock, trouble: Callable[[], Exception]) -> None:
    work = Work(clock)
    work.error = trouble
    async with supervised(clock, Loop("import", every(1), work.tick)) as running:
        await clock.advance(200)
        assert not running.task.done()
    assert len(work.started) > 190


async def test_troubles_that_come_together_are_told_in_their_own_words(clock: ManualClock) -> None:
    work = Work(clock)
    work.error = lambda: ExceptionGroup("visits", [StorageUnavailable("read-only"), StorageUnavailable("read-only")])
    loop = Loop("import", every(60), work.tick)
    async with supervised(clock, loop):
        assert loop.state.last_error == "read-only"


async def test_a_bug_among_expected_troubles_is_a_bug(clock: ManualClock) -> None:
    work = Work(clock)
    work.error = lambda: ExceptionGroup("visits", [StorageUnavailable("read-only"), ValueError("x")])
    async with supervised(clock, Loop("import", every(1), work.tick)) as running:
        await clock.advance(10)
        with pytest.raises(LoopBroken, match="ExceptionGroup"):
            await running.task


async def test_five_bugs_in_a_row_end_the_process_with_the_loop_named(clock: ManualClock) -> None:
    broken, fine = Work(clock), Work(clock)
    broken.error = lambda: KeyError("ann@example.com")
    with capture_logs() as lines:
        async with supervised(clock, Loop("import", every(1), broken.tick), Loop("parsing", every(1), fine.tick)) as it:
            await clock.advance(60)
            assert it.task.done()
            with pytest.raises(LoopBroken, match=r"loop import met 5 bugs in a row, the last one KeyError"):
                await it.task
    assert len(broken.started) == 5
    failed = [line for line in lines if line["event"] == "loop.tick_failed"]
    assert all(isinstance(line["exc_info"], KeyError) for line in failed)
    assert {line["error"] for line in failed} == {"KeyError"}, "a bug's own words may come from a mail"


async def test_a_good_tick_forgives_the_bugs_before_it(clock: ManualClock) -> None:
    work = Work(clock)
    async with supervised(clock, Loop("import", every(1), work.tick)) as running:
        for _ in range(4):
            work.error = lambda: ValueError("x")
            await clock.advance(4)
            work.error = None
            await clock.advance(1)
        assert not running.task.done()


async def test_a_loop_that_is_cancelled_from_outside_stops_the_others_with_an_error(clock: ManualClock) -> None:
    victim, other = Loop("import", every(60), Work(clock).tick), Loop("parsing", every(60), Work(clock).tick)
    async with supervised(clock, victim, other) as running:
        next(task for task in asyncio.all_tasks() if task.get_name() == "loop:import").cancel()
        await settle()
        with pytest.raises(LoopBroken, match="the loop import is gone"):
            await running.task
    assert other.state.next_at is None


async def test_a_clock_watch_that_is_gone_stops_everything_too(clock: ManualClock) -> None:
    async with supervised(clock, Loop("import", every(60), Work(clock).tick)) as running:
        next(task for task in asyncio.all_tasks() if task.get_name() == "loop:clock").cancel()
        await settle()
        with pytest.raises(LoopBroken, match="the loop clock is gone"):
            await running.task


async def test_a_cancel_that_leaks_out_of_a_tick_is_a_failed_tick_and_no_more(clock: ManualClock) -> None:
    work = Work(clock)
    work.error = asyncio.CancelledError
    loop = Loop("import", every(60), work.tick)
    async with supervised(clock, loop) as running:
        assert loop.state.last_error == "CancelledError"
        work.error = None
        await clock.advance(61)
        assert not running.task.done()
    assert len(work.started) >= 2


@pytest.mark.parametrize("seconds", [86400, -86400, 31])
async def test_a_jump_of_the_wall_clock_is_told_and_makes_the_loops_tick_at_once(
    clock: ManualClock, seconds: int
) -> None:
    work = Work(clock)
    with capture_logs() as lines:
        async with supervised(clock, Loop("import", every(300), work.tick)) as running:
            await clock.advance(100)
            clock.jump(seconds)
            await clock.advance(1)
            assert running.jumps == [seconds]
            await clock.advance(250)
    assert work.started == [0, 101, 300]
    assert work.scheduled[1] == NOON + timedelta(seconds=101 + seconds)
    assert work.scheduled[2] == NOON + timedelta(seconds=300 + seconds)
    assert {"event": "clock.jumped", "log_level": "warning", "seconds": seconds} in lines


async def test_a_jump_is_noticed_before_the_very_next_tick(clock: ManualClock) -> None:
    work = Work(clock)
    async with supervised(clock, Loop("import", every(0.4), work.tick)) as running:
        clock.jump(-86400)
        await clock.advance(0.5)
        assert running.jumps == [-86400]
    assert work.scheduled[1] == NOON + timedelta(days=-1, seconds=0.4)


async def test_a_small_correction_of_the_wall_clock_changes_nothing(clock: ManualClock) -> None:
    work = Work(clock)
    async with supervised(clock, Loop("import", every(300), work.tick)) as running:
        clock.jump(2)
        await clock.advance(301)
        assert running.jumps == []
    assert work.scheduled == [NOON, NOON + timedelta(seconds=300)]


async def test_the_pulse_beats_about_once_a_second(clock: ManualClock) -> None:
    async with supervised(clock, Loop("import", every(300), Work(clock, seconds=200).tick)) as running:
        await clock.advance(60)
        assert running.pulses == 60


async def test_a_stop_while_all_loops_pause_returns_at_once(clock: ManualClock) -> None:
    work = Work(clock)
    async with supervised(clock, Loop("import", every(300), work.tick)) as running:
        running.stop.set()
        await settle()
        assert running.task.done()
        assert running.task.result() is None
    assert work.started == [0]


async def test_a_stop_lets_a_running_tick_finish_within_its_grace(clock: ManualClock) -> None:
    work = Work(clock, seconds=6)
    loop = Loop("import", every(1), work.tick)
    async with supervised(clock, loop, grace=10) as running:
        running.stop.set()
        await clock.advance(5)
        assert not running.task.done()
        await clock.advance(2)
        assert running.task.result() is None
    assert loop.state.last == {"ticks": 1}
    assert work.started == [0]


async def test_a_tick_that_outlasts_the_grace_is_cancelled_and_the_stop_is_still_a_good_end(clock: ManualClock) -> None:
    work = Work(clock, seconds=1000)
    loop = Loop("import", every(1), work.tick)
    async with supervised(clock, loop, grace=10) as running:
        running.stop.set()
        await clock.advance(10.5)
        assert running.task.result() is None
    assert work.at_work == 0
    assert not loop.state.running


async def test_a_cancel_of_the_whole_supervision_passes_as_a_cancel(clock: ManualClock) -> None:
    async with supervised(clock, Loop("import", every(1), Work(clock, seconds=50).tick)) as running:
        running.task.cancel()
        await settle()
        assert running.task.cancelled()


async def test_an_interval_that_cannot_be_told_ends_the_process_instead_of_the_loop_alone(clock: ManualClock) -> None:
    def unknown() -> Any:
        raise LookupError("no interval")

    async with supervised(
        clock, Loop("import", unknown, Work(clock).tick), Loop("parsing", every(1), Work(clock).tick)
    ) as running:
        await clock.advance(2)
        with pytest.raises(LookupError):
            await running.task
