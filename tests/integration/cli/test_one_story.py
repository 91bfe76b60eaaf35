"""The log, /status and `integrations show` tell one story for each failure: the same words, state and time."""

import asyncio
import io
import json
import re
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from support.world import World, world

from afpd import log
from afpd.cli.answer import json_line
from afpd.cli.root import root
from afpd.config.notices import NoticesSettings
from afpd.gmail import Gmail, open_session
from afpd.loops.notices import Notices
from afpd.model import Pause
from afpd.sandbox import Fault
from afpd.status import Snapshot
from afpd.store import counts, integrations

ANA, BO = "ana@example.com", "bo@example.com"
NEAR = timedelta(seconds=60)
SETTINGS: dict[str, dict[str, Any]] = {
    "gmail": {"max_retries": 0, "confirm_revoked_after": "1ms", "rate_pause": "30s"},
    "import": {"backoff_base": "1ms", "backoff_max": "1ms", "search_again_after": "1ms", "every": "1s"},
}


@dataclass
class Views:
    """What an operator sees: the log, the object of /status, and the record of `integrations show`."""

    log: list[dict[str, Any]]
    status: dict[str, Any]
    shown: dict[str, Any]

    def line(self, event: str) -> dict[str, Any]:
        """The one line of an event."""
        (line,) = [line for line in self.log if line["event"] == event]
        return line


class Operator:
    """Ticks a world, and looks at it in the three ways."""

    def __init__(self, here: World, notices: Notices, sink: io.StringIO) -> None:
        self.here, self.notices, self.sink, self.ticks = here, notices, sink, 0

    async def tick(self) -> None:
        self.ticks += 1
        await self.here.tick(self.here.clock.now() + self.ticks * timedelta(minutes=5))
        await self.notices.tell()
        await asyncio.sleep(0.02)

    async def look(self, key: int) -> Views:
        lines = [json.loads(line) for line in self.sink.getvalue().splitlines()]
        return Views(lines, await self._status(), await asyncio.to_thread(self._show, key))

    def _show(self, key: int) -> dict[str, Any]:
        config = self.here.folder / "afpd.toml"
        config.write_text(f'[database]\nurl = "{self.here.settings.database.url}"\n')
        result = CliRunner().invoke(root, ["integrations", "show", str(key), "--json", "--config", str(config)])
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    async def _status(self) -> dict[str, Any]:
        snapshot = Snapshot(
            counts=self._counts, loops=dict, gmail=self._pause, quota=dict, tokens=lambda: self.here.gmail.tokens_trouble,
            clock_skew=lambda: None, node="n", clock=self.here.clock,
        )  # fmt: skip
        try:
            return dict(json.loads(json_line(await snapshot.build())))
        finally:
            await snapshot.close()

    async def _counts(self) -> Any:
        now, tick = self.here.clock.now(), self.here.settings.imports.every
        async with self.here.database.read() as connection:
            return await counts.count_all(connection, now=now, today_began=now, stale_after=3, tick=tick)

    def _pause(self) -> Pause | None:
        gate = self.here.parts.gate
        return None if gate.reason is None else Pause(gate.kind, gate.reason, gate.until)


@pytest.fixture
async def operate(tmp_path):
    """Give a function that opens a world for an operator; `more` settings are laid over its own."""
    sink = io.StringIO()
    log.configure("info", "json", sink)
    async with AsyncExitStack() as stack:

        async def begin(**more: dict[str, Any]) -> Operator:
            tables = {name: SETTINGS.get(name, {}) | more.get(name, {}) for name in SETTINGS.keys() | more.keys()}
            here = await stack.enter_async_context(world(tmp_path, **tables))
            session = await stack.enter_async_context(open_session())
            gate = here.parts.gate
            notices = Notices(here.database, session, here.clock, NoticesSettings, lambda: gate.reason)
            return Operator(here, notices, sink)

        yield begin
    log.configure("warning", "json")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def agree(views: Views, event: str, words: str, state: str) -> None:
    """All three tell of one integration in the same words, state and time."""
    line, shown, (trouble,) = views.line(event), views.shown, views.status["troubles"]
    assert re.search(words, line["reason"])
    assert line["integration_id"] == shown["id"]
    assert line["reason"] == shown["last_error_message"] == trouble["reason"]
    assert shown["import_status"] == trouble["state"] == state
    assert views.status["integrations"][state] == trouble["integrations"] == 1
    assert shown["last_error_at"] == trouble["last_at"]
    assert abs(moment(line["timestamp"]) - moment(shown["last_error_at"])) < NEAR
    assert shown["failures_in_a_row"] > 0


def agree_on_all(views: Views, event: str, words: str, kind: str) -> None:
    """All three tell why nobody is visited; nothing is counted against the integration."""
    line, shown, gmail = views.line(event), views.shown, views.status["gmail"]
    assert re.search(words, line["reason"])
    assert line["reason"] == gmail["paused_reason"] == shown["trouble_of_all"]
    assert views.status["last_batch"]["error_message"] == line["reason"]
    assert gmail["paused_kind"] == kind
    assert moment(gmail["paused_until"]) > moment(line["timestamp"]) - NEAR
    assert (shown["import_status"], shown["failures_in_a_row"], shown["last_error_message"]) == ("waiting", 0, None)
    assert (views.status["integrations"]["waiting"], views.status["troubles"]) == (1, [])


async def test_a_revoked_grant(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    operator.here.sandbox.revoke(ANA)
    for _ in range(3):
        await operator.tick()

    views = await operator.look(key)
    agree(views, "integration.needs_a_person", "invalid_grant", "error")
    assert "connect" in views.shown["advice"]


async def test_a_scope_that_is_missing(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    operator.here.sandbox.faults.add(Fault.PERMISSIONS_403, user=ANA)
    await operator.tick()
    agree(await operator.look(key), "integration.needs_a_person", "granted too little", "error")


async def test_the_wrong_mailbox(operate):
    operator = await operate()
    here = operator.here
    here.sandbox.add_user(ANA)
    new = integrations.NewIntegration("u", BO, here.sandbox.mailboxes[ANA].refresh_token)
    async with here.database.write() as connection:
        key, _ = await integrations.add(connection, new, keyring=here.keyring, now=here.clock.now())
    await operator.tick()
    agree(await operator.look(key), "integration.needs_a_person", "another mailbox", "error")


async def test_a_rate_limit_of_the_user(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    operator.here.sandbox.faults.add(Fault.USER_RATE_403, user=ANA)
    await operator.tick()
    views = await operator.look(key)
    agree(views, "integration.failed", "(?i)rate|slow", "suspended")
    assert views.shown["suspend_reason"] == views.shown["last_error_message"]
    assert views.shown["suspend_until"] == views.shown["next_run_at"]


async def test_the_quota_of_the_project(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    operator.here.sandbox.faults.add(Fault.DAILY_403)
    await operator.tick()
    agree_on_all(await operator.look(key), "gmail.project_paused", "(?i)quota", "quota")


async def test_an_api_that_is_not_configured(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    operator.here.sandbox.faults.add(Fault.NOT_CONFIGURED_403)
    await operator.tick()
    agree_on_all(await operator.look(key), "gmail.project_paused", "(?i)api", "client")


async def test_gmail_that_answers_503_for_an_hour(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    operator.here.sandbox.faults.add(Fault.SERVER_503)
    for _ in range(12):
        await operator.tick()
    agree(await operator.look(key), "integration.failed", "503", "waiting")


@pytest.mark.parametrize(
    ("url", "words"),
    [("https://gmail.invalid", "name gmail.invalid cannot be resolved"), ("https://127.0.0.1:{port}", "TLS")],
)
async def test_a_name_or_a_handshake_that_fails(operate, url, words):
    operator = await operate()
    here = operator.here
    key = await here.connect(ANA)
    await operator.tick()  # a token is there
    wrong = url.format(port=here.url.rpartition(":")[2])
    settings = here.settings.gmail.model_copy(update={"api_url": wrong})
    here.gmail = Gmail(operator.notices.session, settings, None, here.clock)
    await operator.tick()
    agree(await operator.look(key), "integration.failed", words, "waiting")


async def test_poison(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    mail = operator.here.receive(ANA)
    operator.here.sandbox.faults.add(Fault.TRUNCATED, message_id=mail)
    until = time.monotonic() + 30
    views = Views([], {}, {})
    while not views.shown or views.shown["parked"][0]["reason"] != "poison":
        assert time.monotonic() < until
        await operator.tick()
        views = await operator.look(key)

    line, (parked,) = views.line("import.message_unreadable"), views.shown["parked"]
    assert (line["integration_id"], line["email_message_id"]) == (key, mail)
    assert parked["email_message_id"] == mail
    assert line["reason"] == parked["error"]
    assert line["attempts"] == parked["attempts"] == 5
    assert views.status["emails"]["poison"] == 1
    assert (views.shown["import_status"], views.status["troubles"]) == ("waiting", [])


async def test_a_history_that_expires_again_and_again(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    await operator.tick()
    operator.here.sandbox.faults.add(Fault.HISTORY_EXPIRED, user=ANA)
    for _ in range(4):
        operator.here.receive(ANA)
        await operator.tick()

    views = await operator.look(key)
    line = views.line("import.history_refused")
    assert (line["integration_id"], line["times"]) == (key, views.shown["histories_refused"])
    assert views.status["integrations"]["history_refused"] == 1
    assert (views.shown["import_status"], views.status["troubles"]) == ("waiting", [])


async def test_a_token_endpoint_that_is_down_for_one(operate):
    operator = await operate()
    key = await operator.here.connect(ANA)
    operator.here.sandbox.faults.add(Fault.SERVER_503, method="token")
    await operator.tick()
    agree(await operator.look(key), "integration.failed", "503", "waiting")


async def test_a_token_endpoint_that_is_down_for_all(operate):
    operator = await operate()
    keys = [await operator.here.connect(f"user{n}@example.com") for n in range(6)]
    operator.here.sandbox.faults.add(Fault.SERVER_503, method="token")
    for _ in range(3):
        await operator.tick()
    views = await operator.look(keys[0])
    line = views.line("gmail.tokens_paused")
    assert line["reason"] == views.shown["trouble_of_all"] == views.status["last_batch"]["error_message"]
    assert views.status["gmail"]["tokens_trouble"] == line["reason"]
    assert views.status["integrations"]["waiting"] == 6
