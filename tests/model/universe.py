"""Everything real, in one process and on one clock: sandbox on a socket, SQLite file, importer and parser, restarts."""

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from model.doom import Doom, HeardFaults, Killed, MortalDatabase, Place
from support.world import World, settings_for, world

from afpd.config import parse_client
from afpd.errors import StorageUnavailable
from afpd.gmail import Gmail, open_session
from afpd.keyring import Keyring
from afpd.loops.identity import Identity
from afpd.loops.importing import CLOCK_SLACK
from afpd.sandbox import Fault, Sandbox
from afpd.store import batches, claims, emails

_OF = "integration_id = (SELECT id FROM integrations WHERE email_account = ?)"
BEGAN = datetime(2026, 11, 12, 11, 16, tzinfo=UTC)


class LeapingClock:
    """One clock for daemon and sandbox: whoever sleeps moves it, and it takes no time."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return 5000.0 + self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += max(0.0, seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Seed:
    """A folder with an empty database of today's schema, made once, and the key that it was made with."""

    folder: Path
    keyring: Keyring

    @classmethod
    async def sown(cls, folder: Path) -> "Seed":
        async with world(folder) as made:
            return cls(folder, made.keyring)


@dataclass
class Universe:
    """A sandbox with its users, and one life after the other of a daemon that follows them."""

    seed: Seed
    folder: Path
    addresses: list[str]
    tables: dict[str, dict[str, Any]]
    clock: LeapingClock = field(default_factory=LeapingClock)
    lives: int = 0
    deaths: int = 0
    refused: int = 0

    async def begin(self) -> None:
        """Serve the sandbox, connect its users, and begin the first life."""
        shutil.copy(self.seed.folder / "afpd.db", self.folder / "afpd.db")
        self.sandbox = Sandbox(clock=self.clock, seed=7)
        self.sandbox.faults = HeardFaults(self.clock, 7)
        self._outside = AsyncExitStack()
        self.url = await self._outside.enter_async_context(self.sandbox.serve())
        self.settings = settings_for(self.folder, self.url, **self.tables)
        self.sandbox.write_client_secret(self.settings.gmail.client_file, self.url)
        await self._live()
        for address in self.addresses:
            await self.here.connect(address)
        self._asking = sqlite3.connect(self.folder / "afpd.db", isolation_level=None)
        self._asking.row_factory = sqlite3.Row

    async def end(self) -> None:
        """End the last life, and the sandbox."""
        self._asking.close()
        await self._inside.aclose()
        await self._outside.aclose()
        if late := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(late, timeout=5)  # connections that a death left half closed

    async def restart(self) -> None:
        """Begin a new life over the same file, as the daemon's start does (afpd/daemon/service.py)."""
        await self._inside.aclose()
        await self._live()
        now = self.clock.now()
        async with self.here.database.write() as connection:
            await claims.release(connection)
            await emails.release_pending(connection)
            await batches.close_interrupted(connection, now=now)
            await claims.rebase(connection, now=now, slack=CLOCK_SLACK)

    async def _live(self) -> None:
        self.lives += 1
        self._inside = AsyncExitStack()
        session = await self._inside.enter_async_context(open_session())
        database = MortalDatabase(self.folder / "afpd.db")
        self.doom = database.doom = self.sandbox.faults.doom = Doom()
        await self._inside.enter_async_context(database)
        client = parse_client(self.settings.gmail.client_file.read_bytes(), "sandbox")
        gmail = Gmail(session, self.settings.gmail, client, self.clock)
        self.here = World(
            folder=self.folder,
            sandbox=self.sandbox,
            url=self.url,
            settings=self.settings,
            database=database,
            gmail=gmail,
            clock=self.clock,
            keyring=self.seed.keyring,
            identity=Identity("node-1", f"node-1/1/{self.lives}"),
        )

    async def tick(self) -> dict[str, Any] | None:
        """One import tick; None when the database refused or the process died (then a new one lives)."""
        self.here.settings = self._impatient() if self._hangs() else self.settings
        return await self._mortally(self.here.tick())

    async def parse(self) -> dict[str, Any] | None:
        """One parsing tick, or None as above."""
        return await self._mortally(self.here.parse())

    async def _mortally(self, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any] | None:
        self.doom.task = task = asyncio.ensure_future(work)
        reaper = asyncio.ensure_future(self._reap()) if self.doom.place is Place.TURN else None
        try:
            return await task
        except StorageUnavailable:
            self.refused += 1
            return None
        except (Killed, asyncio.CancelledError):
            assert self.doom.dead, "cancelled by nobody"
            return None
        finally:
            await self._after(reaper)

    async def _after(self, reaper: asyncio.Task[None] | None) -> None:
        if reaper is not None:
            reaper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reaper
        self.doom.task, self.doom.place, self.doom.refusals = None, None, 0
        self.sandbox.faults.meanwhile = None
        if self.doom.dead:
            self.deaths += 1
            await self.restart()

    async def _reap(self) -> None:
        for _ in range(self.doom.left):
            await asyncio.sleep(0)
        self.doom.die()

    def _hangs(self) -> bool:
        return any(Fault.HANG in rule.faults and rule.struck < (rule.first or 0) for rule in self.sandbox.faults.rules)

    def _impatient(self) -> Any:
        """Where Gmail hangs, real time passes: not more than needed."""
        gmail = self.settings.gmail.model_copy(update={"visit_deadline": timedelta(milliseconds=150)})
        return self.settings.model_copy(update={"gmail": gmail})

    def row(self, address: str) -> dict[str, Any]:
        """Return the row of a user's integration; moments are texts in UTC."""
        return self.ask("SELECT * FROM integrations WHERE email_account = ?", address)[0]

    def kept(self, address: str) -> dict[str, list[str]]:
        """Return the Gmail ids of a user's kept mails, each with how reading it ended, as often as it is kept."""
        found: dict[str, list[str]] = {}
        for row in self.ask(f"SELECT * FROM email_parsing_jobs WHERE {_OF}", address):
            found.setdefault(row["email_message_id"], []).append(row["parsing_status"])
        return found

    def parked(self, address: str) -> set[str]:
        """Return the Gmail ids that wait for another try."""
        return {row["email_message_id"] for row in self.ask(f"SELECT * FROM parked_emails WHERE {_OF}", address)}

    def booked(self, address: str) -> list[str]:
        """Return the Gmail ids of a user's transactions, as often as they are booked."""
        return sorted(row["email_message_id"] for row in self.ask(f"SELECT * FROM transactions WHERE {_OF}", address))

    def ask(self, question: str, *values: str) -> list[dict[str, Any]]:
        """Ask the file, with a connection of the test's own."""
        return [dict(row) for row in self._asking.execute(question, values)]
