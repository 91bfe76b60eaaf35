"""`afpd demo`: a Gmail on localhost, a real daemon beside it, and what happens, on the terminal.

The sandbox lives in this process, the daemon in one of its own, as in real life. All of it is in a folder that goes
away at the end.
"""

import asyncio
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from afpd.cli.demo_screen import Screen
from afpd.clock import SystemClock
from afpd.errors import AfpdError
from afpd.sandbox.run import RunPlan, build, running

_PORT = 8800
_STOPPING_SECONDS = 15.0
_LOOK_EVERY_SECONDS = 0.5
_CONFIGURATION = """\
# What makes the demo quick; a real afpd.toml leaves these pauses at their defaults.
timezone = "America/Costa_Rica"
[database]
url = "sqlite:///{folder}/afpd.db"
[import]
every = "3s"
adaptive = false
backoff_base = "3s"
search_again_after = "10s"
[parsing]
every = "2s"
[gmail]
api_url = "{url}"
token_url = "{url}/token"
auth_url = "{url}/auth"
client_file = "{folder}/client_secret.json"
rate_pause = "2s"
confirm_revoked_after = "5s"
[status]
port = {port}
[log]
level = "warning"
format = "json"
"""


def run_demo(seconds: float | None) -> int:
    """Run the demo until Ctrl-C, or for so many seconds. Returns the exit status: 0 when transactions were read."""
    folder = Path(tempfile.mkdtemp(prefix="afpd-demo-"))
    try:
        return asyncio.run(_Demo(folder, seconds).run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class _Demo:
    folder: Path
    seconds: float | None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    screen: Screen = field(default_factory=Screen)

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stop.set)
        port = self._choose_port()
        plan = RunPlan(folder=self.folder, demo=True, mails=6, every=2.0, visit_every="3s")
        async with AsyncExitStack() as stack:
            sandbox = await stack.enter_async_context(running(plan, build(plan, SystemClock())))
            config = self.folder / "afpd.toml"
            config.write_text(_CONFIGURATION.format(folder=self.folder, url=sandbox["url"], port=port))
            await self._add_integrations(config)
            daemon = await self._start_daemon(config)
            stack.push_async_callback(_stop_process, daemon)
            await self._watch(daemon, port)
        return self._end()

    def _choose_port(self) -> int:
        if _is_free(_PORT):
            return _PORT
        port = _free_port()
        self.screen.say(f"Port {_PORT} is taken: the demo takes {port}.")
        return port

    async def _add_integrations(self, config: Path) -> None:
        users = self.folder / "users.jsonl"
        adding = await _afpd("--config", str(config), "integrations", "add", "--from", str(users), log=self._log_file)
        if await adding.wait():
            raise AfpdError(f"the demo could not add its integrations:\n{self._log_tail()}")

    async def _start_daemon(self, config: Path) -> asyncio.subprocess.Process:
        return await _afpd("--config", str(config), "run", log=self._log_file)

    async def _watch(self, daemon: asyncio.subprocess.Process, port: int) -> None:
        """Show what happens until the time is over, somebody presses Ctrl-C, or the daemon dies."""
        self.screen.begin(port)
        ended = asyncio.ensure_future(daemon.wait())
        stopped = asyncio.ensure_future(self.stop.wait())
        clock = SystemClock()
        until = None if self.seconds is None else clock.monotonic() + self.seconds
        try:
            while not (stopped.done() or ended.done() or (until is not None and clock.monotonic() >= until)):
                await self.screen.look(port, self.folder / "afpd.db")
                await asyncio.wait((ended, stopped), timeout=_LOOK_EVERY_SECONDS, return_when="FIRST_COMPLETED")
            if ended.done():
                raise AfpdError(f"the daemon ended by itself with exit status {ended.result()}:\n{self._log_tail()}")
            await self.screen.look(port, self.folder / "afpd.db")
        finally:
            stopped.cancel()
            ended.cancel()

    def _end(self) -> int:
        self.screen.summary()
        if self.screen.transactions:
            return 0
        self.screen.say(f"No transaction was read. The daemon's log:\n{self._log_tail()}")
        return 1

    @property
    def _log_file(self) -> Path:
        return self.folder / "daemon.log"

    def _log_tail(self) -> str:
        with suppress(FileNotFoundError):
            return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-10:])
        return "(it wrote nothing)"


async def _afpd(*words: str, log: Path) -> asyncio.subprocess.Process:
    """Start afpd in a session of its own, so that Ctrl-C reaches the demo alone and it stops things in order."""
    with log.open("ab") as sink:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "afpd", *words, stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True,
        )  # fmt: skip


async def _stop_process(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOPPING_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
