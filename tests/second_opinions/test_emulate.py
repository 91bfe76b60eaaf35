"""afpd's client follows a mailbox of emulate, a Gmail-like server that somebody else wrote.

It has no getProfile, no batch, no `from:(a OR b)` and no expired history, so this goes as far as it goes.
"""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from afpd.clock import SystemClock
from afpd.config import OAuthClient
from afpd.config.google import GmailSettings
from afpd.errors import AccessRevoked, MessageGone
from afpd.gmail import Access, Consent, Gmail, Mailbox, bank_queries, open_session

HERE = Path(__file__).parent
ANA = "ana@example.com"
SENDER = "bncontacto@bncr.fi.cr"
REDIRECT = "http://127.0.0.1:50123"
CLIENT = OAuthClient("afpd.apps.googleusercontent.com", "GOCSPX-invented")
_SECONDS_TO_START = 60


def seed() -> str:
    """The server's world, in JSON, which is YAML as well."""
    messages = [
        {"id": f"msg_{number}", "user_email": ANA, "from": f"Banco <{sender}>", "to": ANA, "subject": f"Aviso {number}",
         "body_text": f"Compra número {number}", "date": f"2026-11-{10 + number}T12:00:00.000Z", "label_ids": ["INBOX"]}
        for number, sender in enumerate([SENDER, "friend@example.net", SENDER], 1)
    ]  # fmt: skip
    client = {"client_id": CLIENT.client_id, "client_secret": CLIENT.client_secret, "redirect_uris": [REDIRECT]}
    return json.dumps(
        {"google": {"users": [{"email": ANA, "name": "Ana"}], "oauth_clients": [client], "messages": messages}}
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def url(node: str, tmp_path: Path) -> AsyncIterator[str]:
    """A running server; it ends with the test."""
    (tmp_path / "seed.yaml").write_text(seed())
    port = free_port()
    program = str(HERE / "node_modules" / "emulate" / "dist" / "index.js")
    words = ["start", "--service", "google", "--seed", str(tmp_path / "seed.yaml"), "--port", str(port)]
    quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
    process = await asyncio.create_subprocess_exec(node, program, *words, cwd=tmp_path, **quiet)
    try:
        await answering(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def answering(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_SECONDS_TO_START):
        while True:
            assert process.returncode is None, "emulate ended at once"
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.1)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
def settings(url: str) -> GmailSettings:
    return GmailSettings(
        api_url=url, token_url=f"{url}/oauth2/token", auth_url=f"{url}/o/oauth2/v2/auth", retry_base="1ms"
    )


@pytest.fixture
def gmail(session: aiohttp.ClientSession, settings: GmailSettings) -> Gmail:
    return Gmail(session, settings, CLIENT, SystemClock())


@pytest.fixture
async def refresh_token(session: aiohttp.ClientSession, settings: GmailSettings, gmail: Gmail) -> str:
    """A grant, by our own consent: the person's click is the form of the server's page."""
    consent = Consent(gmail, settings, CLIENT)
    async with session.get(consent.url(REDIRECT, ANA)) as page:
        fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', (await page.text()).replace("&amp;", "&")))
    async with session.post(f"{settings.auth_url}/callback", data=fields, allow_redirects=False) as answer:
        code = consent.code_from_pasted(answer.headers["Location"])
    issued = await gmail.redeem(code, consent._verifier, REDIRECT)
    assert issued.refresh_token is not None
    return issued.refresh_token


@pytest.fixture
def mailbox(gmail: Gmail, refresh_token: str) -> Mailbox:
    return gmail.mailbox(Access(refresh_token))


async def search(mailbox: Mailbox, sender: str) -> list[str]:
    # One sender, without the parentheses that this server does not know.
    (query,) = bank_queries([sender], datetime(2026, 11, 1, tzinfo=UTC))
    page = await mailbox.search(query.replace("(", "").replace(")", ""))
    return list(page.ids)


async def test_a_grant_is_refreshed_and_opens_the_mailbox(gmail: Gmail, refresh_token: str) -> None:
    access = Access(refresh_token)
    assert await search(gmail.mailbox(access), SENDER) != []
    assert access.renewed is not None


async def test_a_search_for_one_sender_finds_its_mail_alone(mailbox: Mailbox) -> None:
    assert sorted(await search(mailbox, SENDER)) == ["msg_1", "msg_3"]


async def test_a_message_comes_whole(mailbox: Mailbox) -> None:
    message = await mailbox.raw("msg_3")
    assert message.email_message_id == "msg_3"
    assert b"bncontacto@bncr.fi.cr" in message.raw
    assert "Compra número 3" in message.raw.decode()
    assert message.received_at == datetime(2026, 11, 13, 12, tzinfo=UTC)


async def test_a_message_that_is_not_there_is_gone(mailbox: Mailbox) -> None:
    with pytest.raises(MessageGone):
        await mailbox.raw("msg_nowhere")


async def test_history_tells_of_what_was_added(
    mailbox: Mailbox, gmail: Gmail, refresh_token: str, session: aiohttp.ClientSession, settings: GmailSettings
) -> None:
    access = Access(refresh_token)
    await search(gmail.mailbox(access), SENDER)
    async with session.get(f"{settings.api_url}/gmail/v1/users/me/messages/msg_3", headers=bearer(access)) as answer:
        start = (await answer.json())["historyId"]
    raw = {"raw": "RnJvbTogYkBleGFtcGxlLm5ldA0KVG86IGFuYUBleGFtcGxlLmNvbQ0KU3ViamVjdDogeA0KDQp5"}
    inserting = f"{settings.api_url}/gmail/v1/users/me/messages"
    async with session.post(inserting, json=raw, headers=bearer(access)) as answer:
        added = (await answer.json())["id"]

    history = await mailbox.history(start)

    assert added in history.added
    assert int(history.cursor) > int(start)


async def test_a_grant_that_is_none_is_revoked(gmail: Gmail) -> None:
    with pytest.raises(AccessRevoked):
        await search(gmail.mailbox(Access("google_refresh_invented")), SENDER)


def bearer(access: Access) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.token}"}
