"""The object that /status answers with."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import MappingProxyType

import orjson
import pytest
from aiohttp import ClientSession
from support.clock import NOON, ManualClock
from support.status import Start

import afpd
from afpd.errors import StorageUnavailable
from afpd.model import Counts, EmailCounts, IntegrationCounts, LoopState, Pause
from afpd.status import Snapshot

COUNTS = Counts(
    IntegrationCounts(total=10, active=9, waiting=5, running=1, suspended=2, error=2, stale=1, quiet=3),
    EmailCounts(pending_parsing=4, parsed_today=50, unmatched=6, failed=7, quarantined=8, missing=0),
    transactions_created_today=49,
    last_batch={"id": 12, "status": "completed", "batch_size": 9},
)


class Daemon:
    """What the snapshot asks; a test changes it as it likes."""

    def __init__(self) -> None:
        self.counts = COUNTS
        self.answering = asyncio.Event()
        self.answering.set()
        self.asked = 0
        self.loops = {"import": LoopState(), "parsing": LoopState(), "cleanup": LoopState()}
        self.pause: Pause | None = None
        self.skew: float | None = None

    async def count(self) -> Counts:
        self.asked += 1
        await self.answering.wait()
        return self.counts


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def snapshot(daemon: Daemon, clock: ManualClock) -> AsyncIterator[Snapshot]:
    snapshot = Snapshot(
        counts=daemon.count,
        loops=lambda: daemon.loops,
        gmail=lambda: daemon.pause,
        quota=lambda: {"units_used": 7},
        clock_skew=lambda: daemon.skew,
        node="node-1",
        clock=clock,
        patience=0.05,
    )
    yield snapshot
    await snapshot.close()


async def test_the_keys_are_those_that_dashboards_rely_on(snapshot: Snapshot) -> None:
    told = await snapshot.build()
    assert told["integrations"] == {
        "total": 10, "active": 9, "waiting": 5, "running": 1, "suspended": 2, "error": 2, "stale": 1, "quiet": 3,
        "history_refused": 0,
    }  # fmt: skip
    assert told["emails"] == {
        "pending_parsing": 4, "parsed_today": 50, "unmatched": 6, "failed": 7, "quarantined": 8, "missing": 0,
        "unknown_sender": 0, "poison": 0, "clusters": 0,
    }  # fmt: skip
    assert told["transactions"] == {"created_today": 49}
    assert list(told["loops"]) == ["import", "parsing", "cleanup"]
    assert {
        "last_started_at", "last_finished_at", "next_at", "last_duration_seconds", "failures_in_a_row", "last",
    } <= set(told["loops"]["import"])  # fmt: skip
    assert told["version"] == afpd.__version__
    assert told["node"] == "node-1"
    assert told["last_batch"]["batch_size"] == 9
    assert "snapshot_age_seconds" not in told


async def test_a_loop_is_told_as_it_is_now(snapshot: Snapshot, daemon: Daemon) -> None:
    await snapshot.build()
    daemon.loops["import"] = LoopState(
        last_started_at=NOON,
        last_finished_at=NOON + timedelta(seconds=2),
        next_at=NOON + timedelta(minutes=5),
        last_duration_seconds=2.0,
        failures_in_a_row=3,
        last=MappingProxyType({"integrations_processed": 9, "total_emails": 4, "errors": 1}),
        last_error="the disk is full",
    )
    told = orjson.loads(orjson.dumps((await snapshot.build())["loops"]["import"], option=orjson.OPT_UTC_Z))
    assert told == {
        "running": False,
        "last_started_at": "2026-01-05T12:00:00Z",
        "last_finished_at": "2026-01-05T12:00:02Z",
        "next_at": "2026-01-05T12:05:00Z",
        "last_duration_seconds": 2.0,
        "failures_in_a_row": 3,
        "last_error": "the disk is full",
        "last": {"integrations_processed": 9, "total_emails": 4, "errors": 1},
    }
    assert daemon.asked == 1, "the counts were a moment old and were not asked for again"


async def test_uptime_counts_from_the_start(snapshot: Snapshot, clock: ManualClock) -> None:
    await clock.advance(90.5)
    told = await snapshot.build()
    assert told["uptime_seconds"] == 90.5
    assert told["started_at"] == NOON
    assert told["now"] == NOON + timedelta(seconds=90.5)


async def test_a_pause_of_the_whole_project_is_told_with_its_reason_and_end(snapshot: Snapshot, daemon: Daemon) -> None:
    assert (await snapshot.build())["gmail"] == {
        "paused_kind": None,
        "paused_reason": None,
        "paused_until": None,
        "tokens_trouble": None,
        "units_used": 7,
    }
    daemon.pause = Pause("quota", "the daily quota is used up", NOON)
    daemon.skew = -1.25
    told = await snapshot.build()
    assert told["gmail"]["paused_kind"] == "quota"
    assert told["gmail"]["paused_reason"] == "the daily quota is used up"
    assert told["gmail"]["paused_until"] == NOON
    assert told["clock_skew_seconds"] == -1.25


async def test_while_the_database_does_not_answer_the_old_counts_are_told_with_age_and_reason(
    snapshot: Snapshot, daemon: Daemon, clock: ManualClock
) -> None:
    await snapshot.build()
    daemon.answering.clear()
    daemon.loops["import"] = LoopState(failures_in_a_row=2)
    await clock.advance(42)
    told = await snapshot.build()
    assert told["integrations"]["total"] == 10
    assert told["snapshot_age_seconds"] == 42
    assert told["snapshot_old_because"] == "the database did not answer within 0.05 s"
    assert told["loops"]["import"]["failures_in_a_row"] == 2, "what is known in memory is never old"


async def test_a_database_that_never_answered_yet_is_an_error_with_its_reason(
    snapshot: Snapshot, daemon: Daemon
) -> None:
    daemon.answering.clear()
    with pytest.raises(StorageUnavailable, match="did not answer within"):
        await snapshot.build()


async def test_the_whole_way_over_http(snapshot: Snapshot, daemon: Daemon, start: Start, client: ClientSession) -> None:
    base = await start(snapshot=snapshot.build)

    async def ask() -> dict[str, object]:
        async with client.get(base + "/status") as answer:
            assert answer.status == 200
            return dict(await answer.json())

    async with asyncio.TaskGroup() as group:
        askers = [group.create_task(ask()) for _ in range(50)]
    assert all(asker.result()["transactions"] == {"created_today": 49} for asker in askers)
    assert daemon.asked == 1
