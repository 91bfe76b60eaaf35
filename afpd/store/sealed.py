"""What the database holds sealed: tokens, and the bodies of mails, each bound to the row that it belongs to."""

import zlib
from typing import Literal

from afpd.keyring import Keyring

TokenKind = Literal["refresh_token", "access_token"]


def seal_token(keyring: Keyring, integration_id: int, which: TokenKind, token: str) -> bytes:
    """Return a token sealed for that integration and column."""
    return keyring.seal(token.encode(), _token_context(integration_id, which))


def open_token(keyring: Keyring, integration_id: int, which: TokenKind, sealed: bytes) -> str:
    """Return the token. Raises SecretError when the key is another one, or the value was changed or moved."""
    return keyring.open(sealed, _token_context(integration_id, which)).decode()


def seal_body(keyring: Keyring, integration_id: int | None, email_message_id: str, raw: bytes) -> bytes:
    """Return the RFC 822 bytes of a mail compressed, then sealed for that integration and Gmail id.

    Adopted mails of an integration that is gone have None for it.
    """
    return keyring.seal(zlib.compress(raw), _body_context(integration_id, email_message_id))


def open_body(keyring: Keyring, integration_id: int | None, email_message_id: str, sealed: bytes) -> bytes:
    """Return the RFC 822 bytes. Raises SecretError when the key is another one, or the value was changed or moved."""
    return zlib.decompress(keyring.open(sealed, _body_context(integration_id, email_message_id)))


def _token_context(integration_id: int, which: TokenKind) -> str:
    return f"integration:{integration_id}:{which}"


def _body_context(integration_id: int | None, email_message_id: str) -> str:
    return f"email:{integration_id}:{email_message_id}"
