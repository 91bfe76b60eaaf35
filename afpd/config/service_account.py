"""The service account that reads the mailboxes of whole domains, as Google's console gives it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from afpd.config.secretfiles import CLIENT_CREDENTIAL, OAuthClient, read_client
from afpd.config.settings import Settings
from afpd.errors import ConfigError
from afpd.keyring import read_secret, secret_place
from afpd.keyring.files import CREDENTIALS

ACCOUNT_CREDENTIAL = "service_account.json"
_WHAT = "the key of the service account"
_CONSOLE = "download a key of type JSON again from Google's console (IAM & Admin, Service Accounts, Keys)"
_USUAL_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who signs, with which key, and whom the signed claim is meant for (`token_uri`)."""

    email: str
    private_key: str = field(repr=False)
    key_id: str | None = None
    token_uri: str = _USUAL_TOKEN_URI


def read_service_account(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> ServiceAccount | None:
    """Read gmail.service_account_file, or the credential service_account.json; None where there is neither.

    Raises `SecretError` when the file that was named is missing, unreadable or open to others, `ConfigError` when it
    is no key of a service account.
    """
    place = _place(settings, environ)
    if place is None:
        return None
    return parse_service_account(read_secret(place, _WHAT, environ=environ), str(place))


@dataclass(frozen=True, slots=True)
class Keys:
    """With what mailboxes can be opened; where a service account reads them all, no OAuth client is needed."""

    client: OAuthClient | None
    account: ServiceAccount | None


def read_keys(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> Keys:
    """Read what the settings name. Raises `SecretError` and `ConfigError` as the two readers do."""
    account = read_service_account(settings, environ=environ)
    place = secret_place(settings.gmail.client_file, CLIENT_CREDENTIAL, environ=environ)
    client = None if account is not None and not place.exists() else read_client(settings, environ=environ)
    return Keys(client, account)


def parse_service_account(content: bytes, source: str) -> ServiceAccount:
    """Read the JSON of Google's console; `source` names it in messages. Raises `ConfigError`, without the content."""
    try:
        document = json.loads(content)
    except ValueError:
        raise ConfigError(f"{source}: is not JSON; {_CONSOLE}") from None
    if not isinstance(document, dict) or document.get("type") != "service_account":
        raise ConfigError(f"{source}: is no key of a service account; {_CONSOLE}")
    for name in ("client_email", "private_key"):
        if not isinstance(document.get(name), str) or not document[name].strip():
            raise ConfigError(f'{source}: has no "{name}"; {_CONSOLE}')
    key_id, token_uri = document.get("private_key_id"), document.get("token_uri")
    return ServiceAccount(
        document["client_email"].strip(),
        document["private_key"],
        key_id if isinstance(key_id, str) else None,
        token_uri if isinstance(token_uri, str) and token_uri else _USUAL_TOKEN_URI,
    )


def _place(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    named = settings.gmail.service_account_file
    if named is not None:
        return secret_place(named, ACCOUNT_CREDENTIAL, environ=environ)
    handed_over = Path(environ.get(CREDENTIALS, ""), ACCOUNT_CREDENTIAL)
    return handed_over if environ.get(CREDENTIALS) and handed_over.exists() else None
