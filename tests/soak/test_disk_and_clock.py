"""Real trouble: a disk that is full, read-only or failing, a wall clock that jumps, a machine that sleeps.

Run by `make soak`. The disk is a small tmpfs in a mount namespace, which needs root or user namespaces (unshare(1)).
The clock is libfaketime's (Debian, Ubuntu: `apt install faketime`); where it is missing, the Makefile leaves
that test out and says so.
"""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon, Program, until, write_config
from support.serving import Served, served

from afpd.sandbox import Sandbox
from afpd.sandbox.letters import MONEY

pytestmark = pytest.mark.soak

USERS = 20
QUICK: dict[str, dict[str, Any]] = {
    "imports": {
        "every": "2s",
        "adaptive": False,
        "search_again_after": "5s",
        "backoff_base": "1s",
        "backoff_max": "4s",
    },
    "parsing": {"every": "2s"},
}
_ASK = """
import json, sqlite3, sys
print(json.dumps(sqlite3.connect(sys.argv[1], uri=True, timeout=20).execute(sys.argv[2]).fetchall()))
"""
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
Key = tuple[str, str]


class Rehearsal:
    """A sandbox with users, a daemon to be, and what the database must hold in the end."""

    def __init__(self, folder: Path, gmail: Served, **tables: dict[str, Any]) -> None:
        self.folder, self.gmail = folder, gmail
        self.sandbox = gmail.sandbox
        self.config = write_config(folder, gmail.url, **{**QUICK, **tables})
        (folder / "gmail").mkdir()
        self.sandbox.write_client_secret(folder / "gmail" / "client_secret.json", gmail.url)
        users = folder / "users.jsonl"
        users.touch(mode=0o600)
        users.write_bytes(self.sandbox.users_lines("2s"))
        self.users = users

    def deliver(self, each: int, at: datetime | None = None) -> None:
        """Give every user so many new bank mails."""
        for address in [box.email_address for box in self.sandbox.mailboxes.values()]:
            for number in range(each):
                letter = self.sandbox.write_letter(address, MONEY[number % len(MONEY)], at)
                self.gmail.do(lambda address=address, letter=letter: self.sandbox.deliver(address, letter))

    def wanted(self) -> Counter[Key]:
        return Counter((mail["email"], mail["id"]) for mail in self.sandbox.mails())

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.folder}/afpd.db?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(statement).fetchall()

    def kept(self) -> Counter[Key]:
        return self._by_mail("email_parsing_jobs")

    def booked(self) -> Counter[Key]:
        return self._by_mail("transactions")

    def _by_mail(self, table: str) -> Counter[Key]:
        join = "JOIN integrations i ON i.id = t.integration_id"
        return Counter(self.rows(f"SELECT email_account, t.email_message_id FROM {table} t {join}"))

    def is_whole(self) -> bool:
        return self.kept() == self.booked() == self.wanted()

    def batches(self) -> int:
        """How many import ticks there were."""
        ((count,),) = self.rows("SELECT count(*) FROM email_import_jobs")
        return int(count)

    def positions(self) -> dict[int, tuple[Any, ...]]:
        """Cursor and watermark of every integration."""
        return {key: rest for key, *rest in self.rows("SELECT id, cursor, watermark_at FROM integrations")}

    def tell(self, *lines: str) -> None:
        kept, booked, wanted = self.kept(), self.booked(), self.wanted()
        lost = f"lost {sum((wanted - kept).values())}, doubled {sum((kept - wanted).values())}"
        totals = f"mails {sum(wanted.values())}, kept {sum(kept.values())}, booked {sum(booked.values())}, {lost}"
        print("", *lines, totals, sep="\n  ")


@contextmanager
def rehearsal(folder: Path, mails: int, **tables: dict[str, Any]) -> Iterator[Rehearsal]:
    sandbox = Sandbox(seed=3)
    for number in range(USERS):
        sandbox.add_user(f"user{number}@example.com")
    with served(sandbox) as gmail:
        found = Rehearsal(folder, gmail, **tables)
        found.deliver(mails)
        yield found


def events(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    return [event for event in daemon.events() if event["event"] == name]


def ready(daemon: Daemon, port: int) -> tuple[int, str]:
    code, text = daemon.get("/readyz?verbose", port)
    return code, str(text)


class SmallDisk:
    """A tmpfs that only a namespace of its own sees; programs are started in it, and it is reached through /proc."""

    def __init__(self, at: Path, size: str) -> None:
        self.at = at
        words = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
        script = f'mount -t tmpfs -o size={size},mode=700 tmpfs "{at}" && echo mounted && exec sleep 3600'
        self.keeper = subprocess.Popen([*words, "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout is not None
        with self.keeper.stdout as told:
            assert told.readline() == "mounted\n", "no mount namespace: be root, or allow user namespaces"
        self.root = Path(f"/proc/{self.keeper.pid}/root")

    @property
    def inside(self) -> list[str]:
        """The words that start a program on this disk; nsenter(1) executes it, so that its process id is known."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.keeper.pid), "--mount", *user, "--"]

    def remount(self, options: str) -> None:
        """Change the size, or whether it may be written."""
        subprocess.run([*self.inside, "mount", "-o", f"remount,{options}", str(self.at)], check=True)

    def free_bytes(self) -> int:
        found = os.statvfs(str(self.root) + str(self.at))
        return found.f_bavail * found.f_frsize

    def end(self) -> None:
        self.keeper.kill()
        self.keeper.wait()


class OnDisk(Rehearsal):
    """A rehearsal whose database lies on a small disk."""

    disk: SmallDisk

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask from inside the namespace: SQLite would follow a path through /proc to its end outside."""
        asked = [*self.disk.inside, sys.executable, "-S", "-c", _ASK, f"file:{self.disk.at}/afpd.db?mode=ro", statement]
        return [tuple(row) for row in json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)]


@contextmanager
def on_small_disk(folder: Path, mails: int, size: str) -> Iterator[tuple[OnDisk, Daemon, SmallDisk]]:
    """A daemon that runs on a disk of that size, with mails waiting for it."""
    at = folder / "disk"
    at.mkdir()
    disk = SmallDisk(at, size)
    try:
        with rehearsal(folder, mails, database={"url": f"sqlite:///{at}/afpd.db"}) as found:
            found.__class__, place = OnDisk, found
            assert isinstance(place, OnDisk)
            place.disk = disk
            add = Program(folder / "add.log", "--config", str(place.config), "integrations", "add", "--from",
                          str(place.users), before=disk.inside)  # fmt: skip
            assert add.wait() == 0, add.log.read_text()
            daemon = Daemon(place.config, before=disk.inside)
            try:
                yield place, daemon, disk
                assert not daemon.is_alive or daemon.stop() == 0
            finally:
                if daemon.is_alive:
                    daemon.kill()
    finally:
        disk.end()


def test_a_full_disk_stops_nothing_for_good(tmp_path: Path):
    with on_small_disk(tmp_path, 60, "3m") as (place, daemon, disk):
        port = daemon.port
        full = until(lambda: events(daemon, "loop.tick_failed"), 120)[0]
        began = time.monotonic()
        assert "the disk is full: free some space" in full["error"]
        until(lambda: ready(daemon, port)[0] == 503)
        until(lambda: "the disk is full" in ready(daemon, port)[1])
        before, free = place.positions(), disk.free_bytes()
        unfinished = [key for key, (cursor, _) in before.items() if cursor is None]
        assert unfinished, "the disk is too large for this test"
        time.sleep(8)
        assert daemon.is_alive
        held = place.kept()
        assert not held - place.wanted()
        after = place.positions()
        assert all(after[key] == before[key] or _is_complete(place, key, held) for key in unfinished)
        assert daemon.get("/livez", port)[0] == 200

        disk.remount("size=64m")
        freed = time.monotonic()
        until(place.is_whole, 120, 0.5)
        recovered = time.monotonic() - freed
        until(lambda: ready(daemon, port)[0] == 200)
        place.tell(
            f"disk full for {freed - began:.0f} s ({free} bytes free), {sum(held.values())} mails kept by then",
            f"failed ticks {len(events(daemon, 'loop.tick_failed'))}, whole again {recovered:.1f} s after space was there",
        )


def _is_complete(place: Rehearsal, integration: int, held: Counter[Key]) -> bool:
    ((address,),) = place.rows(f"SELECT email_account FROM integrations WHERE id = {integration}")
    return {key for key in place.wanted() if key[0] == address} <= set(held)


def test_a_start_on_a_read_only_disk_says_so_and_is_tried_again(tmp_path: Path):
    """The kernel refuses to remount what a daemon writes to, so it is met at a start, which systemd repeats."""
    with on_small_disk(tmp_path, 3, "64m") as (place, daemon, disk):
        assert daemon.port
        until(place.is_whole, 60, 0.5)
        assert daemon.stop() == 0
        place.deliver(2)
        disk.remount("ro")
        refused = Program(tmp_path / "refused.log", "--config", str(place.config), "run", before=disk.inside)
        assert refused.wait() == 1  # not one of the unit's RestartPreventExitStatus
        (line,) = refused.log.read_text().splitlines()
        assert "the database is read-only: check its file system" in line

        disk.remount("rw")
        again = Daemon(place.config, before=disk.inside)
        try:
            until(place.is_whole, 60, 0.5)
        finally:
            assert again.stop() == 0
        place.tell(f"refused: {line.partition(': ')[2]}")


def test_a_disk_that_refuses_every_write_stops_nothing_for_good(tmp_path: Path):
    """Every write to any file fails (RLIMIT_FSIZE), the log's as well; reads go on."""
    with rehearsal(tmp_path, 3) as place, a_daemon(place) as daemon:
        port = daemon.port
        until(place.is_whole, 60, 0.5)
        until(lambda: ready(daemon, port)[0] == 200)
        unlimited = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        began = time.monotonic()
        place.deliver(2)
        until(lambda: ready(daemon, port)[0] == 503)
        why = next(line for line in ready(daemon, port)[1].splitlines() if "import" in line)
        before = place.positions()
        time.sleep(20)
        assert daemon.is_alive
        assert place.positions() == before

        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, unlimited)
        freed = time.monotonic()
        until(place.is_whole, 120, 0.5)
        recovered = time.monotonic() - freed
        until(lambda: ready(daemon, port)[0] == 200)
        place.tell(
            f"no writes for {freed - began:.0f} s: {why}", f"whole again {recovered:.1f} s after they were possible"
        )


@contextmanager
def a_daemon(place: Rehearsal, **environ: str) -> Iterator[Daemon]:
    add = Program(place.folder / "add.log", "--config", str(place.config), "integrations", "add", "--from",
                  str(place.users))  # fmt: skip
    assert add.wait() == 0, add.log.read_text()
    daemon = Daemon(place.config, **environ)
    try:
        yield daemon
        assert daemon.stop() == 0
    finally:
        if daemon.is_alive:
            daemon.kill()


def test_a_wall_clock_that_jumps_a_day_ahead_and_back(tmp_path: Path):
    assert FAKETIME is not None, "libfaketime is missing: apt install faketime"
    shift = tmp_path / "shift"
    environ = {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(shift), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1",
    }  # fmt: skip
    shift.write_text("+0s\n")
    with rehearsal(tmp_path, 2) as place, a_daemon(place, **environ) as daemon:
        assert daemon.port
        until(place.is_whole, 60, 0.5)
        told = [_jump(place, shift, text) for text in ("+86400s", "+0s", "-86400s", "+0s")]
        now = datetime.now(UTC)
        for _, watermark in place.positions().values():
            assert abs(datetime.fromisoformat(watermark).replace(tzinfo=UTC) - now) < timedelta(minutes=2)
        until(lambda: daemon.status()["integrations"]["waiting"] == USERS)
    jumps = events(daemon, "clock.jumped")  # one that was said a minute ago is only counted
    assert sum(jump.get("repeats", 1) for jump in jumps) == len(told)
    place.tell(*told)


def _jump(place: Rehearsal, shift: Path, text: str) -> str:
    """Let the wall clock jump, deliver mail, and see that visits go on."""
    partial = shift.with_suffix(".new")
    partial.write_text(f"{text}\n")
    partial.replace(shift)
    time.sleep(1.5)  # libfaketime looks at the file once a second
    place.deliver(1)
    before, began = place.batches(), time.monotonic()
    until(lambda: place.kept() == place.wanted(), 60, 0.1)
    ticks = place.batches() - before
    assert ticks <= 3, f"visits went on only after {ticks} ticks"  # one under way, one or two more
    until(place.is_whole, 60, 0.2)
    seconds = time.monotonic() - began
    time.sleep(3)  # a tick and a look at the clock in this time
    return f"clock at {text}: new mail kept within {ticks} ticks, booked after {seconds:.1f} s"


def test_a_machine_that_slept_catches_up_with_one_tick(tmp_path: Path):
    with rehearsal(tmp_path, 2) as place, a_daemon(place) as daemon:
        port = daemon.port
        until(place.is_whole, 60, 0.5)
        until(lambda: ready(daemon, port)[0] == 200)
        before = place.batches()
        daemon.signal(signal.SIGSTOP)
        place.deliver(1)
        time.sleep(30)
        daemon.signal(signal.SIGCONT)
        woken = time.monotonic()
        until(place.is_whole, 20, 0.2)
        caught_up = time.monotonic() - woken
        time.sleep(max(0.0, 7 - (time.monotonic() - woken)))
        ticks = place.batches() - before
        assert ticks <= 1 + 1 + 7 // 2 + 1  # one that was under way, one for all that was slept through, and the usual
        assert ready(daemon, port)[0] == 200
        assert not events(daemon, "loop.tick_failed")
        place.tell(f"slept 30 s: {ticks} ticks in the 7 s after it instead of 15 more, caught up in {caught_up:.1f} s")
