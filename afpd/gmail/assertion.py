"""A service account with domain-wide delegation: instead of a refresh token it signs for whom it wants to read.

Sources: RFC 7523 (JWT bearer grants), and Google's "Using OAuth 2.0 for Server to Server Applications".
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from google.auth import crypt, jwt

from afpd.config import ServiceAccount
from afpd.errors import ConfigError

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Google refuses more than an hour, and claims from its future: a clock that is a little ahead must not matter.
_LIFE = timedelta(minutes=55)
_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Delegated:
    """The right to read as the owner of `address`, which the administrator of the domain gave the service account."""

    address: str = field(repr=False)

    @property
    def domain(self) -> str:
        """The domain whose administrator decides."""
        return self.address.rpartition("@")[2].casefold()


class Signer:
    """Signs claims with the key of the service account; half a millisecond each. Nothing of the key shows in repr."""

    def __init__(self, account: ServiceAccount, scope: str) -> None:
        """Read the key. Raises `ConfigError`, without any of it, when it is none."""
        self._account = account
        self._scope = scope
        key = {"private_key": account.private_key, "private_key_id": account.key_id}
        try:
            self._signer = crypt.RSASigner.from_service_account_info(key)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - whatever the libraries below say of a broken key may quote it
            self._signer = None
        if self._signer is None:
            raise ConfigError('the key of the service account is broken: its "private_key" is no RSA key in PEM')

    def __repr__(self) -> str:
        return f"Signer({self._account.email!r})"

    def sign(self, grant: Delegated, now: datetime) -> str:
        """Return the JWT (RS256) that asks to read as `grant`, for a token request made at `now` (UTC)."""
        began = now - _SLACK
        claims = {
            "iss": self._account.email,
            "sub": grant.address,
            "scope": self._scope,
            "aud": self._account.token_uri,
            "iat": int(began.timestamp()),
            "exp": int((began + _LIFE).timestamp()),
        }
        token: bytes = jwt.encode(self._signer, claims)  # type: ignore[no-untyped-call]
        return token.decode("ascii")
