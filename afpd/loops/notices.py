"""Telling people: one notice when an integration needs a person, and one when it is well again; so for the project.

What is to be told stands on the rows (an error without noticed_at, a noticed_at without error), so a notice goes out
at least once, whatever dies meanwhile. A log line always, and the ways of [notices]. This runs beside the import and
never holds it up: a way that fails is tried again with growing pauses, and given up after some.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from afpd.clock import Clock
from afpd.config.notices import NoticesSettings
from afpd.errors import StorageUnavailable
from afpd.log import get
from afpd.loops.delivery import COMMAND, WEBHOOK, deliver, ways
from afpd.store.access import Untold, mark_told, untold
from afpd.store.database import Database

LOOK_EVERY_SECONDS = 5.0
MOST_ATTEMPTS = 8
_LONGEST_PAUSE_SECONDS = 600.0
_AT_ONCE = 100

log = get("notices")


@dataclass(slots=True)
class _Attempts:
    """What is known of one notice that is not out yet."""

    failed: int = 0
    done: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Way:
    """One way: how often it failed in a row, and until when (monotonic seconds) it is left alone."""

    failed: int = 0
    rests_until: float = 0.0

    def fail(self, now: float) -> None:
        self.failed += 1
        self.rests_until = now + min(LOOK_EVERY_SECONDS * 2**self.failed, _LONGEST_PAUSE_SECONDS)


@dataclass(slots=True)
class Notices:
    """The notices of one daemon. `project` says why nobody, or not everybody, is visited; None when all is well."""

    database: Database
    session: aiohttp.ClientSession
    clock: Clock
    settings: Callable[[], NoticesSettings]
    project: Callable[[], str | None]
    only: frozenset[int] | None = None
    _attempts: dict[object, _Attempts] = field(default_factory=dict)
    _ways: dict[str, _Way] = field(default_factory=lambda: {COMMAND: _Way(), WEBHOOK: _Way()})
    _project_events: dict[int, dict[str, Any]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _paused: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Look every few seconds for what is to be told, until `stop`."""
        while not stop.is_set():
            try:
                await self.tell()
            except StorageUnavailable:
                pass  # the loops report it; here it only means to look again
            except Exception:
                log.exception("notices.broke")
            await self.clock.sleep(LOOK_EVERY_SECONDS)

    async def tell(self) -> None:
        """Tell everything that is to be told now. Raises StorageUnavailable."""
        self._look_at_project()
        async with self.database.read() as connection:
            rows = await untold(connection, limit=_AT_ONCE, only=self.only)
        keys = {_key(row) for row in rows} | self._project_events.keys()
        self._attempts = {key: kept for key, kept in self._attempts.items() if key in keys}
        for number, event in list(self._project_events.items()):
            if await self._is_out(number, event):
                del self._project_events[number]
        # What failed before comes last: one that nobody takes must not stand in the way of the others.
        for row in sorted(rows, key=lambda row: self._known(_key(row), row).failed):
            if await self._is_out(_key(row), _notice(row)):
                async with self.database.write() as connection:
                    await mark_told(connection, row.integration_id, None if row.recovered else self.clock.now())

    def _look_at_project(self) -> None:
        reason = self.project()
        if self._paused is (reason is not None):
            return
        self._paused = reason is not None
        event = "project_paused" if self._paused else "project_resumed"
        self._project_events[next(self._numbers)] = _event(event, reason, self.clock.now())
        if len(self._project_events) > _AT_ONCE:
            del self._project_events[min(self._project_events)]

    def _known(self, key: object, row: Untold | None = None) -> _Attempts:
        """Return what is known of a notice; a new one is told to the log."""
        if key not in self._attempts:
            self._attempts[key] = _Attempts()
            _say(row)
        return self._attempts[key]

    async def _is_out(self, key: object, notice: dict[str, Any]) -> bool:
        """Try the ways that are still open; tell whether nothing is left to try."""
        attempts, settings = self._known(key), self.settings()
        is_out = True
        for name in ways(settings):
            if name not in attempts.done:
                is_out = await self._goes(name, attempts, notice, settings) and is_out
        return is_out or attempts.failed >= MOST_ATTEMPTS

    async def _goes(self, name: str, attempts: _Attempts, notice: dict[str, Any], settings: NoticesSettings) -> bool:
        way = self._ways[name]
        if self.clock.monotonic() < way.rests_until:
            return False
        words = {"way": name, "about": notice["event"], "integration_id": notice["integration_id"]}
        trouble = await deliver(name, notice, settings, self.session)
        if trouble is None:
            attempts.done.add(name)
            way.failed = 0
            log.info("notice.sent", **words)
            return True
        way.fail(self.clock.monotonic())
        attempts.failed += 1
        if attempts.failed >= MOST_ATTEMPTS:
            log.error("notice.given_up", reason=trouble, **words)
        else:
            log.warning("notice.failed", reason=trouble, **words)
        return False


def _say(row: Untold | None) -> None:
    """The line that the log always has. That of the project is told where it is met: gmail.project_paused."""
    if row is None:
        return
    if row.recovered:
        log.info("integration.recovered", integration_id=row.integration_id, after="needs_a_person")
    else:
        log.error("integration.needs_a_person", integration_id=row.integration_id, reason=row.reason)


def _notice(row: Untold) -> dict[str, Any]:
    event = "integration_recovered" if row.recovered else "integration_needs_a_person"
    about = {"integration_id": row.integration_id, "user_id": row.user_id}
    return _event(event, row.reason, row.since) | about


def _event(event: str, reason: str | None, since: datetime | None) -> dict[str, Any]:
    return {"event": event, "integration_id": None, "user_id": None, "reason": reason, "since": since}


def _key(row: Untold) -> object:
    return row.integration_id, row.recovered
