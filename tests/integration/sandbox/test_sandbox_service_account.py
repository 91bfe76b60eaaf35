"""The sandbox's service account: only a claim that its key signed, for it, for an hour at most, opens a mailbox."""

from typing import Any

import pytest
from google.auth import crypt, jwt
from support.sandbox_caller import Caller

from afpd.sandbox import Sandbox
from afpd.sandbox.service_accounts import ACCOUNT, GRANT_TYPE, Delegation

ANA = "ana@example.com"
READONLY = "https://www.googleapis.com/auth/gmail.readonly"


async def claim(caller: Caller, key: dict[str, Any] | None = None, **changes: Any) -> tuple[int, Any]:
    now = int(caller.sandbox.clock.now().timestamp())
    whole = {"iss": ACCOUNT, "sub": ANA, "scope": READONLY, "aud": f"{caller.url}/token", "iat": now, "exp": now + 3600}
    own = caller.sandbox.tokens.delegation.key_file(caller.url)
    signer = crypt.RSASigner.from_service_account_info(key or own)
    form = {"grant_type": GRANT_TYPE, "assertion": jwt.encode(signer, whole | changes).decode()}
    async with caller.session.post(f"{caller.url}/token", data=form) as response:
        return response.status, await response.json()


async def test_a_true_claim_opens_the_mailbox_of_its_subject(caller: Caller) -> None:
    status, answer = await claim(caller)
    assert status == 200
    assert "refresh_token" not in answer
    caller.token = answer["access_token"]
    assert (await caller.get("profile"))[1]["emailAddress"] == ANA


async def test_another_key_signs_nothing(caller: Caller) -> None:
    status, answer = await claim(caller, key=Delegation().key_file(caller.url))
    assert (status, answer["error"], answer["error_description"]) == (400, "invalid_grant", "Invalid JWT Signature.")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"sub": "nobody@example.com"}, 400, "invalid_grant"),
        ({"iss": "somebody@else.example"}, 400, "invalid_grant"),
        ({"aud": "https://oauth2.example/token"}, 400, "invalid_grant"),
        ({"scope": "https://mail.google.com/"}, 401, "unauthorized_client"),
        ({"scope": ""}, 401, "unauthorized_client"),
        ({"exp": 1}, 400, "invalid_grant"),
        ({"exp": 99_999_999_999}, 400, "invalid_grant"),
    ],
)
async def test_a_claim_that_is_not_true_is_refused(
    caller: Caller, changes: dict[str, Any], status: int, error: str
) -> None:
    got, answer = await claim(caller, **changes)
    assert (got, answer["error"]) == (status, error)


@pytest.mark.parametrize("assertion", ["", "a.b", "a.b.c", "e30.e30.e30", "é.é.é"])
async def test_what_is_no_claim_is_refused(caller: Caller, assertion: str) -> None:
    form = {"grant_type": GRANT_TYPE, "assertion": assertion}
    async with caller.session.post(f"{caller.url}/token", data=form) as response:
        assert (response.status, (await response.json())["error"]) == (400, "invalid_grant")


async def test_a_domain_may_refuse(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.tokens.delegation.refusing.add("example.com")
    assert (await claim(caller))[1]["error"] == "unauthorized_client"
