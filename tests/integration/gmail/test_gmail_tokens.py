"""Access tokens over the wire: who is to blame, how often is asked, and that nothing of them is told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp import web
from support.scripted_gmail import CLIENT, Answering, Scripted, Stopwatch, response

from afpd.errors import AccessRevoked, AfpdError, ClientRejected, Unavailable
from afpd.gmail import Access, Gmail, Mailbox

PROFILE = (200, {"emailAddress": "ana@example.com", "historyId": "7"})
ISSUED = {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}
Serve = Callable[[Answering], Awaitable[str]]


@pytest.fixture
def gmail(gmail_at: Callable[..., Gmail], scripted: Scripted) -> Gmail:
    scripted.answers = [PROFILE]
    return gmail_at(scripted.url)


async def ending_of(mailbox: Mailbox) -> AfpdError:
    with pytest.raises(AfpdError) as caught:
        await mailbox.profile()
    return caught.value


async def test_a_lost_grant_is_asked_for_once_however_many_requests_want_it(gmail: Gmail, scripted: Scripted) -> None:
    scripted.token_answers = [(400, {"error": "invalid_grant", "error_description": "Token revoked."})]
    mailbox = gmail.mailbox(Access("refresh"))
    ended = await asyncio.gather(*(mailbox.profile() for _ in range(5)), return_exceptions=True)
    assert {type(one) for one in ended} == {AccessRevoked}
    assert type(await ending_of(mailbox)) is AccessRevoked
    assert len(scripted.forms) == 1
    assert scripted.requests == []


@pytest.mark.parametrize(
    "answer", [(502, b"<html>Bad</html>"), (500, b""), (200, b'{"access_to'), (200, []), (200, {"access_token": 5}),
               (200, {"access_token": "a\nb"}), (400, {"error": "temporarily_unavailable"})],
)  # fmt: skip
async def test_trouble_of_the_endpoint_is_tried_again_and_then_passes_as_transient(
    gmail: Gmail, scripted: Scripted, answer: tuple[int, object]
) -> None:
    scripted.token_answers = [answer]
    mailbox = gmail.mailbox(Access("refresh"))
    assert isinstance(await ending_of(mailbox), Unavailable)
    assert len(scripted.forms) == 4
    await ending_of(mailbox)
    assert len(scripted.forms) == 4


async def test_an_endpoint_that_recovers_within_the_visit_goes_unnoticed(gmail: Gmail, scripted: Scripted) -> None:
    scripted.token_answers = [(503, b""), (502, b"<html>"), (200, ISSUED)]
    assert (await gmail.mailbox(Access("refresh")).profile()).history_id == "7"


async def test_a_rejected_client_is_no_user_s_fault(gmail: Gmail, scripted: Scripted) -> None:
    scripted.token_answers = [
        (401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
    ]
    assert type(await ending_of(gmail.mailbox(Access("refresh")))) is ClientRejected


async def test_a_grant_of_another_client_stops_nobody_once_the_client_is_known_to_work_and_marks_no_user(
    gmail: Gmail, scripted: Scripted
) -> None:
    foreign = (401, {"error": "unauthorized_client", "error_description": "Unauthorized"})
    scripted.token_answers = [foreign, (200, ISSUED), foreign]
    assert type(await ending_of(gmail.mailbox(Access("foreign")))) is ClientRejected
    await gmail.mailbox(Access("own")).profile()
    ended = await ending_of(gmail.mailbox(Access("foreign")))
    assert isinstance(ended, Unavailable)
    assert "another OAuth client" in str(ended)


@pytest.mark.parametrize(("stated", "seconds"), [(60, 60), ("3599", 3599), (None, 3600), ("soon", 3600), (1e9, 86400)])
async def test_a_token_lives_as_long_as_the_endpoint_says_less_a_margin(
    gmail: Gmail, scripted: Scripted, clock: Stopwatch, stated: object, seconds: int
) -> None:
    scripted.token_answers = [(200, ISSUED | {"expires_in": stated})]
    access = Access("refresh")
    await gmail.mailbox(access).profile()
    assert access.renewed is not None
    life = (access.renewed.expires_at - clock.now()).total_seconds()
    assert max(seconds - 360, seconds * 0.8) <= life <= max(seconds - 240, seconds * 0.9)


async def test_a_rotated_refresh_token_can_be_read_back(gmail: Gmail, scripted: Scripted) -> None:
    scripted.token_answers = [(200, ISSUED | {"refresh_token": "rotated"})]
    access = Access("refresh")
    await gmail.mailbox(access).profile()
    assert access.renewed is not None
    assert access.renewed.refresh_token == "rotated"


async def test_a_stampede_of_visits_meets_a_limit(gmail_at: Callable[..., Gmail], serve: Serve) -> None:
    running: list[int] = [0]
    seen: list[int] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/token":
            return response(PROFILE)
        running[0] += 1
        seen.append(running[0])
        await asyncio.sleep(0.01)
        running[0] -= 1
        return response((200, ISSUED))

    gmail = gmail_at(await serve(answer), refresh_concurrency=3)
    await asyncio.gather(*(gmail.mailbox(Access(f"refresh-{n}")).profile() for n in range(30)))
    assert len(seen) == 30
    assert max(seen) == 3


async def test_waiting_behind_a_hanging_endpoint_ends_with_the_visit(
    gmail_at: Callable[..., Gmail], serve: Serve
) -> None:
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    gmail = gmail_at(await serve(hang), refresh_concurrency=1, max_retries=0)
    short = timedelta(milliseconds=150)
    async with asyncio.timeout(3):
        ended = await asyncio.gather(*(ending_of(gmail.mailbox(Access("r"), time_left=short)) for _ in range(4)))
    assert all(isinstance(one, Unavailable) for one in ended)


async def test_a_visit_cut_off_while_renewing_leaves_no_seat_taken(
    gmail_at: Callable[..., Gmail], serve: Serve
) -> None:
    answers = iter([30.0])

    async def slow_at_first(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/token":
            return response(PROFILE)
        await asyncio.sleep(next(answers, 0))
        return response((200, ISSUED))

    gmail = gmail_at(await serve(slow_at_first), refresh_concurrency=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await gmail.mailbox(Access("refresh")).profile()
    assert (await gmail.mailbox(Access("refresh")).profile()).history_id == "7"


SECRETS = ("s3cret-refresh", "s3cret-stored", "s3cret-issued", CLIENT.client_secret)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
async def test_no_log_and_no_error_tells_a_secret_even_when_the_server_repeats_it(
    gmail_at: Callable[..., Gmail],
    serve: Serve,
    clock: Stopwatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    async def parrot(request: web.BaseRequest) -> web.StreamResponse:
        said = f"{request.headers.get('Authorization')} {(await request.read()).decode()}".replace("&", " ")
        if request.path == "/token" and status in (200, 401):
            return response((200, {"access_token": "s3cret-issued", "expires_in": 3600}))
        return response((status, {"error": {"message": said, "status": said}, "error_description": said}))

    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    gmail = gmail_at(await serve(parrot))
    stored = Access("s3cret-refresh", "s3cret-stored", clock.now() + timedelta(hours=1))
    for access in (Access("s3cret-refresh"), stored):
        error = await ending_of(gmail.mailbox(access))
        told = [repr(error), repr(access), *chain(error), caplog.text]
        assert not [secret for secret in SECRETS for text in told if secret in text]


def chain(error: BaseException) -> list[str]:
    following = [one for one in (error.__cause__, error.__context__) if one is not None]
    return [repr(one) for one in following] + [text for one in following for text in chain(one)]
