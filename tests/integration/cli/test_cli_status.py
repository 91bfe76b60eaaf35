"""`afpd status` against a status server on a socket."""

import asyncio
import json
import signal
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from support.status import all_well

from afpd.clock import SystemClock
from afpd.errors import StorageUnavailable
from afpd.model import Counts, EmailCounts, IntegrationCounts, LoopState, Pause
from afpd.status import Snapshot, serve_status

WELL = Counts(
    integrations=IntegrationCounts(total=4, active=3, waiting=2, running=1, suspended=1),
    emails=EmailCounts(pending_parsing=2, parsed_today=7),
    transactions_created_today=6,
    last_batch={
        "id": 12, "status": "completed", "started_at": datetime(2026, 1, 5, 12, tzinfo=UTC), "completed_at": None,
        "batch_size": 3, "total_emails_found": 5, "total_emails_processed": 5, "errors": 0,
        "processing_duration_seconds": 0.5,
    },
)  # fmt: skip


@asynccontextmanager
async def daemon(place, counts=WELL, *, token=None, pause=None, host="127.0.0.1", **loop):
    now = datetime.now(UTC)
    state = LoopState(last_started_at=now, last_finished_at=now, next_at=now + timedelta(seconds=90), **loop)

    async def counted():
        if counts is None:
            raise StorageUnavailable("the disk is full: free some space")
        return counts

    snapshot = Snapshot(
        counts=counted, loops=lambda: {"import": state, "parsing": LoopState()}, gmail=lambda: pause,
        quota=lambda: {"units_used": 7}, clock_skew=lambda: None, node="n1", clock=SystemClock(),
    )  # fmt: skip
    serving = serve_status(host, 0, snapshot=snapshot.build, ready=all_well, live=list, token=token)
    async with serving as port:
        place.set_status_port(port)
        yield
        await snapshot.close()


async def ask(afpd, *options, fails=0):
    return await asyncio.to_thread(afpd, "status", *options, fails=fails)


async def test_it_answers_with_the_object_of_the_endpoint(afpd, place):
    async with daemon(place):
        told = json.loads((await ask(afpd, "--json")).stdout)
    assert told["integrations"]["total"] == 4
    assert told["transactions"] == {"created_today": 6}
    assert told["loops"]["import"]["failures_in_a_row"] == 0


async def test_people_see_one_screen(afpd, place):
    last = {"integrations_processed": 3, "total_emails": 5, "errors": 0}
    async with daemon(place, last_duration_seconds=0.25, last=last):
        lines = (await ask(afpd)).stdout.splitlines()
    assert lines[0].startswith("afpd ")
    assert "integrations  4, 3 of them active: 2 waiting, 1 running, 1 suspended, 0 error" in lines
    assert "transactions  6 today" in lines
    assert any(line.startswith("import        waits; last ended") and "total emails" in line for line in lines)
    assert "last batch    12 at 06:00:00 completed: 3 visits, 5 of 5 mails kept, 0 errors" in lines
    assert len(lines) < 24


async def test_without_a_daemon_it_is_exit_code_69_in_one_line(afpd):
    result = await ask(afpd, fails=69)
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert "no daemon answers at 127.0.0.1:1 (Connection refused): start it" in result.stderr


async def test_another_program_on_the_port_is_no_daemon(afpd, place):
    async def other(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        place.set_status_port(server.sockets[0].getsockname()[1])
        assert "is no afpd" in (await ask(afpd, fails=69)).stderr


async def test_a_daemon_that_cannot_tell_its_state_gives_its_words(afpd, place):
    async with daemon(place, None):
        assert "free some space" in (await ask(afpd, fails=1)).stderr
        told = await ask(afpd, "--check", fails=3)
    assert told.stdout.startswith("AFPD UNKNOWN - ")


async def test_the_token_of_the_configuration_is_sent(afpd, place):
    async with daemon(place, token=b"0123456789abcdef"):
        assert "token" in (await ask(afpd, fails=77)).stderr
        place.write("token", "0123456789abcdef\n")
        place.config.write_text(place.config.read_text() + 'token_file = "token"\n')
        assert "integrations" in (await ask(afpd)).stdout


async def test_listening_everywhere_is_asked_on_this_machine(afpd, place):
    async with daemon(place, token=b"0123456789abcdef", host="0.0.0.0"):
        place.write("token", "0123456789abcdef\n")
        place.config.write_text(place.config.read_text() + 'token_file = "token"\nhost = "0.0.0.0"\n')
        assert "integrations" in (await ask(afpd)).stdout


async def test_port_0_cannot_be_asked(afpd, place):
    place.set_status_port(0)
    assert "set a port" in (await ask(afpd, fails=69)).stderr


@pytest.mark.parametrize(
    ("counts", "more", "code", "word"),
    [
        (WELL, {}, 0, "OK - 3 integrations followed, 6 transactions today | integrations_total=4"),
        (Counts(IntegrationCounts(total=9, active=9, error=1), EmailCounts()), {}, 1, "1 of 9 integrations need"),
        (Counts(IntegrationCounts(active=9, stale=5), EmailCounts()), {}, 2, "5 of 9 integrations were not verified"),
        (Counts(IntegrationCounts(active=9), EmailCounts(missing=1)), {}, 1, "1 mails missing"),
        (WELL, {"failures_in_a_row": 3, "last_error": "disk"}, 2, "the import loop failed 3 times in a row: disk"),
        (WELL, {"pause": Pause("client", "the client is rejected")}, 2, "nobody is visited: the client is rejected"),
    ],
)
async def test_check_is_a_plugin_of_nagios(afpd, place, counts, more, code, word):
    async with daemon(place, counts, **more):
        result = await ask(afpd, "--check", fails=code)
        told = json.loads((await ask(afpd, "--check", "--json", fails=code)).stdout)
    assert result.stdout.count("\n") == 1
    assert result.stdout.startswith("AFPD " + ("OK", "WARNING", "CRITICAL")[code])
    assert word in result.stdout
    assert (told["exit_code"], told["status"]["node"]) == (code, "n1")


async def test_check_without_a_daemon_is_critical_and_with_a_bad_configuration_unknown(afpd, place):
    assert (await ask(afpd, "--check", fails=2)).stdout.startswith("AFPD CRITICAL - no daemon answers")
    place.config.write_text("nonsense = 1")
    result = await ask(afpd, "--check", fails=3)
    assert result.stdout.startswith("AFPD UNKNOWN - ")
    assert result.stderr == ""


async def test_watch_shows_it_again_until_ctrl_c(place):
    async with daemon(place):
        process = await place.start("status", "--watch", "--json")
        async with asyncio.timeout(20):
            first, second = [json.loads(await process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, stderr = await process.communicate()
    assert second["uptime_seconds"] > first["uptime_seconds"]
    assert (process.returncode, stderr) == (0, b"")
