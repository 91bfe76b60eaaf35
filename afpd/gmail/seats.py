"""How many requests may be under way for one mailbox."""

import asyncio
from types import TracebackType


class Seats:
    """A semaphore whose limit can be lowered while it is in use, never below one."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._surplus = 0
        self._free = asyncio.Semaphore(limit)

    def narrow(self) -> None:
        """Take one seat away for good; whoever leaves next does not give it back."""
        if self.limit > 1:
            self.limit -= 1
            self._surplus += 1

    async def __aenter__(self) -> None:
        await self._free.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._surplus:
            self._surplus -= 1
        else:
            self._free.release()
