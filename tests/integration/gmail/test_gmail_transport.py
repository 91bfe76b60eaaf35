"""What can go wrong on the wire, on real sockets: each trouble has its own words, and none shows a secret."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from afpd.errors import Unavailable
from afpd.gmail import open_session
from afpd.gmail.transport import Answer, AnswerTooLarge, Transport

Serve = Callable[[Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]], Awaitable[str]]
BEARER = {"Authorization": "Bearer s3cret-token"}


@asynccontextmanager
async def speaking(reply: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve a raw TCP reply on a port of this machine; None resets the connection."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        if reply is None:
            writer.transport.abort()
            return
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def get(session: aiohttp.ClientSession, url: str, most_bytes: int = 1000, seconds: float = 5.0) -> Answer:
    transport = Transport(session)
    return await transport.request(
        "GET", URL(url), headers=BEARER, most_bytes=most_bytes, timeout_seconds=seconds, secrets=["s3cret-token"]
    )


async def trouble_with(session: aiohttp.ClientSession, url: str, seconds: float = 5.0) -> str:
    with pytest.raises(Unavailable) as caught:
        await get(session, url, seconds=seconds)
    # A chained exception of the library would carry the request's headers into a traceback.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "s3cret" not in str(caught.value)
    assert "q=" not in str(caught.value)
    return str(caught.value)


async def test_a_refused_connection_is_told(session: aiohttp.ClientSession) -> None:
    async with speaking(b"") as port:
        pass
    assert "Connection refused" in await trouble_with(session, f"http://127.0.0.1:{port}/?q=1")


async def test_a_name_that_does_not_resolve_is_told(session: aiohttp.ClientSession) -> None:
    assert "afpd.invalid cannot be resolved" in await trouble_with(session, "http://afpd.invalid/?q=1")


async def test_a_reset_connection_is_told(session: aiohttp.ClientSession) -> None:
    async with speaking(None) as port:
        words = await trouble_with(session, f"http://127.0.0.1:{port}/?q=1")
    assert "broke" in words or "closed the connection" in words


async def test_a_connection_closed_without_an_answer_is_told(session: aiohttp.ClientSession) -> None:
    async with speaking(b"") as port:
        assert "without an answer" in await trouble_with(session, f"http://127.0.0.1:{port}/")


async def test_an_answer_that_is_no_http_is_told(session: aiohttp.ClientSession) -> None:
    async with speaking(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as port:
        assert "not HTTP" in await trouble_with(session, f"http://127.0.0.1:{port}/")


async def test_a_body_that_is_cut_off_is_told(session: aiohttp.ClientSession) -> None:
    async with speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") as port:
        assert "cut off" in await trouble_with(session, f"http://127.0.0.1:{port}/")


async def test_a_body_that_cannot_be_unpacked_is_told(session: aiohttp.ClientSession) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
    async with speaking(reply) as port:
        assert "cannot be unpacked" in await trouble_with(session, f"http://127.0.0.1:{port}/")


async def test_silence_ends_with_the_time_that_was_given(session: aiohttp.ClientSession, serve: Serve) -> None:
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    url = await serve(hang)
    assert "No answer from 127.0.0.1 in time" in await trouble_with(session, url, seconds=0.1)


async def test_a_server_without_tls_is_told(session: aiohttp.ClientSession) -> None:
    async with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "TLS handshake failed" in await trouble_with(session, f"https://127.0.0.1:{port}/")


async def test_a_certificate_that_is_not_trusted_is_told(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with speaking(b"", tls=self_signed(tmp_path)) as port:
        words = await trouble_with(session, f"https://127.0.0.1:{port}/")
    assert "certificate of 127.0.0.1 is not trusted" in words
    assert "self" in words


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


async def test_a_body_beyond_the_limit_is_not_read_to_its_end(session: aiohttp.ClientSession, serve: Serve) -> None:
    async def much(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"x" * 1001)

    with pytest.raises(AnswerTooLarge):
        await get(session, await serve(much), most_bytes=1000)
    assert len((await get(session, await serve(much), most_bytes=1001)).body) == 1001


async def test_a_small_body_that_unpacks_to_a_huge_one_is_stopped(session: aiohttp.ClientSession, serve: Serve) -> None:
    async def bomb(request: web.BaseRequest) -> web.StreamResponse:
        packed = gzip.compress(bytes(50_000_000))
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    with pytest.raises(AnswerTooLarge):
        await get(session, await serve(bomb), most_bytes=100_000)


async def test_of_a_huge_error_only_the_beginning_is_read(session: aiohttp.ClientSession, serve: Serve) -> None:
    async def much(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=500, body=b"x" * 5_000_000)

    answer = await get(session, await serve(much))
    assert answer.status == 500
    assert len(answer.body) == 64 * 1024


async def test_google_s_gzip_is_asked_for_and_unpacked(session: aiohttp.ClientSession, serve: Serve) -> None:
    asked: list[str] = []

    async def packed(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.headers["User-Agent"] + request.headers["Accept-Encoding"])
        return web.Response(body=gzip.compress(b'{"a":1}'), headers={"Content-Encoding": "gzip"})

    assert (await get(session, await serve(packed))).json() == {"a": 1}
    assert asked[0].startswith("afpd/")
    assert asked[0].count("gzip") == 2


async def test_a_redirect_is_not_followed_and_takes_no_token_along(
    session: aiohttp.ClientSession, serve: Serve
) -> None:
    reached: list[str] = []

    async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
        reached.append(request.path)
        return web.Response()

    target = await serve(elsewhere)

    async def redirect(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    assert (await get(session, await serve(redirect))).status == 302
    assert reached == []


async def test_cookies_of_one_mailbox_never_reach_the_next(session: aiohttp.ClientSession, serve: Serve) -> None:
    cookies: list[str | None] = []

    async def set_cookie(request: web.BaseRequest) -> web.StreamResponse:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "who=ana"})

    url = (await serve(set_cookie)).replace("127.0.0.1", "localhost")
    await get(session, url)
    await get(session, url)
    assert cookies == [None, None]


async def test_a_token_that_the_server_repeats_is_blotted_out_of_what_is_told(
    session: aiohttp.ClientSession, serve: Serve
) -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=400, text=f"you sent {request.headers['Authorization']}")

    answer = await get(session, await serve(echo))
    assert answer.without_secrets(answer.body.decode()) == "you sent Bearer (secret)"
    assert "s3cret" not in repr(answer)


async def test_the_server_s_time_is_known(session: aiohttp.ClientSession, serve: Serve) -> None:
    async def dated(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(headers={"Date": "Thu, 12 Nov 2026 11:16:42 GMT"})

    assert (await get(session, await serve(dated))).server_time == datetime(2026, 11, 12, 11, 16, 42, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "Thu, 99 Nov 2026 11:16:42 GMT", "Thu, 12 Nov 2026"])
def test_a_server_without_a_proper_date_has_no_time(text: str) -> None:
    assert Answer(200, {"Date": text}, b"").server_time is None


async def test_a_proxy_of_the_environment_is_used_and_its_refusal_told(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    through: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.StreamResponse:
        through.append(f"{request.method} {request.raw_path}")
        return web.Response(status=200 if request.method == "GET" else 403)

    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    address = await serve(proxy)
    monkeypatch.setenv("http_proxy", address)
    monkeypatch.setenv("https_proxy", address)
    async with open_session() as session:
        assert (await get(session, "http://gmail.invalid/x")).status == 200
        assert "proxy" in await trouble_with(session, "https://gmail.invalid/x")
    assert through == ["GET http://gmail.invalid/x", "CONNECT gmail.invalid:443"]
