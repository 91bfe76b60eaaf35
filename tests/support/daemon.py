"""A real daemon and a real sandbox, each in a process of its own, for tests that kill, stop and ask them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Program:
    """One run of `afpd …` as a process; its stderr goes to a file. `before` are words that execute it elsewhere."""

    def __init__(self, log: Path, *words: str, before: Sequence[str] = (), **environ: str) -> None:
        self.log = log
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "afpd", *words],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env={**os.environ, **environ},
                start_new_session=True,
            )  # fmt: skip

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM; returns the exit status."""
        self.process.terminate()
        return self.process.wait(seconds)

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(seconds)

    def events(self) -> list[dict[str, Any]]:
        """The log lines so far."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None


class Daemon(Program):
    """`afpd run`."""

    def __init__(self, config: Path, *words: str, before: Sequence[str] = (), **environ: str) -> None:
        self.config = config
        self._before = 0
        log = config.parent / "daemon.log"
        self._before = log.stat().st_size if log.exists() else 0
        super().__init__(log, "--config", str(config), "run", *words, before=before, **environ)

    @property
    def port(self) -> int:
        """The status port, once the daemon has started; fails with the log when it does not start."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with self.log.open() as lines:
                lines.seek(self._before)
                for line in lines:
                    if '"daemon.started"' in line:
                        return int(json.loads(line)["port"])
            assert self.is_alive, self.log.read_text()[-3000:]
            time.sleep(0.02)
        raise AssertionError("the daemon did not start in 30 s:\n" + self.log.read_text()[-3000:])

    def get(self, path: str = "/status", port: int | None = None) -> tuple[int, Any]:
        """Status code and content of an answer of the status endpoint."""
        return get(f"http://127.0.0.1:{port or self.port}{path}")

    def status(self) -> dict[str, Any]:
        return dict(self.get()[1])


def get(url: str) -> tuple[int, Any]:
    """Status code and decoded content of an HTTP answer."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            content, code = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        content, code = error.read(), error.code
    try:
        return code, json.loads(content)
    except ValueError:
        return code, content.decode()


def until(condition: Callable[[], Any], seconds: float = 30, pause: float = 0.05) -> Any:
    """Wait until the condition holds and return its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(pause)
    raise AssertionError(f"{condition} did not come true in {seconds} s")


def afpd(*words: str, config: Path | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    chosen = ["--config", str(config)] if config else []
    command = [sys.executable, "-m", "afpd", *chosen, *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)


def write_config(folder: Path, url: str, **tables: dict[str, Any]) -> Path:
    """Write afpd.toml for a sandbox at `url`; `tables` are laid over it (`imports` stands for [import])."""
    document: dict[str, dict[str, Any]] = {
        "database": {"url": f"sqlite:///{folder}/afpd.db"},
        "gmail": {
            "api_url": url,
            "token_url": f"{url}/token",
            "auth_url": f"{url}/auth",
            "client_file": f"{folder}/gmail/client_secret.json",
        },
        "status": {"port": 0},
        "log": {"format": "json"},
    }
    for name, table in tables.items():
        document.setdefault("import" if name == "imports" else name, {}).update(table)
    lines = ['timezone = "America/Costa_Rica"']
    for name, table in document.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    config = folder / "afpd.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


@contextmanager
def sandbox(folder: Path, *words: str) -> Iterator[str]:
    """`afpd sandbox` in its own process, writing into `folder`/gmail; yields its URL."""
    gmail = folder / "gmail"
    program = Program(folder / "sandbox.log", "sandbox", "--folder", str(gmail), *words)
    try:
        ready = gmail / "sandbox.json"
        until(lambda: ready.exists() or not program.is_alive, 60)
        assert ready.exists(), program.log.read_text()
        yield str(json.loads(ready.read_text())["url"])
    finally:
        if program.is_alive:
            program.signal(signal.SIGTERM)
            program.wait()
