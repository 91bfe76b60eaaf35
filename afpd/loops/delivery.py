"""The ways in which a notice leaves the house: a command of one's own, and a webhook."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import orjson

from afpd.config.notices import NoticesSettings

COMMAND, WEBHOOK = "command", "webhook"


def ways(settings: NoticesSettings) -> list[str]:
    """Return the names of the ways that are set."""
    return [name for name, value in ((COMMAND, settings.command), (WEBHOOK, settings.webhook)) if value]


async def deliver(
    way: str, notice: Mapping[str, Any], settings: NoticesSettings, session: aiohttp.ClientSession
) -> str | None:
    """Send a notice one way, within `settings.timeout`. Returns None when it arrived, otherwise why not, in words.

    The words hold nothing of the notice, the command's output or the address.
    """
    seconds = settings.timeout.total_seconds()
    body = orjson.dumps(notice, option=orjson.OPT_UTC_Z)
    try:
        if way == COMMAND:
            return await _run(settings.command, body + b"\n", seconds)
        return await _post(settings.webhook, body, seconds, session)
    except TimeoutError:
        return f"it took longer than {seconds:g} s"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else type(error).__name__
    except aiohttp.ClientError as error:
        return type(error).__name__


async def _run(command: tuple[str, ...], body: bytes, seconds: float) -> str | None:
    """Run the command in a session of its own, so that what it starts ends with it."""
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=null, stderr=null, start_new_session=True
    )
    try:
        async with asyncio.timeout(seconds):
            await process.communicate(body)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return None if process.returncode == 0 else f"it ended with exit code {process.returncode}"


async def _post(url: str, body: bytes, seconds: float, session: aiohttp.ClientSession) -> str | None:
    timeout = aiohttp.ClientTimeout(total=seconds)
    headers = {"Content-Type": "application/json"}
    async with session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as response:
        return None if 200 <= response.status < 300 else f"it answered HTTP {response.status}"
