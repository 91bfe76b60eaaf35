"""The verb `afpd sandbox`: a sandbox in a process of its own, until SIGTERM or SIGINT.

Into its folder it writes client_secret.json and service_account.json (both mode 0600), users.jsonl (mode 0600, as
`afpd integrations add --from` takes it) and last, once it serves, sandbox.json: {"url", "token_url", "auth_url",
"client_file", "users_file", …}.
It needs no configuration and no database. What it holds is lost when it ends; the same seed makes the same users,
tokens and mails again (at other times of day).
"""

import asyncio
import errno
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from afpd.clock import Clock
from afpd.errors import AlreadyRunning
from afpd.sandbox.population import keep_delivering, people_of_the_demo, populate
from afpd.sandbox.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to run. `demo` takes the nine people of the demo and leaves `users` aside.

    `every`: seconds between new mails, None for no new mail; `faults`: percent of requests that something happens to;
    `visit_every`: the frequency written into users.jsonl; `token_life` in seconds; port 0 takes a free one.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    demo: bool = False
    users: int = 3
    mails: int = 5
    every: float | None = None
    faults: float = 0.0
    seed: int = 1
    visit_every: str = "5m"
    token_life: float = 3599.0


def build(plan: RunPlan, clock: Clock | None = None) -> Sandbox:
    """Return the sandbox of a plan, populated, not yet serving."""
    sandbox = Sandbox(clock=clock, seed=plan.seed, token_life=plan.token_life)
    if plan.demo:
        people_of_the_demo(sandbox, plan.mails, plan.seed)
    else:
        populate(sandbox, plan.users, plan.mails, plan.seed)
    if plan.faults:
        sandbox.faults.touch(plan.faults)
    return sandbox


@asynccontextmanager
async def running(plan: RunPlan, sandbox: Sandbox) -> AsyncIterator[dict[str, Any]]:
    """Serve a plan's sandbox for the length of the block, its files written; yield what sandbox.json says.

    Raises `AlreadyRunning` when the port is taken.
    """
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(sandbox.serve(plan.host, plan.port))
        except OSError as trouble:
            if trouble.errno != errno.EADDRINUSE:
                raise
            raise AlreadyRunning(f"port {plan.port} on {plan.host} is taken: choose another, or 0") from trouble
        group = await stack.enter_async_context(asyncio.TaskGroup())
        courier = group.create_task(keep_delivering(sandbox, plan.every, plan.seed)) if plan.every else None
        try:
            yield write_files(plan, sandbox, url)
        finally:
            if courier:
                courier.cancel()


async def run_sandbox(plan: RunPlan, announce: Callable[[dict[str, Any]], None]) -> None:
    """Run a plan until SIGTERM or SIGINT; `announce` is called once, with what sandbox.json says.

    Raises `AlreadyRunning` when the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running(plan, build(plan)) as announcement:
            announce(announcement)
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def write_files(plan: RunPlan, sandbox: Sandbox, url: str) -> dict[str, Any]:
    """Write the files for a sandbox that serves at `url`, and return what sandbox.json says."""
    plan.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    client, users, ready = (plan.folder / name for name in ("client_secret.json", "users.jsonl", "sandbox.json"))
    account = plan.folder / "service_account.json"
    sandbox.write_client_secret(client, url)
    sandbox.write_service_account(account, url)
    users.unlink(missing_ok=True)
    users.touch(mode=0o600)
    users.write_bytes(sandbox.users_lines(plan.visit_every))
    announcement = {
        "url": url,
        "token_url": f"{url}/token",
        "auth_url": f"{url}/auth",
        "client_file": str(client),
        "service_account_file": str(account),
        "users_file": str(users),
        "users": len(sandbox.mailboxes),
        "mails": sum(len(mailbox.messages) for mailbox in sandbox.mailboxes.values()),
    }
    partial = ready.with_suffix(".partial")
    partial.write_bytes(orjson.dumps(announcement, option=orjson.OPT_INDENT_2))
    partial.replace(ready)
    return announcement
