"""One notice when an integration needs a person and one when it is well again: at least once, never in the way."""

import asyncio
import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from support.clock import ManualClock
from support.world import World, world

from afpd import log
from afpd.config.notices import NoticesSettings
from afpd.gmail import open_session
from afpd.loops.notices import MOST_ATTEMPTS, Notices
from afpd.store import integrations

ANA = "ana@example.com"
LATER = timedelta(minutes=5)
QUICK = {"gmail": {"confirm_revoked_after": "1ms"}}


class Bench:
    """Notices of a world, with the ways that a test wants."""

    def __init__(self, here: World, session: Any, clock: Any, **settings: Any) -> None:
        self.trouble: str | None = None
        self.settings = NoticesSettings(**settings)
        self.notices = Notices(here.database, session, clock, lambda: self.settings, lambda: self.trouble)

    async def events(self) -> list[tuple[str, Any]]:
        with capture_logs() as told:
            await self.notices.tell()
        return [(one["event"], one.get("integration_id")) for one in told]


@pytest.fixture(autouse=True)
def _lines_at_info():
    log.configure("info", "json", io.StringIO())
    yield
    log.configure("warning", "json")


@pytest.fixture
async def session():
    async with open_session() as opened:
        yield opened


def read(path: Path) -> str:
    return path.read_text()


async def break_access(here: World, *keys: int) -> None:
    for mailbox in here.sandbox.mailboxes.values():
        mailbox.revoked = True
        here.sandbox.tokens.expire(mailbox)
    for tick in range(1, 4):
        await here.tick(here.clock.now() + tick * timedelta(hours=2))
    assert [(await here.integration(key)).import_status for key in keys] == ["error"] * len(keys)


async def mend_access(here: World, user_id: str | None = None) -> None:
    here.sandbox.mailboxes[ANA].revoked = False
    await here.connect(ANA, user_id=user_id)
    await here.tick(here.clock.now() + 10 * LATER)


async def test_one_notice_per_episode_and_one_on_recovery(tmp_path, session):
    async with world(tmp_path, **QUICK) as here:
        key = await here.connect(ANA)
        bench = Bench(here, session, here.clock)
        assert await bench.events() == []
        await break_access(here, key)
        assert await bench.events() == [("integration.needs_a_person", key)]
        assert await bench.events() == []
        await mend_access(here)
        assert await bench.events() == [("integration.recovered", key)]
        assert await bench.events() == []
        await break_access(here, key)
        assert await bench.events() == [("integration.needs_a_person", key)]


async def test_an_episode_goes_on_when_resuming_does_not_help(tmp_path, session):
    async with world(tmp_path, **QUICK) as here:
        key = await here.connect(ANA)
        bench = Bench(here, session, here.clock)
        await break_access(here, key)
        assert len(await bench.events()) == 1
        await here.connect(ANA)
        await break_access(here, key)
        assert await bench.events() == []


async def test_another_process_does_not_tell_again_what_is_told_and_tells_what_is_not(tmp_path, session):
    async with world(tmp_path, **QUICK) as here:
        key = await here.connect(ANA)
        await break_access(here, key)
        failing = Bench(here, session, here.clock, command=("/does/not/exist",))
        await failing.events()
        assert (await here.integration(key)).noticed_at is None
        assert await Bench(here, session, here.clock).events() == [("integration.needs_a_person", key)]
        assert await Bench(here, session, here.clock).events() == []


async def test_a_command_gets_the_notice_as_json_on_stdin_and_no_token(tmp_path, session):
    out = tmp_path / "told"
    program = f"import sys; open({str(out)!r}, 'a').write(sys.stdin.read())"
    async with world(tmp_path, **QUICK) as here:
        key = await here.connect(ANA, user_id="user 17")
        bench = Bench(here, session, here.clock, command=(sys.executable, "-c", program))
        await break_access(here, key)
        await bench.notices.tell()
        await mend_access(here, "user 17")
        await bench.notices.tell()

        first, second = map(json.loads, read(out).splitlines())
        assert first.pop("since").endswith("Z")
        assert first == {
            "event": "integration_needs_a_person",
            "integration_id": key,
            "user_id": "user 17",
            "reason": (await here.integration(key)).last_error_message or first["reason"],
        }
        assert "invalid_grant" in first["reason"]
        assert (second["event"], second["reason"]) == ("integration_recovered", None)
        assert here.sandbox.mailboxes[ANA].refresh_token not in read(out)


async def test_a_webhook_gets_the_notice_by_post(tmp_path, session):
    got: list[Any] = []

    async def hook(request: web.BaseRequest) -> web.StreamResponse:
        got.append((request.method, request.content_type, json.loads(await request.read())))
        return web.Response(status=204)

    async with world(tmp_path, **QUICK) as here, Serving(hook) as url:
        key = await here.connect(ANA)
        bench = Bench(here, session, here.clock, webhook=f"{url}/hook?key=s3cret")
        bench.trouble = "the quota is used up"
        await break_access(here, key)
        with capture_logs() as told:
            await bench.notices.tell()
            bench.trouble = None
            await bench.notices.tell()

    assert [(method, kind, notice["event"]) for method, kind, notice in got] == [
        ("POST", "application/json", "project_paused"),
        ("POST", "application/json", "integration_needs_a_person"),
        ("POST", "application/json", "project_resumed"),
    ]
    assert got[0][2]["reason"] == "the quota is used up"
    assert "s3cret" not in str(told)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("import time; time.sleep(60)", "took longer"),
        ("import sys; sys.stdin.close(); raise SystemExit(1)", "exit code 1"),
    ],
)
async def test_a_command_that_fails_is_tried_again_with_growing_pauses_and_given_up_at_last(
    tmp_path, session, program, words
):
    clock = ManualClock()
    async with world(tmp_path, **QUICK) as here:
        key = await here.connect(ANA)
        await break_access(here, key)
        timeout = "300ms" if "sleep" in program else "30s"
        bench = Bench(here, session, clock, command=(sys.executable, "-c", program), timeout=timeout)
        lines = []
        for _ in range(MOST_ATTEMPTS):
            with capture_logs() as told:
                await bench.notices.tell()
                await bench.notices.tell()
            lines += told
            assert (await here.integration(key)).noticed_at is None or len(lines) > MOST_ATTEMPTS
            await clock.advance(700)

        events = [one["event"] for one in lines]
        assert events == ["integration.needs_a_person", *["notice.failed"] * (MOST_ATTEMPTS - 1), "notice.given_up"]
        assert words in lines[1]["reason"]
        assert (await here.integration(key)).noticed_at is not None


async def test_a_way_that_hangs_does_not_hold_up_the_import(tmp_path, session):
    async with world(tmp_path, **QUICK) as here:
        key = await here.connect(ANA)
        await break_access(here, key)
        program = (sys.executable, "-c", "import time; time.sleep(60)")
        bench = Bench(here, session, here.clock, command=program, timeout="10m")
        telling = asyncio.create_task(bench.notices.run(asyncio.Event()))
        await asyncio.sleep(0.1)
        other = await here.connect("bo@example.com")
        mail = here.receive("bo@example.com")
        await here.tick(here.clock.now() + LATER)
        assert mail in await here.kept()
        assert (await here.integration(other)).import_status == "waiting"
        assert not telling.done()
        telling.cancel()
        await asyncio.wait([telling])


async def test_an_integration_that_was_removed_needs_nobody(tmp_path, session):
    async with world(tmp_path, **QUICK) as here:
        key = await here.connect(ANA)
        bench = Bench(here, session, here.clock)
        await break_access(here, key)
        await bench.events()
        async with here.database.write() as connection:
            await integrations.remove(connection, key, now=here.clock.now())
        assert await bench.events() == []
        assert (await here.integration(key)).noticed_at is None


class Serving:
    """A server on a socket for the length of a block."""

    def __init__(self, answering: Any) -> None:
        self._runner = web.ServerRunner(web.Server(answering, access_log=None), shutdown_timeout=0.1)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
