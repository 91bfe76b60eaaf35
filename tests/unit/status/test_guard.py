"""Who may ask: hosts, token, methods; and what every answer carries."""

import pytest
from aiohttp import ClientSession
from support.status import Start

from afpd.errors import ConfigError
from afpd.status.guard import is_loopback

PAGES = ["/status", "/livez", "/readyz", "/", "/nothing/here"]


@pytest.mark.parametrize("page", PAGES)
async def test_every_answer_errors_included_keeps_out_of_caches_frames_and_other_sites(
    page: str, start: Start, client: ClientSession
) -> None:
    async with client.get(await start() + page) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Server"] == "afpd"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("page", ["/status", "/nothing/here"])
async def test_nothing_can_be_changed(method: str, page: str, start: Start, client: ClientSession) -> None:
    async with client.request(method, await start() + page) as answer:
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize("page", PAGES[:3])
async def test_head_is_answered_without_a_body(page: str, start: Start, client: ClientSession) -> None:
    async with client.head(await start() + page) as answer:
        assert answer.status == 200
        assert await answer.read() == b""


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8800", "localhost.", "127.0.0.1:1", "[::1]:8800"])
async def test_loopback_names_are_served_on_any_port(host: str, start: Start, client: ClientSession) -> None:
    async with client.get(await start() + "/status", headers={"Host": host}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "host",
    [
        "bank.example",
        "bank.example:8800",
        "localhost.bank.example",
        "x@localhost",
        "127.0.0.1.bank.example",
        "[::2]",
        "",
    ],
)
async def test_a_page_elsewhere_that_points_its_name_here_reads_nothing(
    host: str, start: Start, client: ClientSession
) -> None:
    async with client.get(await start() + "/status", headers={"Host": host}) as answer:
        assert answer.status == 421
        assert "integrations" not in await answer.text()


async def test_the_configured_loopback_address_is_a_name_too(start: Start, client: ClientSession) -> None:
    port = (await start("127.0.0.3")).rpartition(":")[2]
    async with client.get(f"http://127.0.0.3:{port}/status") as answer:
        assert answer.status == 200


async def test_beyond_loopback_any_name_is_served_to_whoever_bears_the_token(
    start: Start, client: ClientSession
) -> None:
    base = await start("0.0.0.0", token=b"s3cret\n")
    headers = {"Host": "afpd.internal:8800", "Authorization": "bearer s3cret"}
    async with client.get(base + "/status", headers=headers) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic czNjcmV0", "Basic s3cret", "s3cret", "Bearer s3cret2"],
)
async def test_without_the_token_nothing_is_told(
    given: str | None, page: str, start: Start, client: ClientSession
) -> None:
    headers = {} if given is None else {"Authorization": given}
    async with client.get(await start(token=b"s3cret") + page, headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "integrations" not in await answer.text()


async def test_a_token_of_strange_bytes_is_refused_and_not_an_error(start: Start, client: ClientSession) -> None:
    headers = {"Authorization": "Bearer ñandú\udcff"}
    async with client.get(await start(token=b"s3cret") + "/status", headers=headers) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "afpd.internal"])
async def test_a_bind_beyond_loopback_needs_a_token(host: str, start: Start) -> None:
    with pytest.raises(ConfigError, match="needs a token"):
        await start(host)


@pytest.mark.parametrize("token", [b"", b" \n"])
async def test_an_empty_token_is_no_token(token: bytes, start: Start) -> None:
    with pytest.raises(ConfigError, match="empty"):
        await start(token=token)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("Localhost", True), ("0.0.0.0", False),
     ("::", False), ("localhost.example", False), ("", False)],
)  # fmt: skip
def test_only_addresses_of_this_machine_alone_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
