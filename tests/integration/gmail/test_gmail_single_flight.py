"""Five visits of one mailbox want a token at the same time: one request, whatever comes of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from support.scripted_gmail import Answering, Stopwatch, response

from afpd.errors import AccessRevoked, ClientRejected, EndpointDown, Unavailable
from afpd.gmail import Access, Gmail, Profile

Serve = Callable[[Answering], Awaitable[str]]
ISSUED = (200, {"access_token": "t", "expires_in": 3600})
PROFILE = (200, {"emailAddress": "ana@example.com", "historyId": "7"})


class Endpoint:
    """Answers the token endpoint late enough that all who ask are there; notes how often."""

    def __init__(self, answer: Any, hangs: bool = False) -> None:
        self.answer = answer
        self.hangs = hangs
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/token":
            return response(PROFILE)
        self.asked.append(dict(await request.post()))
        await asyncio.sleep(30 if self.hangs else 0.02)
        answer = self.answer
        return response(web.Response(status=answer[0], headers=answer[2]) if len(answer) == 3 else answer)


async def five(gmail: Gmail, token: str = "refresh") -> list[Profile | BaseException]:
    return await asyncio.gather(*(gmail.mailbox(Access(token)).profile() for _ in range(5)), return_exceptions=True)


@pytest.mark.parametrize(
    ("answer", "hangs", "kind"),
    [
        (ISSUED, False, Profile),
        ((503, b""), False, Unavailable),
        ((429, b"", {"Retry-After": "30"}), False, Unavailable),
        ((502, b"<html>Bad Gateway</html>"), False, Unavailable),
        (ISSUED, True, Unavailable),
        ((401, {"error": "invalid_client"}), False, ClientRejected),
        ((401, {"error": "unauthorized_client"}), False, ClientRejected),
        ((400, {"error": "invalid_grant"}), False, AccessRevoked),
    ],
    ids=["ok", "503", "429", "502", "hang", "invalid_client", "unauthorized_client", "invalid_grant"],
)
async def test_five_concurrent_callers_make_one_request(
    gmail_at: Callable[..., Gmail], serve: Serve, answer: Any, hangs: bool, kind: type
) -> None:
    endpoint = Endpoint(answer, hangs)
    gmail = gmail_at(await serve(endpoint), max_retries=0, refresh_deadline="400ms")
    ended = await five(gmail)
    assert all(isinstance(one, kind) for one in ended), ended
    assert len(endpoint.asked) == 1


async def test_what_was_refused_a_moment_ago_is_not_asked_again_by_the_next_visit(
    gmail_at: Callable[..., Gmail], serve: Serve, clock: Stopwatch
) -> None:
    endpoint = Endpoint((503, b""))
    gmail = gmail_at(await serve(endpoint), max_retries=0)
    for _ in range(3):
        await five(gmail)
    assert len(endpoint.asked) == 1
    clock.at += timedelta(seconds=6)
    await five(gmail)
    assert len(endpoint.asked) == 2


async def test_a_time_that_the_endpoint_names_is_waited_for_by_every_visit(
    gmail_at: Callable[..., Gmail], serve: Serve, clock: Stopwatch
) -> None:
    endpoint = Endpoint((429, b"", {"Retry-After": "120"}))
    gmail = gmail_at(await serve(endpoint))
    (first, *_) = await five(gmail)
    assert isinstance(first, Unavailable)
    assert first.until is not None
    assert abs((first.until - clock.now()).total_seconds() - 120) < 1
    clock.at += timedelta(seconds=110)
    await five(gmail)
    assert len(endpoint.asked) == 1


async def test_an_endpoint_that_is_down_is_asked_by_one_who_probes(
    gmail_at: Callable[..., Gmail], serve: Serve, clock: Stopwatch
) -> None:
    endpoint = Endpoint((503, b""))
    gmail = gmail_at(await serve(endpoint), max_retries=0, refresh_concurrency=1)

    async def hundred() -> list[object]:
        visits = (gmail.mailbox(Access(f"refresh-{number}")).profile() for number in range(100))
        return [type(one) for one in await asyncio.gather(*visits, return_exceptions=True)]

    kinds = await hundred()
    assert len(endpoint.asked) == 3
    assert kinds.count(EndpointDown) == 97
    clock.at += timedelta(seconds=6)
    await hundred()
    assert len(endpoint.asked) == 4
    endpoint.answer = ISSUED
    clock.at += timedelta(seconds=11)
    await hundred()
    assert await hundred() == [Profile] * 100
