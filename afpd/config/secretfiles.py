"""The secrets that the settings point to. Each is a file, or a systemd credential of a fixed name."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afpd.config.settings import Settings
from afpd.errors import ConfigError
from afpd.keyring import read_secret, secret_place

KEY_CREDENTIAL = "afpd.key"
CLIENT_CREDENTIAL = "client_secret.json"
STATUS_CREDENTIAL = "status_token"
_CONSOLE = "download it again from Google's console (APIs & Services, Credentials, OAuth client of type Desktop app)"


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """What makes us known to Google. `kind` is "installed" or "web", as in Google's file."""

    client_id: str
    client_secret: str = field(repr=False)
    kind: str = "installed"
    token_uri: str | None = None
    redirect_uris: tuple[str, ...] = ()


def key_place(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the key file is, or belongs: secrets.key_file, or the credential afpd.key."""
    return secret_place(settings.key_path, KEY_CREDENTIAL, environ=environ)


def read_client(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> OAuthClient:
    """Read gmail.client_file, or the credential client_secret.json.

    Raises `SecretError` when the file is missing, unreadable or open to others, `ConfigError` when it is no client.
    """
    path = secret_place(settings.gmail.client_file, CLIENT_CREDENTIAL, environ=environ)
    return parse_client(read_secret(path, "the OAuth client of Google", environ=environ), str(path))


def read_status_token(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the token that callers of the status page must send, None where none is asked for.

    Raises `SecretError` as `read_secret` does.
    """
    if settings.status.token_file is None:
        return None
    path = secret_place(settings.status.token_file, STATUS_CREDENTIAL, environ=environ)
    return read_secret(path, "the token of the status page", environ=environ).decode("utf-8", "replace").strip()


def parse_client(content: bytes, source: str) -> OAuthClient:
    """Read the JSON of Google's console: {"installed": {…}} or {"web": {…}}.

    `source` names the file in messages. Raises `ConfigError`, without any of the content.
    """
    try:
        document = json.loads(content)
    except ValueError:
        raise ConfigError(f"{source}: is not JSON; {_CONSOLE}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{source}: holds no OAuth client; {_CONSOLE}")
    if document.get("type") == "service_account":
        raise ConfigError(f"{source}: is a service account, but an OAuth client is needed; {_CONSOLE}")
    for kind in ("installed", "web"):
        if isinstance(document.get(kind), dict):
            return _client(document[kind], kind, source)
    raise ConfigError(f'{source}: holds neither "installed" nor "web"; {_CONSOLE}')


def _client(record: dict[str, Any], kind: str, source: str) -> OAuthClient:
    for name in ("client_id", "client_secret"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise ConfigError(f'{source}: "{kind}" has no "{name}"; {_CONSOLE}')
    token_uri, redirects = record.get("token_uri"), record.get("redirect_uris")
    return OAuthClient(
        client_id=record["client_id"].strip(),
        client_secret=record["client_secret"].strip(),
        kind=kind,
        token_uri=token_uri if isinstance(token_uri, str) else None,
        redirect_uris=tuple(uri for uri in redirects if isinstance(uri, str)) if isinstance(redirects, list) else (),
    )
