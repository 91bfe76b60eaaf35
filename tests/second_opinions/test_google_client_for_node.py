"""Google's own client for Node finds in the sandbox what it would find in Gmail."""

import asyncio
import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from support.sandbox_caller import ANA

from afpd.sandbox import Sandbox
from afpd.sandbox.letters import layouts

SCRIPT = Path(__file__).parent / "google_client.mjs"
_SECONDS = 60


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(seed=1)
    sandbox.add_user(ANA)
    for name in layouts():
        sandbox.deliver(ANA, sandbox.write_letter(ANA, name))
    return sandbox


async def asked(node: str, sandbox: Sandbox, url: str, **wanted: str) -> dict[str, Any]:
    """What the client got, whose process must end well."""
    client = sandbox.client_secret(url)["installed"]
    question = {
        "url": url,
        "token_url": client["token_uri"],
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "refresh_token": sandbox.mailboxes[ANA].refresh_token,
        **wanted,
    }
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(node, str(SCRIPT), **pipes)
    async with asyncio.timeout(_SECONDS):
        out, errors = await process.communicate(json.dumps(question).encode())
    assert process.returncode == 0, errors.decode()
    answer: dict[str, Any] = json.loads(out)
    return answer


async def test_it_signs_in_searches_gets_and_follows_history(node: str, sandbox: Sandbox) -> None:
    mailbox = sandbox.mailboxes[ANA]
    bank_mail = {one["id"] for one in sandbox.mails() if one["layout"].startswith("cr-bn")}
    start = str(mailbox.history_id)
    new = [mailbox.deliver(b"From: a@example.net\r\n\r\nx") for _ in range(5)]

    async with sandbox.serve() as url:
        answer = await asked(node, sandbox, url, q="from:(bncr.fi.cr OR nobody.example)", start_history_id=start)

    assert answer["email_address"] == ANA
    assert set(answer["ids"]) == bank_mail
    assert len(answer["ids"]) == len(bank_mail)
    assert urlsafe_b64decode(answer["raw"] + "==") == mailbox.messages[answer["ids"][0]].raw
    assert answer["added"] == new


async def test_it_reads_the_refusals_as_googles(node: str, sandbox: Sandbox) -> None:
    sandbox.mailboxes[ANA].expire_history()

    async with sandbox.serve() as url:
        now = str(sandbox.mailboxes[ANA].history_id)
        answer = await asked(node, sandbox, url, q="from:bncr.fi.cr", start_history_id=now)

    assert answer["missing"] == {"status": 404, "message": "Requested entity was not found."}
    assert answer["expired"] == {"status": 404, "message": "Requested entity was not found."}
