"""How a grant comes about: consent page, loopback redirect or pasted address, exchange."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
import pytest
from support.scripted_gmail import CLIENT, Scripted

from afpd.config import OAuthClient
from afpd.config.google import GmailSettings
from afpd.errors import AccessDenied, ClientRejected, Unavailable
from afpd.gmail import Consent, Gmail, listen_on_loopback, manual_redirect
from afpd.sandbox import Sandbox
from afpd.sandbox.tokens import CLIENT_ID, CLIENT_SECRET

ANA = "ana@example.com"
READ = "https://www.googleapis.com/auth/gmail.readonly"


def settings_at(url: str) -> GmailSettings:
    return GmailSettings(api_url=url, token_url=f"{url}/token", auth_url=f"{url}/auth")


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(seed=7)
    made.add_user(ANA)
    return made


@pytest.fixture
async def consent(sandbox: Sandbox, gmail_at: Callable[..., Gmail]) -> AsyncIterator[Consent]:
    async with sandbox.serve() as url:
        client = OAuthClient(CLIENT_ID, CLIENT_SECRET)
        yield Consent(gmail_at(url, client), settings_at(url), client)


@pytest.fixture
def scripted_consent(scripted: Scripted, gmail_at: Callable[..., Gmail]) -> Consent:
    scripted.answers = [(200, {"emailAddress": ANA, "historyId": "7"})]
    return Consent(gmail_at(scripted.url), settings_at(scripted.url), CLIENT)


async def browse(url: str) -> tuple[int, str]:
    """Open a page as a browser does, redirects followed."""
    async with aiohttp.ClientSession() as browser, browser.get(url) as page:
        return page.status, await page.text()


async def redirect_of(url: str) -> str:
    """Open the consent page and return where it redirects to, as the address bar shows it."""
    async with aiohttp.ClientSession() as browser, browser.get(url, allow_redirects=False) as page:
        return page.headers["Location"]


async def test_a_person_agrees_in_a_browser_and_the_grant_opens_the_mailbox(sandbox: Sandbox, consent: Consent) -> None:
    async with listen_on_loopback(consent) as loopback:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", loopback.redirect_uri)
        status, page = await browse(consent.url(loopback.redirect_uri, ANA))
        code = await loopback.code()
    assert status == 200
    assert "Thank you" in page
    granted = await consent.exchange(code, loopback.redirect_uri)
    assert granted.email_address == ANA
    assert granted.scopes == {READ}
    assert granted.refresh_token == sandbox.mailboxes[ANA].refresh_token


async def test_the_consent_page_is_asked_for_a_lasting_grant_with_pkce(consent: Consent) -> None:
    query = {name: value[0] for name, value in parse_qs(urlsplit(consent.url("http://127.0.0.1:5", ANA)).query).items()}
    assert len(query.pop("state")) >= 32
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "redirect_uri": "http://127.0.0.1:5",
        "scope": READ,
        "access_type": "offline",
        "prompt": "consent",
        "code_challenge_method": "S256",
        "login_hint": ANA,
    }


async def test_a_person_without_a_browser_here_pastes_the_address_that_did_not_load(consent: Consent) -> None:
    redirect_uri = manual_redirect()
    address = await redirect_of(consent.url(redirect_uri, ANA))
    code = consent.code_from_pasted(f'  "{address}"\n')
    assert (await consent.exchange(code, redirect_uri)).email_address == ANA


async def test_the_bare_code_can_be_pasted_too_as_it_stands_in_the_address(consent: Consent) -> None:
    redirect_uri = manual_redirect()
    address = await redirect_of(consent.url(redirect_uri, ANA))
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert consent.code_from_pasted(code) == code
    assert consent.code_from_pasted(quote(code, safe="")) == code
    assert consent.code_from_pasted(urlsplit(address).query) == code


@pytest.mark.parametrize(
    "text",
    ["", "  ", "http://127.0.0.1:5/", "http://127.0.0.1:5/?state=x&code=y", "no idea what you mean", "?code=4/0x"],
)
async def test_a_pasted_text_without_our_code_is_refused(consent: Consent, text: str) -> None:
    with pytest.raises(AccessDenied):
        consent.code_from_pasted(text)


async def test_a_no_is_told_as_such(sandbox: Sandbox, consent: Consent) -> None:
    sandbox.tokens.consent.deny = True
    async with listen_on_loopback(consent) as loopback:
        _, page = await browse(consent.url(loopback.redirect_uri))
        with pytest.raises(AccessDenied, match="not granted"):
            await loopback.code()
    assert "was not granted" in page


async def test_strangers_at_the_loopback_are_turned_away_and_change_nothing(consent: Consent) -> None:
    async with listen_on_loopback(consent) as loopback:
        strange = loopback.redirect_uri
        for visit in ("/?state=guess&code=evil", "/?code=evil", "/", "/?error=access_denied", "/?state=%C3%B1"):
            assert (await browse(strange + visit))[0] == 400
        assert (await browse(f"{strange}/favicon.ico"))[0] == 404
        await browse(consent.url(strange, ANA))
        assert (await loopback.code()) != "evil"


async def test_nobody_coming_ends_the_waiting(consent: Consent) -> None:
    async with listen_on_loopback(consent) as loopback:
        with pytest.raises(Unavailable, match="--manual"):
            await loopback.code(timedelta(milliseconds=20))


async def test_what_the_loopback_receives_is_logged_nowhere(consent: Consent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with listen_on_loopback(consent) as loopback:
        await browse(consent.url(loopback.redirect_uri, ANA))
        code = await loopback.code()
    assert code not in caplog.text


async def test_a_box_that_was_not_ticked_is_named(sandbox: Sandbox, consent: Consent) -> None:
    sandbox.tokens.consent.scope = "openid email"
    redirect_uri = manual_redirect()
    code = consent.code_from_pasted(await redirect_of(consent.url(redirect_uri, ANA)))
    with pytest.raises(AccessDenied, match=r"tick all of: https://www\.googleapis\.com/auth/gmail\.readonly"):
        await consent.exchange(code, redirect_uri)


async def test_a_code_works_once(consent: Consent) -> None:
    redirect_uri = manual_redirect()
    code = consent.code_from_pasted(await redirect_of(consent.url(redirect_uri, ANA)))
    await consent.exchange(code, redirect_uri)
    with pytest.raises(AccessDenied, match="start again"):
        await consent.exchange(code, redirect_uri)


async def test_a_code_of_another_attempt_does_not_fit_this_one_s_verifier(
    consent: Consent, gmail_at: Callable[..., Gmail]
) -> None:
    redirect_uri = manual_redirect()
    address = await redirect_of(consent.url(redirect_uri, ANA))
    url = f"http://{urlsplit(consent.url(redirect_uri)).netloc}"
    client = OAuthClient(CLIENT_ID, CLIENT_SECRET)
    other = Consent(gmail_at(url, client), settings_at(url), client)
    with pytest.raises(AccessDenied, match="another attempt"):
        other.code_from_pasted(address)
    with pytest.raises(AccessDenied):
        await other.exchange(consent.code_from_pasted(address), redirect_uri)


async def test_a_rejected_client_is_the_operator_s(sandbox: Sandbox, consent: Consent) -> None:
    redirect_uri = manual_redirect()
    code = consent.code_from_pasted(await redirect_of(consent.url(redirect_uri, ANA)))
    sandbox.tokens.client_rejected = True
    with pytest.raises(ClientRejected):
        await consent.exchange(code, redirect_uri)


async def test_a_grant_without_a_refresh_token_says_what_to_do(scripted: Scripted, scripted_consent: Consent) -> None:
    scripted.token_answers = [(200, {"access_token": "t", "expires_in": 3600, "scope": READ})]
    with pytest.raises(AccessDenied, match="connections"):
        await scripted_consent.exchange("code", "http://127.0.0.1:5")


async def test_an_answer_without_a_scope_means_the_scope_that_was_asked_for(
    scripted: Scripted, scripted_consent: Consent
) -> None:
    scripted.token_answers = [(200, {"access_token": "t", "expires_in": 3600, "refresh_token": "s3cret"})]
    granted = await scripted_consent.exchange("code", "http://127.0.0.1:5")
    assert granted.scopes == {READ}
    assert "s3cret" not in repr(granted)
    assert ANA not in repr(granted)


async def test_a_failing_endpoint_is_asked_once_since_a_code_works_once(
    scripted: Scripted, scripted_consent: Consent
) -> None:
    scripted.token_answers = [(503, b"")]
    with pytest.raises(Unavailable):
        await scripted_consent.exchange("code", "http://127.0.0.1:5")
    assert len(scripted.forms) == 1
    assert scripted.forms[0]["code"] == "code"
    assert len(scripted.forms[0]["code_verifier"]) >= 43
