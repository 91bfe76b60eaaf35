"""A small world for tests of the loops: a sandbox on a real socket, a real SQLite file, and the loops between them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.sql import Select

from afpd import banks
from afpd.clock import Clock, SystemClock
from afpd.config import Settings, parse_client
from afpd.gmail import Gmail, open_session
from afpd.keyring import Keyring
from afpd.loops.batch import Parts
from afpd.loops.cleanup import Cleanup
from afpd.loops.gate import Gate, Skew
from afpd.loops.governor import Governor
from afpd.loops.identity import Identity
from afpd.loops.importing import Importing
from afpd.loops.parsing import Parsing
from afpd.parse.library import Library, load_library
from afpd.sandbox import Sandbox
from afpd.store import banks as stored_banks
from afpd.store import integrations, schema
from afpd.store.database import Database
from afpd.store.upgrade import upgrade

SHIPPED = load_library(banks.shipped())


def settings_for(folder: Path, url: str, **tables: dict[str, Any]) -> Settings:
    """Settings of a daemon that talks to the sandbox at `url`, with short pauses; `tables` are laid over them."""
    document: dict[str, Any] = {
        "timezone": "America/Costa_Rica",
        "database": {"url": f"sqlite:///{folder}/afpd.db"},
        "import": {"adaptive": False},
        "gmail": {
            "api_url": url,
            "token_url": f"{url}/token",
            "auth_url": f"{url}/auth",
            "client_file": str(folder / "client_secret.json"),
            "retry_base": "1ms",
            "rate_pause": "1s",
            "visit_deadline": "10s",
        },
    }
    for name, table in tables.items():
        document.setdefault(name, {}).update(table)
    return Settings.model_validate(document)


@dataclass
class World:
    """The parts, and the questions that tests ask of them."""

    folder: Path
    sandbox: Sandbox
    url: str
    settings: Settings
    database: Database
    gmail: Gmail
    clock: Clock
    keyring: Keyring
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    identity: Identity = field(default_factory=lambda: Identity("node-1", "node-1/1/a"))
    pending: list[int] = field(default_factory=list)
    library: Library = SHIPPED
    only: frozenset[int] | None = None

    @cached_property
    def parts(self) -> Parts:
        return Parts(
            self.database, lambda: self.gmail, self.keyring, self.clock, self.identity, Gate(), Skew(), self.stop,
            lambda: None, self.only, governor=Governor(self.clock, lambda: self.settings.gmail.budget),
        )  # fmt: skip

    @cached_property
    def importing(self) -> Importing:
        return Importing(
            self.parts, lambda: self.settings, lambda: self.library.senders, self.pending.append,
            domains=lambda: self.library.domains, silent=lambda: self.library.silent,
        )  # fmt: skip

    @cached_property
    def parsing(self) -> Parsing:
        return Parsing(
            self.database, self.keyring, self.clock, self.identity, self.stop, lambda: None,
            lambda: self.settings, lambda: self.library,
        )  # fmt: skip

    @cached_property
    def cleanup(self) -> Cleanup:
        return Cleanup(self.database, self.clock, self.stop, lambda: None, lambda: self.settings)

    async def connect(self, address: str, user_id: str | None = None, every: timedelta | None = None) -> int:
        """Add the integration of a sandbox user, made if need be; returns its id."""
        mailbox = self.sandbox.mailboxes.get(address) or self.sandbox.add_user(address)
        new = integrations.NewIntegration(user_id or address.partition("@")[0], address, mailbox.refresh_token, every)
        async with self.database.write() as connection:
            return (await integrations.add(connection, new, keyring=self.keyring, now=self.clock.now()))[0]

    def receive(self, address: str, layout: str = "cr-bac-card", **deliver: Any) -> str:
        """Deliver a letter to a mailbox; returns its Gmail id."""
        return self.sandbox.deliver(address, self.sandbox.write_letter(address, layout), **deliver)

    async def tick(self, at: datetime | None = None) -> dict[str, Any]:
        """One import tick."""
        return dict(await self.importing.tick(at or self.clock.now()))

    async def parse(self) -> dict[str, Any]:
        """One parsing tick."""
        return dict(await self.parsing.tick(self.clock.now()))

    async def rows(self, query: Select[Any]) -> Sequence[Any]:
        """Rows of a query of the schema."""
        async with self.database.read() as connection:
            return (await connection.execute(query)).all()

    async def integration(self, integration_id: int) -> Any:
        """The whole row of an integration."""
        return (await self.rows(select(schema.integrations).where(schema.integrations.c.id == integration_id)))[0]

    async def kept(self) -> list[str]:
        """Gmail ids of all kept mails, sorted."""
        rows = await self.rows(select(schema.email_parsing_jobs.c.email_message_id))
        return sorted(row.email_message_id for row in rows)


@asynccontextmanager
async def world(
    folder: Path, *, clock: Clock | None = None, sandbox: Sandbox | None = None, **tables: dict[str, Any]
) -> AsyncIterator[World]:
    """Open a world in an empty folder; `tables` are laid over the settings."""
    clock = clock or SystemClock()
    sandbox = sandbox or Sandbox(clock=clock, seed=7)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(sandbox.serve())
        settings = settings_for(folder, url, **tables)
        keyring = Keyring.generate()
        path = settings.database.sqlite_path
        upgrade(path, keyring=keyring, zone=settings.zone, now=clock.now(), only=None, say=lambda _: None)
        session = await stack.enter_async_context(open_session())
        database = await stack.enter_async_context(Database(path))
        sandbox.write_client_secret(settings.gmail.client_file, url)
        client = parse_client(settings.gmail.client_file.read_bytes(), "sandbox")
        async with database.write() as connection:
            known = [stored_banks.KnownBank(b.code, b.name, b.country, b.domains) for b in SHIPPED.banks]
            await stored_banks.sync_banks(connection, known)
        gmail = Gmail(session, settings.gmail, client, clock)
        yield World(folder, sandbox, url, settings, database, gmail, clock, keyring)
