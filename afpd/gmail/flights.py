"""Single flight: of all who want the same thing at the same time one asks, and the others share what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from afpd.errors import AfpdError
from afpd.gmail.transport import OutOfTime

Found = TypeVar("Found")


@dataclass(slots=True)
class _Flight(Generic[Found]):
    """One thing that is being asked for. It lives while somebody is aboard."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    aboard: int = 0
    found: Found | None = None
    failure: AfpdError | None = None


class Flights(Generic[Found]):
    """What is being asked for at this moment, by key; nothing is remembered once all who wanted it have it."""

    def __init__(self) -> None:
        self._flights: dict[bytes, _Flight[Found]] = {}

    async def share(self, key: bytes, ask: Callable[[], Awaitable[Found]], seconds: float) -> Found:
        """Return what `ask` returned to the first who came, or raise what it raised.

        Where that one is cancelled or runs out of its own time, the next one asks. Raises TimeoutError when the
        others took longer than `seconds`.
        """
        flight = self._flights.setdefault(key, _Flight())
        flight.aboard += 1
        try:
            async with asyncio.timeout(seconds):
                await flight.lock.acquire()
            try:
                return await self._result(flight, ask)
            finally:
                flight.lock.release()
        finally:
            flight.aboard -= 1
            if not flight.aboard:
                del self._flights[key]

    @staticmethod
    async def _result(flight: _Flight[Found], ask: Callable[[], Awaitable[Found]]) -> Found:
        if flight.failure is not None:
            raise flight.failure.with_traceback(None)
        if flight.found is None:
            try:
                flight.found = await ask()
            except OutOfTime:
                raise
            except AfpdError as failure:
                flight.failure = failure
                raise
        return flight.found
