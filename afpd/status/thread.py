"""A server in a thread of its own: it answers while the event loop of the daemon is busy, and when that hangs."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial


@contextmanager
def in_thread(serve: Callable[[], AbstractAsyncContextManager[int]], name: str) -> Iterator[int]:
    """Serve while the context is open, on an event loop in a thread called `name`; gives the port.

    `serve` opens everything that the server needs, in that thread. Raises what it raises while it opens.
    """
    opened: Future[tuple[int, Callable[[], object]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(serve, opened)), name=name, daemon=True)
    thread.start()
    port, close = opened.result()
    try:
        yield port
    finally:
        close()
        thread.join()


async def _serve(
    serve: Callable[[], AbstractAsyncContextManager[int]], opened: "Future[tuple[int, Callable[[], object]]]"
) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    try:
        async with serve() as port:
            opened.set_result((port, partial(loop.call_soon_threadsafe, over.set)))
            await over.wait()
    except Exception as error:
        if opened.done():
            raise
        opened.set_exception(error)
