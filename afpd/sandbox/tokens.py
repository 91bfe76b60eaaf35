"""The OAuth side: refresh tokens, access tokens that really expire, the consent page's codes with PKCE, signed claims.

Sources: RFC 6749 (token endpoint), RFC 7636 (PKCE S256), "OAuth 2.0 for Mobile & Desktop Apps" of Google Identity.
"""

import hashlib
import random
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from afpd.clock import Clock
from afpd.sandbox.answers import Answer, json_answer
from afpd.sandbox.fault_answers import oauth_error
from afpd.sandbox.mailbox import Mailbox
from afpd.sandbox.service_accounts import GRANT_TYPE, Delegation, Objection, subject_of

CLIENT_ID = "100000000001-sandbox.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-sandbox-secret"  # noqa: S105 - the sandbox's own, it opens nothing

_KEPT_TOKENS = 16


@dataclass(slots=True)
class Consent:
    """What the consent page does next: for whom it agrees (None: login_hint, else the first user), or denies.

    `scope` grants less (or other) than was asked; None grants what was asked.
    """

    user: str | None = None
    deny: bool = False
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class _Code:
    mailbox: Mailbox
    redirect_uri: str
    challenge: str
    scope: str


class TokenDesk:
    """Issues and checks tokens for a set of mailboxes. `life` is an access token's, in seconds."""

    def __init__(self, clock: Clock, seed: int, life: float = 3599.0) -> None:
        self.life = life
        self.consent = Consent()
        self.delegation = Delegation()
        self.client_rejected = False
        self.issued = 0
        self._clock = clock
        self._random = random.Random(f"tokens:{seed}")
        self._by_refresh: dict[str, Mailbox] = {}
        self._access: dict[str, tuple[Mailbox, float]] = {}
        self._kept: dict[str, list[str]] = {}
        self._codes: dict[str, _Code] = {}

    def register(self, mailbox: Mailbox) -> None:
        """Let the mailbox's refresh token open it."""
        self._by_refresh[mailbox.refresh_token] = mailbox

    def revoke(self, mailbox: Mailbox) -> None:
        """Take the grant away: refreshing answers invalid_grant, and access tokens end at once."""
        mailbox.revoked = True
        self.expire(mailbox)

    def expire(self, mailbox: Mailbox) -> None:
        """End the mailbox's access tokens; the refresh token goes on."""
        for token in self._kept.pop(mailbox.email_address, ()):
            self._access.pop(token, None)

    def owner_of(self, refresh_token: str) -> Mailbox | None:
        """Return whose refresh token it is, or None."""
        return self._by_refresh.get(refresh_token)

    def meant_by(self, form: Mapping[str, str]) -> Mailbox | None:
        """Return whose mailbox a form of the token endpoint is about, or None."""
        if "assertion" in form:
            return self._of(subject_of(form["assertion"]))
        return self.owner_of(form.get("refresh_token", ""))

    def people(self) -> list[str]:
        """Return the addresses that can sign in."""
        return [mailbox.email_address for mailbox in self._by_refresh.values()]

    def open(self, access_token: str) -> Mailbox | None:
        """Return the mailbox that a living access token opens, or None."""
        found = self._access.get(access_token)
        if found is None or self._clock.monotonic() >= found[1]:
            return None
        return found[0]

    def access_token(self, mailbox: Mailbox) -> str:
        """Return a new access token for the mailbox, living `life` seconds."""
        token = f"ya29.{self._random.getrandbits(160):040x}"
        kept = self._kept.setdefault(mailbox.email_address, [])
        kept.append(token)
        if len(kept) > _KEPT_TOKENS:
            self._access.pop(kept.pop(0), None)
        self._access[token] = (mailbox, self._clock.monotonic() + self.life)
        self.issued += 1
        return token

    def exchange(self, form: Mapping[str, str], url: str) -> Answer:
        """Answer POST to the token endpoint at `url`: a refresh token, a code, or a claim of the service account."""
        if form.get("grant_type") == GRANT_TYPE:
            return self._believe(form.get("assertion", ""), url)
        if not self._known_client(form):
            return oauth_error(401, "invalid_client", "The OAuth client was not found.")
        match form.get("grant_type"):
            case "refresh_token":
                return self._refresh(form)
            case "authorization_code":
                return self._redeem(form)
            case _:
                return oauth_error(400, "unsupported_grant_type", "Invalid grant_type")

    def understands(self, query: Mapping[str, str]) -> bool:
        """Tell whether a request to the consent page is one; to another Google shows a page of its own."""
        challenged = query.get("code_challenge_method", "S256") == "S256"
        known = query.get("client_id") == CLIENT_ID and query.get("response_type") == "code"
        return known and challenged and bool(query.get("redirect_uri"))

    def authorize(self, query: Mapping[str, str]) -> str:
        """Return where the consent page redirects to.

        `login_hint` and `scope` are what the person chose, `decision` is "deny" where the answer was no; what
        `consent` says comes before them.
        """
        target = query.get("redirect_uri", "")
        back = {"state": query["state"]} if "state" in query else {}
        mailbox = self._consenting(query)
        if self.consent.deny or mailbox is None or query.get("decision") == "deny":
            return _with_query(target, {"error": "access_denied"} | back)
        scope = self.consent.scope or query.get("scope", "")
        code = f"4/0A{self._random.getrandbits(160):040x}"
        self._codes[code] = _Code(mailbox, target, query.get("code_challenge", ""), scope)
        return _with_query(target, back | {"code": code, "scope": scope})

    def _known_client(self, form: Mapping[str, str]) -> bool:
        known = form.get("client_id") == CLIENT_ID and form.get("client_secret") == CLIENT_SECRET
        return known and not self.client_rejected

    def _consenting(self, query: Mapping[str, str]) -> Mailbox | None:
        address = self.consent.user or query.get("login_hint")
        mailboxes = self._by_refresh.values()
        return next((one for one in mailboxes if address is None or one.email_address == address), None)

    def _of(self, address: str) -> Mailbox | None:
        wanted = address.casefold()
        return next((one for one in self._by_refresh.values() if one.email_address.casefold() == wanted), None)

    def _believe(self, assertion: str, url: str) -> Answer:
        try:
            claim = self.delegation.verified(assertion, url, self._clock.now().timestamp())
        except Objection as objection:
            return oauth_error(objection.status, objection.error, objection.description)
        mailbox = self._of(claim.subject)
        if mailbox is None or mailbox.revoked:
            return oauth_error(400, "invalid_grant", "Invalid email or User ID")
        answer = self._granted(mailbox, claim.scope)
        del answer["scope"]  # Google does not repeat it here
        return json_answer(answer)

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        mailbox = self._by_refresh.get(form.get("refresh_token", ""))
        if mailbox is None or mailbox.revoked:
            return oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
        return json_answer(self._granted(mailbox, mailbox.scope))

    def _redeem(self, form: Mapping[str, str]) -> Answer:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None:
            return oauth_error(400, "invalid_grant", "Malformed auth code.")
        if code.redirect_uri != form.get("redirect_uri"):
            return oauth_error(400, "redirect_uri_mismatch", "Bad Request")
        if code.challenge and not secrets.compare_digest(code.challenge, s256(form.get("code_verifier", ""))):
            return oauth_error(400, "invalid_grant", "Invalid code verifier.")
        mailbox = code.mailbox
        mailbox.scope = code.scope
        if mailbox.revoked:
            del self._by_refresh[mailbox.refresh_token]
            mailbox.refresh_token = f"1//0{self._random.getrandbits(240):060x}"
            mailbox.revoked = False
            self.register(mailbox)
        return json_answer(self._granted(mailbox, code.scope) | {"refresh_token": mailbox.refresh_token})

    def _granted(self, mailbox: Mailbox, scope: str) -> dict[str, object]:
        token = self.access_token(mailbox)
        return {"access_token": token, "expires_in": int(self.life), "scope": scope, "token_type": "Bearer"}


def s256(verifier: str) -> str:
    """Return the PKCE challenge of a verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _with_query(target: str, values: Mapping[str, str]) -> str:
    return f"{target}{'&' if '?' in target else '?'}{urlencode(values)}"
