"""Service accounts with domain-wide delegation: a key of one's own, and claims that are verified with its public half.

Sources: RFC 7515 and RFC 7519 (signed claims), RFC 7523, and what Google's token endpoint was seen to answer.
"""

import binascii
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from afpd.sandbox.mailbox import GMAIL_SCOPE

ACCOUNT = "afpd@afpd-sandbox.iam.gserviceaccount.com"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_KEY_ID = "0123456789abcdef0123456789abcdef01234567"
_LONGEST = 3600
_SKEW = 300


class Objection(Exception):
    """Why a claim is refused: the OAuth error, and Google's description."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


@dataclass(slots=True)
class Claim:
    """A claim that was found true: for whom, and the scope that was asked for."""

    subject: str
    scope: str


@dataclass
class Delegation:
    """The sandbox's one service account. `scopes` are what every domain allows it; `refusing` are domains that do not.

    `key_deleted` lets every signature be wrong.
    """

    scopes: set[str] = field(default_factory=lambda: {GMAIL_SCOPE})
    refusing: set[str] = field(default_factory=set)
    key_deleted: bool = False

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def key_file(self, url: str) -> dict[str, Any]:
        """Return the content of the key file for the sandbox at `url`, as Google's console would give it."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return {
            "type": "service_account",
            "project_id": "afpd-sandbox",
            "private_key_id": _KEY_ID,
            "private_key": self._key.private_bytes(*form).decode(),
            "client_email": ACCOUNT,
            "client_id": "100000000000000000001",
            "auth_uri": f"{url}/auth",
            "token_uri": f"{url}/token",
        }

    def verified(self, assertion: str, audience: str, now: float) -> Claim:
        """Return what a JWT claims. Raises `Objection` when it is not signed by the key, not for us, or too long."""
        claims = self._signed(assertion)
        if claims.get("iss") != ACCOUNT:
            raise Objection("invalid_grant", "Invalid grant: account not found")
        if claims.get("aud") != audience:
            raise Objection("invalid_grant", "Invalid JWT: Failed audience check.")
        began, ends = claims.get("iat"), claims.get("exp")
        if not isinstance(began, int) or not isinstance(ends, int):
            raise Objection("invalid_grant", "Invalid JWT: iat and exp are missing.")
        if ends - began > _LONGEST or began > now + _SKEW or ends <= now:
            raise Objection(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            )
        claim = Claim(str(claims.get("sub", "")), str(claims.get("scope", "")))
        self._check_delegation(claim)
        return claim

    def _check_delegation(self, claim: Claim) -> None:
        domain = claim.subject.rpartition("@")[2].casefold()
        asked = set(claim.scope.split())
        if domain in self.refusing or not asked or not asked <= self.scopes:
            raise Objection(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for "
                "any of the scopes requested.",
                401,
            )

    def _signed(self, assertion: str) -> dict[str, Any]:
        try:
            head, body, signature = assertion.split(".")
            algorithm, claims = _parsed(head).get("alg"), _parsed(body)
            signed = f"{head}.{body}".encode()
            self._key.public_key().verify(_decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):
            algorithm, claims = None, {}
        if algorithm != "RS256" or self.key_deleted:
            raise Objection("invalid_grant", "Invalid JWT Signature.")
        return claims


def subject_of(assertion: str) -> str:
    """Return for whom an assertion claims to speak, unverified: to count and to strike with faults; empty for none."""
    try:
        return str(_parsed(assertion.split(".")[1]).get("sub", ""))
    except (ValueError, IndexError):
        return ""


def _parsed(part: str) -> dict[str, Any]:
    found = orjson.loads(_decoded(part))
    return found if isinstance(found, dict) else {}


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise ValueError("no base64") from None
