"""Asking the running daemon over HTTP, with nothing that is slow to import."""

import http.client
from typing import Any

import orjson

from afpd.config import Settings, read_status_token
from afpd.errors import AfpdError, DaemonUnreachable, SecretError

State = dict[str, Any]
_PATIENCE = 10.0
_LARGEST = 16 << 20
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked there, not listened at


def ask(settings: Settings) -> State:
    """Return what GET /status answers.

    Raises DaemonUnreachable when nobody answers at the address of the configuration, or somebody who is no afpd;
    SecretError when the token is missing or wrong; AfpdError with the daemon's words when it cannot tell its state.
    """
    host, port = settings.status.host.strip("[]"), settings.status.port
    if port == 0:
        raise DaemonUnreachable("[status] port is 0, so that the daemon takes any: set a port to ask it there")
    host = _ANYWHERE.get(host, host)
    token = read_status_token(settings)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # Not urllib: a proxy of the environment has no business here.
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/status", headers=headers)
        response = connection.getresponse()
        return _understood(response.status, response.read(_LARGEST), f"{host}:{port}")
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DaemonUnreachable(
            f"no daemon answers at {host}:{port} ({reason}): start it (`afpd run`, `systemctl start afpd`), or name "
            "its configuration with --config"
        ) from None
    finally:
        connection.close()


def _understood(status: int, body: bytes, where: str) -> State:
    if status == 401:
        raise SecretError(f"the daemon at {where} wants another token: check [status] token_file")
    try:
        state = orjson.loads(body)
    except orjson.JSONDecodeError:
        state = None
    if status == 503 and isinstance(state, dict):
        raise AfpdError(f"the daemon at {where} runs but cannot tell its state: {state.get('error')}")
    if status != 200 or not isinstance(state, dict) or "integrations" not in state:
        raise DaemonUnreachable(f"what answers at {where} is no afpd (HTTP {status}): check [status] host and port")
    return state
