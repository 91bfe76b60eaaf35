"""How a person lets afpd read a mailbox: Google's consent page, and the grant that its code is exchanged for.

Sources: RFC 8252 (native apps), RFC 7636 (PKCE), and Google's "OAuth 2.0 for Mobile & Desktop Apps".
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from afpd.config import OAuthClient
from afpd.config.google import GmailSettings
from afpd.errors import AccessDenied
from afpd.gmail.access import Access
from afpd.gmail.client import Gmail
from afpd.gmail.issued import Issued
from afpd.gmail.words import harmless


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant: its tokens, until when (UTC) the access token is used, its scopes, and whose mailbox it opens."""

    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    email_address: str = field(repr=False)


class Consent:
    """One attempt to get a grant. Its state and verifier serve once: make a new one for the next attempt."""

    def __init__(self, gmail: Gmail, settings: GmailSettings, client: OAuthClient) -> None:
        self._gmail = gmail
        self._settings = settings
        self._client = client
        self._state = secrets.token_urlsafe(32)
        self._verifier = secrets.token_urlsafe(64)

    def url(self, redirect_uri: str, login_hint: str = "") -> str:
        """Return the address of the consent page to open in a browser; `login_hint` is the mailbox's address."""
        # prompt=consent: without it Google gives a refresh token only the first time.
        query = {
            "client_id": self._client.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": self._settings.scope,
            "access_type": "offline",
            "prompt": "consent",
            "state": self._state,
            "code_challenge": _challenge(self._verifier),
            "code_challenge_method": "S256",
        }
        hint = {"login_hint": login_hint} if login_hint else {}
        return f"{self._settings.auth_url}?{urlencode(query | hint)}"

    def is_ours(self, parameters: Mapping[str, str]) -> bool:
        """Tell, in constant time, whether a redirect carries this attempt's state."""
        return hmac.compare_digest(parameters.get("state", "").encode(), self._state.encode())

    def code_from(self, parameters: Mapping[str, str]) -> str:
        """Return the code of a redirect. Raises `AccessDenied` when it is another attempt's or the answer was no."""
        if not self.is_ours(parameters):
            raise AccessDenied("This answer belongs to another attempt; start again and use the newest link")
        error = parameters.get("error", "")
        if error == "access_denied":
            raise AccessDenied("Access was not granted on Google's page")
        if error or not parameters.get("code"):
            raise AccessDenied(f"Google's page gave no code ({harmless(error) or 'no reason either'})")
        return parameters["code"]

    def code_from_pasted(self, text: str) -> str:
        """Return the code in what a person pasted: the whole address that did not load, or the bare code.

        Raises `AccessDenied` as `code_from` does, and for text that holds no code.
        """
        pasted = text.strip().strip("'\"<>")
        query = urlsplit(pasted).query if "://" in pasted or pasted.startswith(("/?", "?")) else ""
        if not query and ("code=" in pasted or "error=" in pasted):
            query = pasted.rpartition("?")[2]
        if query:
            return self.code_from(dict(parse_qsl(query)))
        if not pasted or "://" in pasted or any(character.isspace() for character in pasted):
            raise AccessDenied("There is no code in it: paste the whole address of the page that did not load")
        return unquote(pasted)

    async def exchange(self, code: str, redirect_uri: str) -> Granted:
        """Return the grant that `code` stands for, and whose mailbox it opens; `redirect_uri` as given to `url`.

        Raises `AccessDenied` in words for a used code, a scope that was not ticked or a missing refresh token,
        `ClientRejected`, and `Unavailable`.
        """
        issued = await self._gmail.redeem(code, self._verifier, redirect_uri)
        scopes = self._checked_scopes(issued)
        if issued.refresh_token is None:
            raise AccessDenied(
                "Google gave no lasting grant (no refresh token): remove afpd at "
                "https://myaccount.google.com/connections and connect again"
            )
        access = Access(issued.refresh_token, issued.access_token, issued.expires_at)
        profile = await self._gmail.mailbox(access).profile()
        return Granted(issued.refresh_token, issued.access_token, issued.expires_at, scopes, profile.email_address)

    def _checked_scopes(self, issued: Issued) -> frozenset[str]:
        asked = frozenset(self._settings.scope.split())
        granted = asked if issued.scopes is None else issued.scopes
        if asked - granted:
            raise AccessDenied(
                "The box that lets afpd read the mail was not ticked on Google's page; "
                f"connect again and tick all of: {', '.join(sorted(asked - granted))}"
            )
        return granted


def manual_redirect() -> str:
    """Return a redirect for a machine without a browser: it fails to load, and its address is pasted back.

    Google ended the out-of-band redirect in 2023; a loopback address works with any port (RFC 8252, section 7.3).
    """
    return f"http://127.0.0.1:{49152 + secrets.randbelow(16384)}"


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
