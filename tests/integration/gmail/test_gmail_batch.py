"""Batches against the sandbox: many messages of one mailbox, and many mailboxes, in one request each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from aiohttp import web
from support.scripted_gmail import ACCESS_TOKEN, Stopwatch

from afpd.config import OAuthClient
from afpd.errors import AccessRevoked, MessageGone, RateLimited, Unavailable
from afpd.gmail import Access, Gmail, Mailbox
from afpd.gmail.batch import Part, envelope, opened
from afpd.gmail.shapes import RawMessage
from afpd.gmail.transport import Answer
from afpd.sandbox import Fault, Sandbox
from afpd.sandbox.tokens import CLIENT_ID, CLIENT_SECRET

ANA = "ana@example.com"
OWN_CLIENT = OAuthClient(CLIENT_ID, CLIENT_SECRET)


def mail(number: int) -> bytes:
    return f"From: Bank <aviso@bank.example>\r\nTo: {ANA}\r\nSubject: {number}\r\n\r\nNumber {number}\r\n".encode()


@pytest.fixture
def sandbox(clock: Stopwatch) -> Sandbox:
    made = Sandbox(clock=clock, seed=7)
    made.add_user(ANA)
    return made


@pytest.fixture
async def gmail(sandbox: Sandbox, gmail_at: Callable[..., Gmail]) -> AsyncIterator[Gmail]:
    async with sandbox.serve() as url:
        yield gmail_at(url, OWN_CLIENT, visit_deadline="5m", batch_size=10)


@pytest.fixture
def mailbox(sandbox: Sandbox, gmail: Gmail) -> Mailbox:
    return gmail.mailbox(Access(sandbox.mailboxes[ANA].refresh_token), ANA)


@pytest.fixture
def ids(sandbox: Sandbox) -> list[str]:
    return [sandbox.mailboxes[ANA].deliver(mail(number)) for number in range(25)]


def kinds(found: Sequence[object]) -> list[str]:
    return [type(one).__name__ for one in found]


async def test_messages_come_ten_at_a_time_in_the_order_that_was_asked(
    mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    found = await mailbox.raws(ids)

    assert [one.raw for one in found if isinstance(one, RawMessage)] == [mail(number) for number in range(25)]
    assert sandbox.traffic.requests["batch"] == 3
    assert mailbox.units_used == 25 * 20


async def test_a_message_alone_needs_no_batch(mailbox: Mailbox, sandbox: Sandbox, ids: list[str]) -> None:
    await mailbox.raws(ids[:1])
    assert sandbox.traffic.requests["batch"] == 0


async def test_a_deleted_message_is_gone_and_the_others_come(
    mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.mailboxes[ANA].delete(ids[3])

    found = await mailbox.raws(ids[:5])

    assert kinds(found) == ["RawMessage"] * 3 + ["MessageGone", "RawMessage"]


@pytest.mark.parametrize(
    "fault", [Fault.SERVER_500, Fault.HTML_502, Fault.TRUNCATED, Fault.EXPIRED_TOKEN_401, Fault.CUT]
)
async def test_a_part_that_failed_for_now_is_asked_by_itself(
    fault: Fault, mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add(fault, message_id=ids[2], first=1)

    found = await mailbox.raws(ids[:5])

    assert kinds(found) == ["RawMessage"] * 5
    assert sandbox.traffic.gets[ANA, ids[2]] >= 2


async def test_a_part_that_never_comes_is_unavailable_by_itself(
    mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add(Fault.RESET, message_id=ids[2])

    found = await mailbox.raws(ids[:5])

    assert kinds(found) == ["RawMessage", "RawMessage", "Unavailable", "RawMessage", "RawMessage"]


async def test_a_rate_limit_in_a_part_is_told_and_nothing_else_is_asked(
    mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add(Fault.SERVER_500, message_id=ids[0])
    sandbox.faults.add(Fault.USER_RATE_403, message_id=ids[2])

    found = await mailbox.raws(ids[:4])

    assert kinds(found) == ["RateLimited", "RawMessage", "RateLimited", "RawMessage"]
    assert isinstance(found[0], RateLimited)
    assert sandbox.traffic.gets[ANA, ids[0]] == 1


async def test_too_many_at_once_makes_the_batches_smaller(mailbox: Mailbox, sandbox: Sandbox, ids: list[str]) -> None:
    sandbox.faults.add(Fault.CONCURRENT_429, message_id=ids[9], first=1)

    found = await mailbox.raws(ids)

    assert kinds(found) == ["RawMessage"] * 25
    assert sandbox.traffic.requests["batch"] == 1 + 3  # ten, then five at a time


async def test_messages_too_large_for_one_answer_are_asked_for_one_by_one(mailbox: Mailbox, sandbox: Sandbox) -> None:
    large = [sandbox.mailboxes[ANA].deliver(mail(number) + b"x" * (3 << 20)) for number in range(4)]

    found = await mailbox.raws(large)

    assert kinds(found) == ["RawMessage"] * 4
    assert sandbox.traffic.requests["batch"] == 1


async def test_a_batch_as_a_whole_is_tried_again(mailbox: Mailbox, sandbox: Sandbox, ids: list[str]) -> None:
    sandbox.faults.add(Fault.SERVER_503, method="batch", first=2)

    assert kinds(await mailbox.raws(ids[:5])) == ["RawMessage"] * 5


async def test_where_batches_alone_stay_away_each_message_comes_by_itself(
    mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add(Fault.SERVER_503, method="batch")

    assert kinds(await mailbox.raws(ids)) == ["RawMessage"] * 25

    asked = sandbox.traffic.requests["batch"]
    assert kinds(await mailbox.raws(ids[:5])) == ["RawMessage"] * 5
    assert sandbox.traffic.requests["batch"] == asked


async def test_a_batch_that_is_refused_for_its_token_does_not_count_against_the_messages(
    mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add(Fault.EXPIRED_TOKEN_401, method="batch", first=1)

    assert kinds(await mailbox.raws(ids[:2])) == ["RawMessage"] * 2


async def test_a_mailbox_that_stays_away_is_unavailable_for_each_and_asked_little(
    mailbox: Mailbox, sandbox: Sandbox, ids: list[str]
) -> None:
    for method in ("batch", "messages.get"):
        sandbox.faults.add(Fault.SERVER_503, method=method)

    assert kinds(await mailbox.raws(ids[:5])) == ["Unavailable"] * 5
    assert sum(sandbox.traffic.gets[ANA, key] for key in ids[1:5]) == 0


async def test_a_batch_that_answers_with_another_message_is_not_held_against_the_one_asked_for(
    serve: Callable[..., Awaitable[str]], gmail_at: Callable[..., Gmail], clock: Stopwatch
) -> None:
    def message(key: str) -> str:
        return f'{{"id": "{key}", "internalDate": "1000", "raw": "SGVsbG8"}}'

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if not request.path.startswith("/batch"):
            return web.Response(text=message(request.path.rpartition("/")[2]), content_type="application/json")
        pieces = [
            f"--b\r\nContent-Type: application/http\r\nContent-ID: <response-{number}>\r\n\r\n"
            f"HTTP/1.1 200 OK\r\n\r\n{message(key)}\r\n"
            for number, key in enumerate(["a", "c", "b"])
        ]
        return web.Response(
            body=f"{''.join(pieces)}--b--".encode(), headers={"Content-Type": "multipart/mixed; boundary=b"}
        )

    gmail = gmail_at(await serve(answer), batch_size=8)
    access = Access("refresh", ACCESS_TOKEN, clock.now() + timedelta(hours=1))
    found = await gmail.mailbox(access).raws(["a", "b", "c"])

    assert [one.email_message_id for one in found if isinstance(one, RawMessage)] == ["a", "b", "c"]


async def test_a_revoked_grant_is_told_for_each(mailbox: Mailbox, sandbox: Sandbox, ids: list[str]) -> None:
    sandbox.tokens.revoke(sandbox.mailboxes[ANA])

    found = await mailbox.raws(ids[:2])

    assert all(isinstance(one, AccessRevoked) for one in found)


async def test_without_batches_on_the_server_each_is_asked_by_itself(
    serve: Callable[..., Awaitable[str]], gmail_at: Callable[..., Gmail], clock: Stopwatch
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/batch"):
            return web.Response(status=404, body=b"<html>no such page", content_type="text/html")
        return web.json_response({"id": request.path.rpartition("/")[2], "internalDate": "1794000000000", "raw": "eA"})

    gmail = gmail_at(await serve(answer), batch_size=8)
    access = Access("refresh", ACCESS_TOKEN, clock.now() + timedelta(hours=1))
    found = await gmail.mailbox(access).raws(["a", "b", "c"])

    assert [one.email_message_id for one in found if isinstance(one, RawMessage)] == ["a", "b", "c"]


def answered(parts: Sequence[Part], body: bytes, kind: str = "multipart/mixed; boundary=b") -> list[Answer | None]:
    return opened(Answer(200, {"Content-Type": kind}, body), parts)


PARTS = [Part("/a", "t"), Part("/b", "t")]
WHOLE = (
    b"--b\r\nContent-Type: application/http\r\nContent-ID: <response-1>\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n{}\r\n"
    b"--b\r\nContent-Type: application/http\r\nContent-ID: <response-0>\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\n[1]\r\n--b--\r\n"
)


def test_answers_are_told_apart_by_their_content_id_not_by_their_order() -> None:
    first, second = answered(PARTS, WHOLE)
    assert first is not None
    assert second is not None
    assert (first.status, first.body.strip(), second.status) == (200, b"[1]", 404)


@pytest.mark.parametrize("length", range(0, len(WHOLE) - 4, 7))
def test_an_answer_that_was_cut_off_is_never_taken_for_whole(length: int) -> None:
    for found in answered(PARTS, WHOLE[:length]):
        assert found is None or found.body.strip() in (b"[1]", b"{}")


@pytest.mark.parametrize(
    "body",
    [b"", b"--b", b"--b--", b"\xff" * 50, WHOLE.replace(b"response-", b"answer-"), WHOLE.replace(b"HTTP/1.1", b"SPDY"),
     WHOLE.replace(b"<response-0>", b"<response-9>").replace(b"<response-1>", b"<response-99999999999999999999>"),
     WHOLE.replace(b"response-", b"response-" + b"9" * 5000)],
)  # fmt: skip
def test_what_is_no_answer_to_a_batch_leaves_every_part_open(body: bytes) -> None:
    assert answered(PARTS, body) == [None, None]


def test_a_part_that_is_answered_twice_is_left_open() -> None:
    """Nobody can tell which of the two is meant."""
    assert answered(PARTS, WHOLE.replace(b"response-1", b"response-0")) == [None, None]


def test_an_answer_without_boundary_leaves_every_part_open() -> None:
    assert answered(PARTS, WHOLE, "text/html") == [None, None]


def test_the_token_stands_in_no_repr() -> None:
    assert "s3cret" not in repr(Part("/a", "s3cret"))
    assert b"s3cret" in envelope([Part("/a", "s3cret")])[0]


@pytest.fixture
async def bundling(sandbox: Sandbox, gmail_at: Callable[..., Gmail]) -> AsyncIterator[Gmail]:
    for number in range(60):
        sandbox.add_user(f"user-{number}@example.com")
    async with sandbox.serve() as url:
        yield gmail_at(url, OWN_CLIENT, batch_users=True, visit_deadline="5m", max_retries=0)


def everybody(sandbox: Sandbox, gmail: Gmail) -> list[Mailbox]:
    return [
        gmail.mailbox(Access(one.refresh_token), address)
        for address, one in sandbox.mailboxes.items()
        if address != ANA
    ]


async def test_the_bells_of_sixty_mailboxes_travel_in_few_requests(bundling: Gmail, sandbox: Sandbox) -> None:
    mailboxes = everybody(sandbox, bundling)

    profiles = await asyncio.gather(*(mailbox.profile() for mailbox in mailboxes))

    assert [profile.email_address for profile in profiles] == [f"user-{number}@example.com" for number in range(60)]
    assert sandbox.traffic.requests["getProfile"] == 60
    assert sandbox.traffic.requests["batch"] < 30


async def test_what_one_mailbox_is_refused_touches_no_other(bundling: Gmail, sandbox: Sandbox) -> None:
    mailboxes = everybody(sandbox, bundling)[:5]
    sandbox.faults.add(Fault.USER_RATE_403, user="user-2@example.com")

    found = await asyncio.gather(*(mailbox.profile() for mailbox in mailboxes), return_exceptions=True)

    assert kinds(found) == ["Profile", "Profile", "RateLimited", "Profile", "Profile"]


async def test_a_batch_of_many_that_fails_is_unavailable_for_each(bundling: Gmail, sandbox: Sandbox) -> None:
    mailboxes = everybody(sandbox, bundling)[:5]
    await asyncio.gather(*(mailbox.profile() for mailbox in mailboxes))
    sandbox.faults.add(Fault.SERVER_503, method="batch")

    found = await asyncio.gather(*(mailbox.profile() for mailbox in mailboxes), return_exceptions=True)

    assert all(isinstance(one, Unavailable) and not isinstance(one, MessageGone) for one in found)


async def test_a_visit_that_is_given_up_leaves_no_other_waiting(bundling: Gmail, sandbox: Sandbox) -> None:
    mailboxes = everybody(sandbox, bundling)[:5]
    await asyncio.gather(*(mailbox.profile() for mailbox in mailboxes))
    asked = [asyncio.create_task(mailbox.profile()) for mailbox in mailboxes]
    await asyncio.sleep(0)
    asked[0].cancel()

    async with asyncio.timeout(20):
        found = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(found[0], asyncio.CancelledError)
    assert all(not isinstance(one, asyncio.CancelledError) for one in found[1:])
