"""How a process dies in the model: at a chosen request, around a chosen transaction, or after some turns of its loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.errors import StorageUnavailable
from afpd.sandbox.faults import FaultPlan, Strike
from afpd.store.database import Database


class Place(StrEnum):
    """Where death waits. Between Gmail's last answer and the commit lie the two in the middle."""

    REQUEST = "at a request"
    BEFORE_TRANSACTION = "before a transaction"
    BEFORE_COMMIT = "before a commit"
    AFTER_COMMIT = "after a commit"
    TURN = "after turns of the loop"


class Killed(BaseException):
    """The process is dead: whatever it still tries fails."""


@dataclass
class Doom:
    """The fate of one process. Once `dead`, its database answers nothing any more."""

    place: Place | None = None
    left: int = 0
    refuses_after: int = 0
    refusals: int = 0
    dead: bool = False
    task: asyncio.Task[object] | None = None

    def reaches(self, place: Place) -> None:
        """Say that the process came to such a place. Raises Killed when it is the one that was chosen."""
        if self.dead:
            raise Killed
        if place is self.place and self._is_now():
            self.die()
            raise Killed

    def hears_request(self) -> None:
        """Say that a request reached Gmail, which answers it in any case."""
        if not self.dead and self.place is Place.REQUEST and self._is_now():
            self.die()

    def die(self) -> None:
        """End the process: nothing of it reaches the database any more."""
        self.dead = True
        if self.task is not None:
            self.task.cancel()

    def refuses(self) -> bool:
        """Say whether the database refuses this transaction."""
        if self.refusals <= 0:
            return False
        self.refuses_after -= 1
        if self.refuses_after >= 0:
            return False
        self.refusals -= 1
        return True

    def _is_now(self) -> bool:
        self.left -= 1
        return self.left < 0


class MortalDatabase(Database):
    """The real database, in a process whose death or whose full disk the test chooses."""

    doom: Doom

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._opened: list[Any] = []
        for engine in (self._writer, self._readers):
            event.listen(engine.sync_engine, "connect", lambda one, _: self._opened.append(one.driver_connection))

    async def __aexit__(self, *_: object) -> None:
        """Let go of every lock, as the end of a process does: a cancelled statement may leave its connection open."""
        await super().__aexit__()
        for connection in self._opened:
            if connection._thread.is_alive() and (closed := connection.stop()) is not None:  # its thread closes it
                await asyncio.wait([closed], timeout=0.05)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        self.doom.reaches(Place.BEFORE_TRANSACTION)
        if self.doom.refuses():
            raise StorageUnavailable("the disk is full: free some space")
        async with super().write() as connection:
            yield connection
            self.doom.reaches(Place.BEFORE_COMMIT)
        self.doom.reaches(Place.AFTER_COMMIT)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        if self.doom.dead:
            raise Killed
        async with super().read() as connection:
            yield connection


class HeardFaults(FaultPlan):
    """The sandbox's fault plan, which lets the doomed process know of each request, and what happens meanwhile."""

    doom: Doom | None = None
    meanwhile: Callable[[], None] | None = None
    requests_until: int = 0

    def strike(self, method: str, user: str, message_id: str | None = None) -> Strike | None:
        if self.meanwhile is not None:
            self.requests_until -= 1
            if self.requests_until < 0:
                happens, self.meanwhile = self.meanwhile, None
                happens()
        if self.doom is not None:
            self.doom.hears_request()
        return super().strike(method, user, message_id)
