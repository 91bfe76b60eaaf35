"""A sandbox on a real socket beside a test that is not asynchronous: it turns in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from afpd.sandbox import Sandbox

T = TypeVar("T")


class Served:
    """A sandbox that is being served at `url`. What a test changes in it is done between two requests."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10), "the sandbox does not serve"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def do(self, work: Callable[[], T]) -> T:
        """Do something to the sandbox between two of its answers."""

        async def done() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(30)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with self.sandbox.serve() as self.url:
            self._up.set()
            await self._stop.wait()


@contextmanager
def served(sandbox: Sandbox) -> Iterator[Served]:
    """Serve the sandbox for the length of the block."""
    with Served(sandbox) as running:
        yield running
