"""A client, and a server on a real socket."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientSession
from support.status import Start, all_well, nothing_to_tell

from afpd.status import serve_status


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Give a function that starts a server and returns its base address."""
    async with AsyncExitStack() as stack:

        async def start(host: str = "127.0.0.1", port: int = 0, **parts: Any) -> str:
            wanted: dict[str, Any] = {"snapshot": nothing_to_tell, "ready": all_well, "live": list} | parts
            bound = await stack.enter_async_context(serve_status(host, port, **wanted))
            return f"http://127.0.0.1:{bound}"

        yield start
