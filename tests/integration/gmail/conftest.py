"""Servers on sockets, and Gmail clients that speak to them."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from support.scripted_gmail import CLIENT, Answering, Scripted, Stopwatch

from afpd.config import OAuthClient
from afpd.config.google import GmailSettings
from afpd.gmail import Gmail, open_session


@pytest.fixture
def clock() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Answering], Awaitable[str]]]:
    """Start servers on sockets of their own; returns their addresses."""
    async with AsyncExitStack() as stack:

        async def start(answering: Answering) -> str:
            runner = web.ServerRunner(web.Server(answering, access_log=None), shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start


@pytest.fixture
async def scripted(serve: Callable[[Answering], Awaitable[str]]) -> Scripted:
    server = Scripted()
    server.url = await serve(server.answer)
    return server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
def gmail_at(session: aiohttp.ClientSession, clock: Stopwatch) -> Callable[..., Gmail]:
    """Make a client of the server at an address, its settings overridden by name."""

    def make(url: str, client: OAuthClient = CLIENT, **settings: Any) -> Gmail:
        addresses = {"api_url": url, "token_url": f"{url}/token", "auth_url": f"{url}/auth"}
        return Gmail(session, GmailSettings(**addresses | settings), client, clock, random.Random(7))

    return make
