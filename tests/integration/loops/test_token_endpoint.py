"""The token endpoint fails in every way: the loop stays free, the states are those of docs/operations.md."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from support.lag import watching_the_loop
from support.world import World, world

from afpd.sandbox import Fault

ANA = "ana@example.com"
BLOCKED_AT_MOST = 0.05
TRIES = 3
SETTINGS = {
    "gmail": {"max_retries": 1, "refresh_deadline": "400ms", "visit_deadline": "3s", "confirm_revoked_after": "1h"},
}


def waits(row, here: World) -> bool:
    return row.import_status == "waiting" and row.failures_in_a_row == 1 and row.revoked_since is None


def waits_for_google_s_time(row, here: World) -> bool:
    return waits(row, here) and row.next_run_at - row.last_error_at >= timedelta(seconds=85)


def is_passed_over(row, here: World) -> bool:
    unmarked = (row.import_status, row.failures_in_a_row, row.last_error_message) == ("waiting", 0, None)
    return unmarked and here.parts.gate.kind == "client" and here.parts.gate.reason is not None


def is_asked_again(row, here: World) -> bool:
    again = row.next_run_at - row.revoked_since
    return row.import_status == "waiting" and again == timedelta(hours=1) and "invalid_grant" in row.last_error_message


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        (Fault.SERVER_503, waits, "HTTP 503"),
        (Fault.RATE_429_HEADER, waits_for_google_s_time, "HTTP 429"),
        (Fault.HTML_502, waits, "HTTP 502"),
        (Fault.HANG, waits, "in time"),
        (Fault.RESET, waits, "connection"),
        (Fault.TRUNCATED, waits, "cut off"),
        (Fault.INVALID_CLIENT, is_passed_over, None),
        (Fault.UNAUTHORIZED_CLIENT, is_passed_over, None),
        (Fault.INVALID_GRANT, is_asked_again, "invalid_grant"),
    ],
)
async def test_whatever_the_endpoint_does_the_loop_stays_free_and_the_state_is_as_documented(
    tmp_path, fault: Fault, state: Callable[..., bool], words: str | None
):
    blocked = []
    for attempt in range(TRIES):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        async with world(folder, **SETTINGS) as here:
            key = await here.connect(ANA)
            here.sandbox.faults.add(fault, method="token", seconds=90)
            async with watching_the_loop() as lag:
                await here.tick()
            row = await here.integration(key)
            assert state(row, here)
            assert words is None or words in row.last_error_message
            here.sandbox.faults.clear()
        blocked.append(lag.blocked)
        if lag.blocked < BLOCKED_AT_MOST:
            break
    assert min(blocked) < BLOCKED_AT_MOST


@pytest.mark.parametrize("block", [lambda: time.sleep(0.2), lambda: sum(range(12_000_000))])
async def test_a_blocked_loop_would_be_noticed(block):
    async with watching_the_loop() as lag:
        await asyncio.sleep(0.05)
        block()
    assert lag.blocked > BLOCKED_AT_MOST


async def test_invalid_grant_that_google_takes_back_bothers_nobody(tmp_path):
    async with world(tmp_path, gmail={"confirm_revoked_after": "1ms"}) as here:
        key = await here.connect(ANA)
        mail = here.receive(ANA)
        here.sandbox.faults.add(Fault.INVALID_GRANT, method="token", first=1)

        await here.tick()
        await here.tick(here.clock.now() + timedelta(minutes=5))

        row = await here.integration(key)
        assert (row.import_status, row.revoked_since, row.failures_in_a_row) == ("waiting", None, 0)
        assert await here.kept() == [mail]


async def test_invalid_grant_for_good_needs_a_person_and_signing_in_again_fills_the_gap(tmp_path):
    async with world(tmp_path, gmail={"confirm_revoked_after": "1ms"}) as here:
        key = await here.connect(ANA)
        first = here.receive(ANA)
        await here.tick()
        cursor = (await here.integration(key)).cursor
        here.sandbox.revoke(ANA)
        for tick in range(1, 4):
            await here.tick(here.clock.now() + tick * timedelta(minutes=5))
        assert (await here.integration(key)).import_status == "error"
        missed = [here.receive(ANA) for _ in range(3)]
        await here.tick(here.clock.now() + timedelta(hours=1))
        assert await here.kept() == [first]

        mailbox = here.sandbox.mailboxes[ANA]
        mailbox.revoked = False
        assert await here.connect(ANA) == key
        row = await here.integration(key)
        assert (row.import_status, row.last_error_message, row.cursor) == ("waiting", None, cursor)
        await here.tick(here.clock.now() + timedelta(hours=2))

        assert await here.kept() == sorted([first, *missed])


async def test_an_endpoint_that_is_down_is_asked_by_few_and_everybody_keeps_the_turn(tmp_path):
    settings = {"gmail": {"max_retries": 1, "retry_base": "1s", "refresh_concurrency": 4}}
    async with world(tmp_path, **settings) as here:
        keys = [await here.connect(f"user{n}@example.com") for n in range(40)]
        here.sandbox.faults.add(Fault.SERVER_503, method="token")
        with capture_logs() as told:
            await here.tick()

        asked = here.sandbox.traffic.requests["token"]
        rows = [await here.integration(key) for key in keys]
        assert asked <= 12
        assert {row.import_status for row in rows} == {"waiting"}
        assert sum(row.failures_in_a_row == 0 for row in rows) >= 28
        assert all("HTTP 503" in row.last_error_message for row in rows)
        assert [one["event"] for one in told].count("gmail.tokens_paused") == 1
        assert sum(one["event"] == "integration.failed" and one["log_level"] == "warning" for one in told) <= 12
        assert here.gmail.tokens_trouble is not None
