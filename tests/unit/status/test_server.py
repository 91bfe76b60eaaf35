"""The three pages over real sockets."""

import asyncio
import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs
from support.status import Start, all_well, nothing_to_tell

from afpd.errors import AlreadyRunning, ConfigError, StorageUnavailable
from afpd.status import Check, Readiness, serve_status


async def test_status_is_one_json_object(start: Start, client: ClientSession) -> None:
    async with client.get(await start() + "/status") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert await answer.json() == {"integrations": {"total": 3}}


async def test_times_are_iso_8601_in_utc_and_odd_values_do_not_take_the_page_away(
    start: Start, client: ClientSession
) -> None:
    async def snapshot() -> dict[str, Any]:
        return {"at": datetime(2026, 1, 5, 12, tzinfo=UTC), "odd": Decimal("1.50")}

    async with client.get(await start(snapshot=snapshot) + "/status") as answer:
        assert await answer.json() == {"at": "2026-01-05T12:00:00Z", "odd": "1.50"}


async def test_a_refusing_database_is_503_with_its_reason(start: Start, client: ClientSession) -> None:
    async def snapshot() -> dict[str, Any]:
        raise StorageUnavailable("the database is locked")

    async with client.get(await start(snapshot=snapshot) + "/status") as answer:
        assert answer.status == 503
        assert await answer.json() == {"error": "the database is locked"}


async def test_a_bug_is_503_that_names_it_without_its_words_and_its_traceback_is_logged(
    start: Start, client: ClientSession
) -> None:
    async def snapshot() -> dict[str, Any]:
        raise KeyError("ann@example.com")

    with capture_logs() as lines:
        async with client.get(await start(snapshot=snapshot) + "/status") as answer:
            assert answer.status == 503
            assert await answer.json() == {"error": "a bug, see the log: KeyError"}
    assert [line["event"] for line in lines] == ["status.failed"]


async def test_livez_names_the_loops_without_life(start: Start, client: ClientSession) -> None:
    dead: list[str] = []
    base = await start(live=lambda: dead)
    async with client.get(base + "/livez") as answer:
        assert (answer.status, await answer.text()) == (200, "live\n")
    dead += ["import", "cleanup"]
    async with client.get(base + "/livez") as answer:
        assert (answer.status, await answer.text()) == (503, "no sign of life: import, cleanup\n")


async def test_livez_answers_while_the_database_hangs(start: Start, client: ClientSession) -> None:
    async def hang() -> Any:
        await asyncio.Event().wait()

    base = await start(snapshot=hang, ready=hang)
    async with asyncio.timeout(0.5), client.get(base + "/livez") as answer:
        assert answer.status == 200


async def test_readyz_is_one_word_and_verbose_a_line_for_each_check(start: Start, client: ClientSession) -> None:
    base = await start()
    async with client.get(base + "/readyz") as answer:
        assert (answer.status, await answer.text()) == (200, "ready\n")
    async with client.get(base + "/readyz?verbose") as answer:
        assert (await answer.text()).splitlines() == ["[+] database: ok", "[+] import: ok", "ready"]


async def test_readyz_is_503_when_one_check_fails_and_says_which_and_why(start: Start, client: ClientSession) -> None:
    async def ready() -> Readiness:
        return Readiness((Check("database", ok=True), Check("import", ok=False, why="no good tick for 21 minutes")))

    base = await start(ready=ready)
    async with client.get(base + "/readyz") as answer:
        assert (answer.status, await answer.text()) == (503, "not ready: import\n")
    async with client.get(base + "/readyz?verbose") as answer:
        assert answer.status == 503
        assert "[-] import: no good tick for 21 minutes" in (await answer.text()).splitlines()


async def test_readyz_is_503_within_about_a_second_when_a_check_hangs(start: Start, client: ClientSession) -> None:
    async def hang() -> Readiness:
        await asyncio.Event().wait()
        raise AssertionError

    base = await start(ready=hang)
    async with asyncio.timeout(2), client.get(base + "/readyz?verbose") as answer:
        assert answer.status == 503
        assert "[-] checks: no answer within 1 s" in await answer.text()


async def test_readyz_is_503_when_a_check_breaks(start: Start, client: ClientSession) -> None:
    async def broken() -> Readiness:
        raise ValueError("x")

    with capture_logs():
        async with client.get(await start(ready=broken) + "/readyz?verbose") as answer:
            assert answer.status == 503
            assert "ValueError" in await answer.text()


async def test_many_readiness_probes_at_once_cost_one_check(start: Start, client: ClientSession) -> None:
    asked = 0

    async def ready() -> Readiness:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        return Readiness(())

    base = await start(ready=ready)

    async def probe() -> int:
        async with client.get(base + "/readyz") as answer:
            return answer.status

    async with asyncio.TaskGroup() as group:
        probes = [group.create_task(probe()) for _ in range(40)]
    assert {probe.result() for probe in probes} == {200}
    assert asked == 1


async def test_a_port_in_use_is_named_with_what_to_do_and_exit_code_75(start: Start) -> None:
    port = int((await start()).rpartition(":")[2])
    with pytest.raises(AlreadyRunning, match=rf"127\.0\.0\.1:{port} is in use.*ss -ltnp.*\[status\]") as refused:
        await start(port=port)
    assert refused.value.exit_code == 75


@pytest.mark.parametrize("host", ["192.0.2.77", "no-such-host.invalid"])
async def test_an_address_that_is_not_ours_is_a_configuration_error(host: str, start: Start) -> None:
    with pytest.raises(ConfigError, match=r"\[status\] cannot listen on") as refused:
        await start(host=host, token=b"secret")
    assert refused.value.exit_code == 78


async def test_the_socket_is_free_again_after_the_context() -> None:
    parts: Mapping[str, Any] = MappingProxyType({"snapshot": nothing_to_tell, "ready": all_well, "live": list})
    async with serve_status("127.0.0.1", 0, **parts) as port:
        pass
    async with serve_status("127.0.0.1", port, **parts) as again:
        assert again == port


async def test_a_stop_does_not_wait_for_idle_connections(client: ClientSession) -> None:
    async with serve_status("127.0.0.1", 0, snapshot=nothing_to_tell, ready=all_well, live=list) as port:
        async with client.get(f"http://127.0.0.1:{port}/status") as answer:
            await answer.read()
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 0.9


async def test_ipv6_loopback_is_served(client: ClientSession) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return  # a machine without IPv6 has nothing to show here
    parts: Mapping[str, Any] = {"snapshot": nothing_to_tell, "ready": all_well, "live": list}
    async with serve_status("::1", 0, **parts) as port, client.get(f"http://[::1]:{port}/status") as answer:
        assert json.loads(await answer.read()) == {"integrations": {"total": 3}}
