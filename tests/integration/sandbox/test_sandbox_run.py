"""The side door, the populations, and the sandbox as a process of its own."""

import asyncio
import json
import signal
import socket
import stat
import sys
from pathlib import Path

import aiohttp
import pytest
from support.sandbox_caller import Caller

from afpd.errors import AlreadyRunning
from afpd.sandbox import Fault, Sandbox
from afpd.sandbox.letters import layouts
from afpd.sandbox.population import LIMITED, REVOKED, SLOW, keep_delivering
from afpd.sandbox.run import RunPlan, build, running

ANA = "ana@example.com"


async def post(caller: Caller, path: str, order: object) -> tuple[int, dict]:
    async with caller.session.post(f"{caller.url}/sandbox/{path}", data=json.dumps(order)) as response:
        return response.status, await response.json()


async def ask(caller: Caller, path: str) -> dict:
    async with caller.session.get(f"{caller.url}/sandbox/{path}") as response:
        assert response.status == 200
        return await response.json()


async def test_the_side_door_counts_what_came_in(caller: Caller) -> None:
    await caller.get("profile")
    stats = await ask(caller, "stats")
    assert stats["requests"] == {"token": 1, "getProfile": 1}
    assert stats["units"] == stats["users"][ANA]["units"] == 1


async def test_the_side_door_delivers_and_tells_what_a_mail_must_become(caller: Caller, sandbox: Sandbox) -> None:
    status, told = await post(caller, "deliver", {"email": ANA, "layout": "cr-bcr-card"})
    assert status == 200
    status, raw = await post(caller, "deliver", {"email": ANA, "raw": "From: a@example.net\n\nx", "labels": ["SPAM"]})
    mails = {mail["id"]: mail for mail in (await ask(caller, "mails"))["mails"]}
    assert mails[told["id"]]["transactions"] == told["transactions"] != []
    assert mails[raw["id"]]["labels"] == ["SPAM"]
    assert sum("layout" in mail for mail in mails.values()) == len(layouts()) + 1


async def test_the_side_door_plans_faults(caller: Caller, sandbox: Sandbox) -> None:
    order = {"faults": ["server_503"], "user": ANA, "first": 1, "for": 60}
    assert await post(caller, "faults", order) == (200, {"rules": 1})
    assert [(await caller.get("profile"))[0] for _ in range(2)] == [503, 200]
    assert await post(caller, "faults", {"clear": True}) == (200, {"rules": 0})


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("deliver", {"email": "nobody@example.com", "layout": "cr-bcr-card"}),
        ("deliver", {"email": ANA, "layout": "none"}),
        ("deliver", []),
        ("faults", {"faults": ["none"]}),
    ],
)
async def test_the_side_door_refuses_what_it_does_not_understand(path: str, order: object, caller: Caller) -> None:
    assert (await post(caller, path, order))[0] == 400


def test_a_population_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    def told(seed: int) -> list:
        sandbox = build(RunPlan(tmp_path, users=3, mails=20, seed=seed))
        return [(mail["email"], mail["id"], mail["layout"]) for mail in sandbox.mails()]

    assert told(1) == told(1) != told(2)


def test_a_population_has_as_many_bank_mails_as_asked_and_private_ones_beside(tmp_path: Path) -> None:
    sandbox = build(RunPlan(tmp_path, users=5, mails=20))
    mails = sandbox.mails()
    assert sum(mail["bank"] is not None for mail in mails) == 100
    assert sum(mail["bank"] is None for mail in mails) > 5
    assert all((mail["outcome"] == "success") == bool(mail["transactions"]) for mail in mails)
    assert "cr-bac-code" not in {mail["layout"] for mail in mails}
    assert len(sandbox.mailboxes) == 5


async def test_the_demo_has_its_nine_people(tmp_path: Path) -> None:
    sandbox = build(RunPlan(tmp_path, demo=True))
    assert len(sandbox.mailboxes) == 9
    assert len({mail["bank"] for mail in sandbox.mails() if mail["bank"]}) >= 4
    assert sandbox.mailboxes[REVOKED].revoked
    assert sandbox.faults.strike("getProfile", LIMITED).fault is Fault.RATE_429_TIMED
    assert sandbox.faults.strike("getProfile", SLOW).fault is Fault.SLOW


async def test_new_mail_keeps_coming_to_everybody_from_many_banks(tmp_path: Path) -> None:
    sandbox = build(RunPlan(tmp_path, demo=True, mails=0))
    await keep_delivering(sandbox, 0.001, seed=1, stop_after=20)
    mails = sandbox.mails()
    assert len(mails) == 20
    assert len({mail["email"] for mail in mails}) == 9
    assert len({mail["bank"] for mail in mails}) >= 6
    assert all(mail["transactions"] for mail in mails)


async def test_running_writes_its_files_readable_by_the_owner_alone(tmp_path: Path) -> None:
    plan = RunPlan(tmp_path / "box", users=2, mails=1, every=0.01, visit_every="2s")
    async with running(plan, build(plan)) as told:
        pass
    users = [json.loads(line) for line in (plan.folder / "users.jsonl").read_text().splitlines()]
    client = json.loads((plan.folder / "client_secret.json").read_text())["installed"]
    assert json.loads((plan.folder / "sandbox.json").read_text()) == told
    assert [(user["user"], user["every"]) for user in users] == [("user_1", "2s"), ("user_2", "2s")]
    assert client["token_uri"] == told["token_url"]
    for name in ("users.jsonl", "client_secret.json"):
        assert stat.S_IMODE((plan.folder / name).stat().st_mode) == 0o600


async def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        plan = RunPlan(tmp_path, port=taken.getsockname()[1], users=1)
        with pytest.raises(AlreadyRunning, match=f"port {plan.port} .*taken"):
            async with running(plan, build(plan)):
                pass


PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from afpd.sandbox.run import RunPlan, run_sandbox
plan = RunPlan(Path(sys.argv[1]), users=2, mails=2, every=0.05, faults=10)
asyncio.run(run_sandbox(plan, lambda told: print(json.dumps(told), flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_serves_until_it_is_told_to_stop(number: signal.Signals, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        told = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession() as session, session.get(f"{told['url']}/sandbox/stats") as response:
            assert (await response.json())["requests"] == {}
        process.send_signal(number)
        assert await process.wait() == 0
