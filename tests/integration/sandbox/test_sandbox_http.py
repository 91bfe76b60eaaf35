"""What happens on the wire: gzip, dates, errors, broken connections, concurrency, the batch's edges."""

import asyncio
import gzip
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
from support.sandbox_caller import Caller

from afpd.sandbox import Fault, Sandbox

ANA = "ana@example.com"


async def fetch(caller: Caller, path: str = "profile", **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    target = f"{caller.url}/gmail/v1/users/me/{path}"
    async with caller.session.get(target, headers=caller.headers(**headers)) as response:
        return response, await response.read()


async def test_gzip_needs_the_word_in_the_user_agent_too(sandbox: Sandbox, url: str, caller: Caller) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        caller.session = session
        plain, body = await fetch(caller, **{"Accept-Encoding": "gzip", "User-Agent": "afpd"})
        zipped, packed = await fetch(caller, **{"Accept-Encoding": "gzip", "User-Agent": "afpd (gzip)"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == body


async def test_the_date_header_is_the_sandboxs_clock(caller: Caller, sandbox: Sandbox) -> None:
    response, _ = await fetch(caller)
    apart = sandbox.clock.now() - parsedate_to_datetime(response.headers["Date"])
    assert 0 <= apart.total_seconds() < 3


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("messages/0000000000000bad", 404, "notFound"),
        ("labels/NONE", 404, "notFound"),
        ("history?startHistoryId=1", 404, "notFound"),
        ("history", 400, "invalidArgument"),
        ("history?startHistoryId=1000003&historyTypes=messagesAdded", 400, "invalidArgument"),
        ("messages?maxResults=many", 400, "invalidArgument"),
        ("messages?query=from:x", 400, "invalidArgument"),
        ("messages?pageToken=next", 400, "invalidArgument"),
        ("profile?fields=a(", 400, "invalidArgument"),
        ("nothing", 404, "notFound"),
    ],
)
async def test_wrong_requests_get_googles_errors(path: str, status: int, reason: str, caller: Caller) -> None:
    name, _, query = path.partition("?")
    got, answer = await caller.get(name, **dict(pair.split("=") for pair in query.split("&") if pair))
    assert (got, answer["error"]["code"], answer["error"]["errors"][0]["reason"]) == (status, status, reason)


async def test_a_token_opens_only_its_own_mailbox(caller: Caller) -> None:
    for name, status in (("ana@example.com", 200), ("ANA@example.com", 200), ("bo@example.com", 403)):
        target = f"{caller.url}/gmail/v1/users/{name}/profile"
        async with caller.session.get(target, headers=caller.headers()) as response:
            assert response.status == status


async def test_without_a_token_nobody_comes_in(caller: Caller) -> None:
    caller.token = "ya29.unknown"
    status, answer = await caller.get("profile")
    assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")


async def test_a_metadata_token_may_neither_search_nor_read(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.mailboxes[ANA].scope = "https://www.googleapis.com/auth/gmail.metadata"
    message = sandbox.mails()[0]["id"]
    assert (await caller.get("messages", q="from:x"))[0] == 403
    assert (await caller.get(f"messages/{message}", format="raw"))[0] == 403
    assert (await caller.get(f"messages/{message}", format="metadata"))[0] == 200


async def test_a_token_without_a_gmail_scope_suffices_for_nothing(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.mailboxes[ANA].scope = "openid"
    status, answer = await caller.get("profile")
    assert (status, answer["error"]["errors"][0]["reason"]) == (403, "insufficientPermissions")


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "start"),
    [
        (Fault.HTML_502, 502, "text/html", b"<!DOCTYPE"),
        (Fault.LIST_503, 503, "application/json", b"[{"),
        (Fault.EMPTY_504, 504, "text/html", b""),
        (Fault.TRUNCATED, 200, "application/json", b'{"emailAddress"'),
    ],
)
async def test_odd_bodies_arrive_as_planned(
    fault: Fault, status: int, content_type: str, start: bytes, caller: Caller, sandbox: Sandbox
) -> None:
    sandbox.faults.add(fault, method="getProfile", first=1)
    response, body = await fetch(caller)
    assert (response.status, response.content_type) == (status, content_type)
    assert body.startswith(start)
    assert not body.endswith(b"}")
    assert (await caller.get("profile"))[0] == 200


async def test_a_reset_breaks_the_connection_and_is_no_error_of_the_sandbox(
    caller: Caller, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(Fault.RESET, first=3)
    with pytest.raises(aiohttp.ClientError):
        await caller.get("messages")
    sandbox.faults.clear()
    assert (await caller.get("messages"))[0] == 200
    assert caplog.records == []


async def test_a_cut_answer_ends_in_the_middle(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.CUT, first=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.get("messages")


async def test_a_hang_lasts_until_the_caller_gives_up(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.HANG, first=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await caller.get("profile")
    assert (await caller.get("profile"))[0] == 200


async def test_serving_ends_although_a_call_hangs(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.HANG)
    async with asyncio.timeout(3), aiohttp.ClientSession() as session:
        async with sandbox.serve() as url:
            hanging = asyncio.ensure_future(session.post(f"{url}/token", data={}))
            while not sandbox.traffic.requests["token"]:
                await asyncio.sleep(0.01)
        with pytest.raises(aiohttp.ClientError):
            await hanging


async def test_a_slow_user_is_slow_and_others_are_not(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.SLOW, user="somebody@example.com", seconds=5)
    sandbox.faults.add(Fault.SLOW, user=ANA, seconds=0.2)
    began = sandbox.clock.monotonic()
    assert (await caller.get("profile"))[0] == 200
    assert 0.2 <= sandbox.clock.monotonic() - began < 4


async def test_a_message_may_vanish_between_list_and_get(caller: Caller, sandbox: Sandbox) -> None:
    message = (await caller.get("messages", maxResults="1"))[1]["messages"][0]["id"]
    sandbox.faults.add(Fault.GONE, message_id=message, first=1)
    assert [(await caller.get(f"messages/{message}"))[0] for _ in range(2)] == [404, 404]
    assert message not in sandbox.mailboxes[ANA].messages


async def test_calls_of_one_user_at_once_are_counted_and_may_be_too_many(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.latency = 0.05
    sandbox.concurrent_per_user = 2
    answers = await asyncio.gather(*(caller.get("profile") for _ in range(4)))
    assert sandbox.traffic.peak[ANA] == 4
    assert sorted(status for status, _ in answers) == [200, 200, 429, 429]


async def test_an_enforced_quota_answers_403_and_counts(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.meter.enforced = True
    message = sandbox.mails()[0]["id"]
    before = sandbox.units
    statuses = {(await caller.get(f"messages/{message}", format="minimal"))[0] for _ in range(305)}
    assert 403 in statuses
    assert sandbox.units - before == 305 * 20
    assert sandbox.traffic.gets[ANA, message] == 305


async def batch(caller: Caller, parts: list[str]) -> tuple[int, str]:
    body = "".join(f"--b\r\nContent-Type: application/http\r\n\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    headers = caller.headers(**{"Content-Type": "multipart/mixed; boundary=b"})
    async with caller.session.post(f"{caller.url}/batch/gmail/v1", data=body.encode(), headers=headers) as response:
        return response.status, await response.text()


async def test_a_batch_costs_the_sum_of_its_parts_and_a_part_may_fail_alone(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.RATE_429, method="labels.list")
    before = sandbox.units
    status, text = await batch(
        caller,
        [
            "GET /gmail/v1/users/me/profile",
            "GET /gmail/v1/users/me/labels",
            "GET /gmail/v1/users/me/messages?maxResults=1",
        ],
    )
    assert status == 200
    assert [line.split()[1] for line in text.splitlines() if line.startswith("HTTP/1.1")] == ["200", "429", "200"]
    assert sandbox.units - before == 6


async def test_a_part_may_bring_its_own_authorization(caller: Caller, sandbox: Sandbox) -> None:
    bo = sandbox.add_user("bo@example.com")
    token = sandbox.tokens.access_token(bo)
    own = f"GET /gmail/v1/users/me/profile HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    _, text = await batch(caller, ["GET /gmail/v1/users/me/profile", own])
    assert text.index("ana@example.com") < text.index("bo@example.com")


async def test_a_hundred_parts_pass_and_one_more_is_refused(caller: Caller) -> None:
    part = "GET /gmail/v1/users/me/profile"
    assert (await batch(caller, [part] * 100))[0] == 200
    assert (await batch(caller, [part] * 101))[0] == 400


async def test_an_ipv6_address_serves_too() -> None:
    sandbox = Sandbox()
    async with (
        sandbox.serve("::1") as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/sandbox/stats") as response,
    ):
        assert response.status == 200
