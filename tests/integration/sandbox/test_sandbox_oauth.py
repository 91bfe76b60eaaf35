"""Tokens and the consent page."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
from support.sandbox_caller import Caller

from afpd.sandbox import Fault, Sandbox
from afpd.sandbox.tokens import s256

ANA = "ana@example.com"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
READONLY = "https://www.googleapis.com/auth/gmail.readonly"


async def test_a_refresh_gives_a_token_with_its_life_and_scope(caller: Caller) -> None:
    status, answer = await caller.refresh()
    assert status == 200
    assert answer | {"access_token": ""} == {
        "access_token": "", "expires_in": 3599, "scope": READONLY, "token_type": "Bearer",
    }  # fmt: skip


async def test_an_access_token_really_expires(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.tokens.life = 0.1
    caller.token = (await caller.refresh())[1]["access_token"]
    assert (await caller.get("profile"))[0] == 200
    await asyncio.sleep(0.15)
    assert (await caller.get("profile"))[0] == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"refresh_token": "1//unknown"}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_wrong_forms_get_oauth_errors(form: dict[str, str], status: int, error: str, caller: Caller) -> None:
    got, answer = await caller.refresh(**form)
    assert (got, answer["error"]) == (status, error)


async def test_a_revoked_user_gets_invalid_grant_and_tokens_end_at_once(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.revoke(ANA)
    assert (await caller.get("profile"))[0] == 401
    status, answer = await caller.refresh()
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_an_expired_token_fault_ends_the_token_but_not_the_grant(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.EXPIRED_TOKEN_401, first=1)
    assert [(await caller.get("profile"))[0] for _ in range(2)] == [401, 401]
    caller.token = (await caller.refresh())[1]["access_token"]
    assert (await caller.get("profile"))[0] == 200


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault.INVALID_GRANT, "invalid_grant"), (Fault.INVALID_CLIENT, "invalid_client")]
)
async def test_a_passing_oauth_error_passes(fault: Fault, error: str, caller: Caller, sandbox: Sandbox) -> None:
    sandbox.faults.add(fault, user=ANA, first=1)
    assert (await caller.refresh())[1]["error"] == error
    assert (await caller.refresh())[0] == 200


async def test_a_token_can_be_revoked_at_its_address(caller: Caller, sandbox: Sandbox) -> None:
    token = sandbox.mailboxes[ANA].refresh_token
    async with caller.session.post(f"{caller.url}/revoke", data={"token": token}) as response:
        assert response.status == 200
    assert sandbox.mailboxes[ANA].revoked


async def consent(caller: Caller, **changes: str) -> tuple[int, dict[str, str]]:
    query = {
        "client_id": caller.sandbox.client_secret(caller.url)["installed"]["client_id"],
        "redirect_uri": "http://127.0.0.1:9/back",
        "response_type": "code",
        "scope": READONLY,
        "state": "s-1",
        "code_challenge": s256(VERIFIER),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
    } | changes
    async with caller.session.get(f"{caller.url}/auth", params=query, allow_redirects=False) as response:
        told = parse_qs(urlsplit(response.headers.get("Location", "")).query)
        return response.status, {name: values[0] for name, values in told.items()}


async def redeem(caller: Caller, code: str, **changes: str):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1:9/back"}
    return await caller.refresh(**(form | {"code_verifier": VERIFIER} | changes))


async def test_consent_leads_to_a_refresh_token_and_a_code_works_once(caller: Caller, sandbox: Sandbox) -> None:
    status, told = await consent(caller)
    assert (status, told["state"], told["scope"]) == (302, "s-1", READONLY)
    status, answer = await redeem(caller, told["code"])
    assert (status, answer["refresh_token"]) == (200, sandbox.mailboxes[ANA].refresh_token)
    status, answer = await redeem(caller, told["code"])
    assert (status, answer["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"code_verifier": "wrong"}, "invalid_grant"), ({"redirect_uri": "http://other"}, "redirect_uri_mismatch")],
)
async def test_a_stolen_code_is_of_no_use(changes: dict[str, str], error: str, caller: Caller) -> None:
    _, told = await consent(caller)
    assert (await redeem(caller, told["code"], **changes))[1]["error"] == error


async def test_a_user_may_deny(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.tokens.consent.deny = True
    assert await consent(caller) == (302, {"error": "access_denied", "state": "s-1"})


async def test_a_user_may_grant_less_than_was_asked(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.tokens.consent.scope = "openid"
    _, told = await consent(caller)
    assert (await redeem(caller, told["code"]))[1]["scope"] == "openid"


async def test_somebody_else_may_be_signed_in(caller: Caller, sandbox: Sandbox) -> None:
    bo = sandbox.add_user("bo@example.com")
    sandbox.tokens.consent.user = "bo@example.com"
    _, told = await consent(caller, login_hint=ANA)
    assert (await redeem(caller, told["code"]))[1]["refresh_token"] == bo.refresh_token


async def test_signing_in_again_after_a_revocation_gives_a_new_token(caller: Caller, sandbox: Sandbox) -> None:
    mailbox = sandbox.mailboxes[ANA]
    old = mailbox.refresh_token
    sandbox.revoke(ANA)
    _, told = await consent(caller)
    _, answer = await redeem(caller, told["code"])
    assert answer["refresh_token"] == mailbox.refresh_token != old
    assert (await caller.refresh())[0] == 200
    assert (await caller.refresh(refresh_token=old))[0] == 400


@pytest.mark.parametrize(
    "changes", [{"client_id": "x"}, {"response_type": "token"}, {"code_challenge_method": "plain"}]
)
async def test_a_wrong_consent_request_is_not_redirected(changes: dict[str, str], caller: Caller) -> None:
    assert await consent(caller, **changes) == (400, {})
