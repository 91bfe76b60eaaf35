"""The client against a server that answers as told: pages, retries, tokens, time."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web
from support.scripted_gmail import ACCESS_TOKEN, Answering, Scripted, Stopwatch, response

from afpd.errors import CursorExpired, MessageUnreadable, RateLimited, Unavailable, WrongMailbox
from afpd.gmail import Access, Gmail, Mailbox, OutOfTime

PROFILE = {"emailAddress": "ana@example.com", "historyId": "7"}
UNAUTHORISED = (401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
TOO_MANY = (429, {"error": {"code": 429, "message": "Too many concurrent requests for user"}})
Serve = Callable[[Answering], Awaitable[str]]


@pytest.fixture
def gmail(gmail_at: Callable[..., Gmail], scripted: Scripted) -> Gmail:
    return gmail_at(scripted.url)


@pytest.fixture
def mailbox(gmail: Gmail, clock: Stopwatch) -> Mailbox:
    return gmail.mailbox(Access("refresh", "s3cret-stored", clock.now() + timedelta(hours=1)), "ana@example.com")


def added(*names: str) -> list[dict[str, Any]]:
    return [{"messagesAdded": [{"message": {"id": name}}]} for name in names]


def page(history: list[dict[str, Any]] | None, history_id: str, token: str | None = None) -> tuple[int, object]:
    body: dict[str, Any] = {"historyId": history_id}
    body |= {} if history is None else {"history": history}
    return 200, body | ({} if token is None else {"nextPageToken": token})


async def test_every_request_asks_for_the_least_and_carries_the_token(mailbox: Mailbox, scripted: Scripted) -> None:
    raw = {"id": "m/1", "internalDate": "1762945262247", "raw": "aGk"}
    scripted.answers = [(200, PROFILE), page(None, "9"), (200, {}), (200, {}), (200, raw)]
    await mailbox.profile()
    await mailbox.history("7")
    await mailbox.search("from:(a OR b) after:5")
    await mailbox.search("x", "token&2")
    await mailbox.raw("m/1")
    paths = [request.rel_url.raw_path for request in scripted.requests]
    root = "/gmail/v1/users/me/"
    assert paths == [root + end for end in ("profile", "history", "messages", "messages", "messages/m%2F1")]
    queries = [dict(request.query) for request in scripted.requests]
    assert all(query.pop("fields") for query in queries)
    assert queries == [
        {},
        {"startHistoryId": "7", "historyTypes": "messageAdded", "maxResults": "500"},
        {"q": "from:(a OR b) after:5", "maxResults": "500"},
        {"q": "x", "maxResults": "500", "pageToken": "token&2"},
        {"format": "raw"},
    ]
    assert {request.headers["Authorization"] for request in scripted.requests} == {"Bearer s3cret-stored"}


async def test_units_are_counted_by_the_table_for_the_visit_and_for_all(gmail: Gmail, scripted: Scripted) -> None:
    raw = {"id": "m1", "internalDate": "1762945262247", "raw": "aGk"}
    scripted.answers = [(200, PROFILE), page(None, "9"), (200, {}), (200, raw), (200, PROFILE)]
    first, second = gmail.mailbox(Access("one")), gmail.mailbox(Access("two"))
    await first.profile()
    await first.history("7")
    await first.search("q")
    await first.raw("m1")
    await second.profile()
    assert (first.units_used, second.units_used, gmail.units_used) == (1 + 2 + 5 + 20, 1, 29)


async def test_all_pages_of_history_are_read_also_past_empty_ones(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [page(added("a", "b"), "20", "p2"), page(None, "20", "p3"), page(added("b", "c"), "20")]
    history = await mailbox.history("7")
    assert (history.added, history.cursor, history.complete) == (("a", "b", "c"), "20", True)
    assert [request.query.get("pageToken") for request in scripted.requests] == [None, "p2", "p3"]
    assert {request.query["startHistoryId"] for request in scripted.requests} == {"7"}


async def test_ids_deleted_on_a_later_page_are_dropped(mailbox: Mailbox, scripted: Scripted) -> None:
    gone = [{"messagesDeleted": [{"message": {"id": "a"}}]}]
    scripted.answers = [page(added("a", "b"), "20", "p2"), page(gone, "20")]
    assert (await mailbox.history("7")).added == ("b",)


async def test_the_cursor_never_passes_mail_that_came_while_pages_were_read(
    mailbox: Mailbox, scripted: Scripted
) -> None:
    scripted.answers = [page(added("a"), "9007199254740993", "p2"), page(added("b"), "18446744073709551616")]
    assert (await mailbox.history("7")).cursor == "9007199254740993"


async def test_the_cursor_never_goes_back(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [page(None, "3")]
    assert (await mailbox.history("7")).cursor == "7"


async def test_history_with_more_pages_than_allowed_keeps_the_old_cursor(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [page(added("a"), "20", "again")]
    history = await mailbox.history("7", most_pages=3)
    assert (history.added, history.cursor, history.complete) == (("a",), "7", False)
    assert len(scripted.requests) == 3


async def test_a_failing_later_page_gives_no_cursor_at_all(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [page(added("a"), "20", "p2"), (503, b"")]
    with pytest.raises(Unavailable):
        await mailbox.history("7")


async def test_an_expired_cursor_is_asked_for_once(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [(404, {"error": {"code": 404, "errors": [{"reason": "notFound"}]}})]
    with pytest.raises(CursorExpired):
        await mailbox.history("7")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    "bad", [(200, b'{"emailAddress": "an'), (200, b""), (200, []), (200, "x"), (502, b"<html>"), (503, [])]
)
async def test_broken_answers_are_asked_for_again(
    mailbox: Mailbox, scripted: Scripted, clock: Stopwatch, bad: tuple[int, object]
) -> None:
    scripted.answers = [bad, bad, (200, PROFILE)]
    assert (await mailbox.profile()).history_id == "7"
    assert len(clock.slept) == 2


async def test_retries_end_and_the_reason_is_told(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [(503, {"error": {"message": "The service is currently unavailable."}})]
    with pytest.raises(Unavailable, match=r"HTTP 503 \(Google says: The service is currently unavailable\.\)"):
        await mailbox.profile()
    assert len(scripted.requests) == 4


async def test_a_rate_limit_is_never_slept_through(mailbox: Mailbox, scripted: Scripted, clock: Stopwatch) -> None:
    stamp = "User-rate limit exceeded.  Retry after 2026-11-12T11:16:42.247Z"
    limited = web.Response(
        status=429,
        body=orjson.dumps({"error": {"message": stamp}}),
        headers={"Date": "Thu, 12 Nov 2026 11:00:00 GMT"},
    )
    scripted.answers = [limited]
    with pytest.raises(RateLimited) as caught:
        await mailbox.profile()
    assert caught.value.until == datetime(2026, 11, 12, 11, 16, 42, 247000, tzinfo=UTC)
    assert len(scripted.requests) == 1
    assert clock.slept == []


async def test_a_refused_token_is_renewed_once_and_the_request_repeated_once(
    gmail: Gmail, scripted: Scripted, clock: Stopwatch
) -> None:
    access = Access("s3cret-refresh", "s3cret-stored", clock.now() + timedelta(hours=1))
    scripted.answers = [UNAUTHORISED, (200, PROFILE)]
    await gmail.mailbox(access).profile()
    assert [request.headers["Authorization"] for request in scripted.requests] == [
        "Bearer s3cret-stored",
        f"Bearer {ACCESS_TOKEN}",
    ]
    assert scripted.forms == [
        {
            "client_id": "client-id",
            "client_secret": "s3cret-client",
            "grant_type": "refresh_token",
            "refresh_token": "s3cret-refresh",
        }
    ]
    assert access.renewed is not None
    assert access.renewed.access_token == ACCESS_TOKEN


async def test_a_new_token_that_is_refused_too_is_no_lost_access(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [UNAUTHORISED]
    with pytest.raises(Unavailable):
        await mailbox.profile()
    assert (len(scripted.requests), len(scripted.forms)) == (2, 1)


async def test_many_pages_with_a_short_lived_token_go_on(gmail: Gmail, scripted: Scripted, clock: Stopwatch) -> None:
    scripted.token_answers = [(200, {"access_token": f"t{n}", "expires_in": 60}) for n in range(3)]
    scripted.answers = [(200, {})]
    mailbox = gmail.mailbox(Access("refresh"), time_left=timedelta(hours=1))
    for _ in range(3):
        await mailbox.search("q")
        await clock.sleep(40)
    assert [request.headers["Authorization"] for request in scripted.requests] == [
        "Bearer t0",
        "Bearer t0",
        "Bearer t1",
    ]


async def test_another_mailbox_than_the_integration_s_is_refused(gmail: Gmail, scripted: Scripted) -> None:
    scripted.answers = [(200, PROFILE)]
    with pytest.raises(WrongMailbox) as caught:
        await gmail.mailbox(Access("refresh"), "bo@example.com").profile()
    assert "@" not in str(caught.value)
    assert (await gmail.mailbox(Access("refresh"), "Ana@Example.com").profile()).email_address == "ana@example.com"


async def test_a_message_too_large_is_unreadable_and_not_asked_for_again(mailbox: Mailbox, scripted: Scripted) -> None:
    scripted.answers = [(200, b'{"raw":"' + b"A" * (33 << 20) + b'"}')]
    with pytest.raises(MessageUnreadable, match="32 MiB"):
        await mailbox.raw("m1")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_an_id_that_would_be_another_path_is_never_sent(mailbox: Mailbox, scripted: Scripted, name: str) -> None:
    with pytest.raises(MessageUnreadable):
        await mailbox.raw(name)
    assert scripted.requests == []


async def test_google_s_time_is_known_after_the_first_answer(mailbox: Mailbox, scripted: Scripted) -> None:
    assert mailbox.server_time is None
    dated = web.Response(text='{"messages": []}', headers={"Date": "Thu, 12 Nov 2026 11:16:42 GMT"})
    scripted.answers = [dated]
    await mailbox.search("q")
    assert mailbox.server_time == datetime(2026, 11, 12, 11, 16, 42, tzinfo=UTC)


async def test_one_mailbox_is_asked_two_things_at_once_and_after_a_complaint_one(
    gmail_at: Callable[..., Gmail], serve: Serve
) -> None:
    running: list[int] = [0]
    seen: list[int] = []

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            return response((200, {"access_token": "t", "expires_in": 3600}))
        running[0] += 1
        seen.append(running[0])
        place = len(seen)
        await asyncio.sleep(0.01)
        running[0] -= 1
        return response(TOO_MANY if place == 3 else (200, {"id": "m", "internalDate": "1", "raw": "aGk"}))

    mailbox = gmail_at(await serve(slow)).mailbox(Access("refresh"))
    await asyncio.gather(*(mailbox.raw("m") for _ in range(10)))
    assert max(seen) == 2
    assert set(seen[-5:]) == {1}
    assert len(seen) == 11


async def test_a_hanging_server_costs_no_more_than_the_time_of_the_visit(
    gmail_at: Callable[..., Gmail], serve: Serve
) -> None:
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    gmail = gmail_at(await serve(hang), visit_deadline="200ms", max_retries=0)
    before = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable, match="time"):
        await gmail.mailbox(Access("refresh", "token", datetime(2100, 1, 1, tzinfo=UTC))).profile()
    with pytest.raises(Unavailable, match="time"):
        await gmail.mailbox(Access("refresh")).profile()
    assert asyncio.get_running_loop().time() - before < 2


async def test_after_the_visit_s_time_nothing_is_asked_any_more(
    gmail: Gmail, scripted: Scripted, clock: Stopwatch
) -> None:
    scripted.answers = [(200, PROFILE)]
    mailbox = gmail.mailbox(Access("refresh"))
    await mailbox.profile()
    await clock.sleep(61)
    with pytest.raises(OutOfTime):
        await mailbox.profile()
    assert len(scripted.requests) == 1


async def test_content_is_exact(mailbox: Mailbox, scripted: Scripted) -> None:
    content = bytes(range(256)) * 3
    scripted.answers = [
        (
            200,
            {
                "id": "m1",
                "internalDate": "1762945262247",
                "labelIds": ["INBOX"],
                "raw": urlsafe_b64encode(content).decode(),
            },
        )
    ]
    message = await mailbox.raw("m1")
    assert message.raw == content
    assert message.received_at.tzinfo is UTC
