"""A sandbox on a real socket, with one user who has a mail of every layout, and a caller with a token."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from support.sandbox_caller import ANA, Caller

from afpd.sandbox import Sandbox
from afpd.sandbox.letters import layouts


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(seed=1, big_part_bytes=5000)
    sandbox.add_user(ANA)
    for name in layouts():
        sandbox.deliver(ANA, sandbox.write_letter(ANA, name))
    return sandbox


@pytest.fixture
async def url(sandbox: Sandbox) -> AsyncIterator[str]:
    async with sandbox.serve() as url:
        yield url


@pytest.fixture
async def caller(sandbox: Sandbox, url: str) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, url, sandbox)
        caller.token = (await caller.refresh())[1]["access_token"]
        yield caller
