"""Who may ask, and what every answer carries: the rules that hold for all pages alike."""

import hmac
import re
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from afpd.errors import ConfigError

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?", re.IGNORECASE)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def check_exposure(host: str, token: bytes | None) -> None:
    """Refuse to serve beyond loopback without a token, or with an empty one. Raises `ConfigError`."""
    if token is not None and not token.strip():
        raise ConfigError("the token of [status] is empty; put at least 16 random characters into its file")
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"[status] host = {host!r} can be reached from other machines, which needs a token; "
            "set one, or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches that address; a name other than localhost may lead anywhere."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Give an answer, errors included, the headers that keep it out of caches, frames and other sites."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "afpd"  # not the versions of what it is made with


def only_known_hosts(host: str) -> Middleware:
    """Refuse requests that name another host (421): a web page elsewhere that points its own name here (DNS rebinding).

    Bound beyond loopback, the names under which the machine is reached are not known; there the token protects.
    """
    known = _LOOPBACK_NAMES | {host.strip("[]").lower()} if is_loopback(host) else None

    @web.middleware
    async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        if known is not None and _host_name(request.headers.getall("Host", [])) not in known:
            raise web.HTTPMisdirectedRequest(text=f"this host is not served here; ask for http://{host}\n")
        return await handler(request)

    return check_host


def only_with_token(token: bytes | None) -> Middleware:
    """Refuse requests without `Authorization: Bearer TOKEN` (401, RFC 6750) when there is a token."""
    expected = None if token is None else token.strip()

    @web.middleware
    async def check_token(request: web.Request, handler: Handler) -> web.StreamResponse:
        if expected is not None and not hmac.compare_digest(_bearer(request), expected):
            raise web.HTTPUnauthorized(
                text="a token is needed: Authorization: Bearer TOKEN\n",
                headers={"WWW-Authenticate": 'Bearer realm="afpd"'},
            )
        return await handler(request)

    return check_token


@web.middleware
async def only_reading(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse everything but GET and HEAD (405), on any path."""
    if request.method not in {"GET", "HEAD"}:
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD"], text="only GET and HEAD are answered\n")
    return await handler(request)


def _host_name(hosts: list[str]) -> str | None:
    match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    return match[1].strip("[]").rstrip(".").lower() if match else None


def _bearer(request: web.Request) -> bytes:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else b""
