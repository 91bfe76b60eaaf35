"""A clock on which sleeping takes no time, and a server on a socket that answers as told."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from aiohttp import web

from afpd.config import OAuthClient

Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
ACCESS_TOKEN = "s3cret-access-1"
CLIENT = OAuthClient("client-id", "s3cret-client")


class Stopwatch:
    """Wall and monotonic time that pass only by sleeping, which takes none."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


class Scripted:
    """A server on a socket: gives the queued answers in turn, the last one for ever, and notes every request."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[web.Response | tuple[int, object]] = []
        self.token_answers: list[tuple[int, object]] = [(200, {"access_token": ACCESS_TOKEN, "expires_in": 3600})]
        self.requests: list[web.BaseRequest] = []
        self.forms: list[dict[str, str]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            self.forms.append(dict((await request.post()).items()))  # type: ignore[arg-type]
            return response(self._next(self.token_answers))
        self.requests.append(request)
        return response(self._next(self.answers))

    @staticmethod
    def _next(queue: list[Any]) -> Any:
        return queue.pop(0) if len(queue) > 1 else queue[0]


def response(answer: web.Response | tuple[int, object]) -> web.Response:
    """Make a response of a status with JSON (any object) or with a body (bytes)."""
    if isinstance(answer, web.Response):
        return answer
    status, body = answer
    return web.Response(status=status, body=body if isinstance(body, bytes) else orjson.dumps(body))
