"""From a row to the right to read its mailbox, and from a refusal of that right to words for its owner."""

from datetime import datetime

from afpd.errors import AccessDenied, AccessRevoked, AfpdError, SecretError
from afpd.gmail import Access, Delegated
from afpd.keyring import Keyring
from afpd.loops.causes import likely_cause, words_for
from afpd.model import Credential
from afpd.store.claims import Claimed
from afpd.store.sealed import open_token


def access_of(keyring: Keyring, claimed: Claimed) -> Access:
    """Return the access of an integration. Raises `AccessDenied` without a grant, `SecretError` with a wrong key."""
    return Access(_grant(keyring, claimed), _access_token(keyring, claimed), claimed.access_token_expires_at)


def explained(error: AfpdError, claimed: Claimed, now: datetime) -> AfpdError:
    """Return the error that ended a visit; a lost grant with its likely cause, as far as the row tells it."""
    if not isinstance(error, AccessRevoked) or claimed.credential != Credential.OAUTH:
        return error
    cause = likely_cause(
        error.subtype,
        granted_at=claimed.granted_at,
        verified_at=claimed.last_verified_at,
        refused_at=claimed.standing.revoked_since or now,
    )
    return AccessRevoked(words_for(error.subtype, cause), error.subtype)


def _grant(keyring: Keyring, claimed: Claimed) -> str | Delegated:
    if claimed.credential == Credential.SERVICE_ACCOUNT:
        return Delegated(claimed.email_account)
    if claimed.sealed_refresh_token is None:
        raise AccessDenied("no refresh token: connect this integration")
    return open_token(keyring, claimed.id, "refresh_token", claimed.sealed_refresh_token)


def _access_token(keyring: Keyring, claimed: Claimed) -> str | None:
    sealed = claimed.sealed_access_token
    try:
        return open_token(keyring, claimed.id, "access_token", sealed) if sealed else None
    except SecretError:
        return None  # a new one comes with the grant
