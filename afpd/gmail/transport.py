"""One HTTP request at a time over the daemon's one session: bounded, timed, and silent about secrets."""

import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson
from yarl import URL

import afpd
from afpd.errors import Unavailable, VisitError
from afpd.gmail.troubles import trouble

# Google answers with gzip only to a User-Agent that says so (Gmail API guide, "Performance tips").
USER_AGENT = f"afpd/{afpd.__version__} (gzip)"
ERROR_BODY_BYTES = 64 * 1024
ANSWER_BYTES = 8 * 1024 * 1024
REQUEST_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
# Google keeps idle connections for minutes; a new TLS connection costs more than ten requests.
_KEEP_ALIVE_SECONDS = 60.0


class AnswerTooLarge(Unavailable):
    """The body is larger than what was allowed for this request."""


class OutOfTime(VisitError):
    """The time of the visit is used up; nothing is known to be wrong with Gmail or with a message."""


def open_session(connections: int = 64, timeout_seconds: float = REQUEST_SECONDS) -> aiohttp.ClientSession:
    """Return the session that everything of a daemon goes through; the caller closes it.

    `connections` bounds the open connections, `timeout_seconds` a whole request unless the request says otherwise.
    Proxies come from the environment (HTTPS_PROXY, NO_PROXY). Must be called inside the event loop.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEEP_ALIVE_SECONDS, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=_CONNECT_SECONDS),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", "Accept": "application/json"},
        cookie_jar=aiohttp.DummyCookieJar(),
        # Asking the environment costs a thread for every request: only where there is something to find.
        trust_env=bool({"http", "https"} & urllib.request.getproxies().keys()),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: status, headers (names in any case), and the body, cut at the limit for errors."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)

    def json(self) -> Any:
        """Return the parsed body, or None when it is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def without_secrets(self, text: str) -> str:
        """Return text of this answer with what was secret in the request blotted out, should the server repeat it."""
        for secret in self.secrets:
            text = text.replace(secret, "(secret)") if secret else text
        return text

    @property
    def server_time(self) -> datetime | None:
        """The server's own time when it answered (Date header, UTC), or None when it did not tell."""
        return http_date(self.headers.get("Date", ""))


def http_date(text: str) -> datetime | None:
    """Return the UTC moment of an HTTP date (RFC 9110, section 5.6.7), or None for anything else."""
    try:
        stated = parsedate_to_datetime(text)
        return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


class Transport:
    """Sends requests over a shared session and turns whatever goes wrong on the way into `Unavailable`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        most_bytes: int = ANSWER_BYTES,
        timeout_seconds: float = REQUEST_SECONDS,
        secrets: Sequence[str] = (),
    ) -> Answer:
        """Return the answer to a GET, or to a POST of a `form` or `body`, whatever its status; redirects are answers.

        `most_bytes` bounds the unpacked body, `timeout_seconds` the whole exchange; `secrets` are what no
        message about the answer may repeat. Raises `Unavailable` in words when there is no answer and
        `AnswerTooLarge` when a 200 is larger than allowed.
        """
        seconds = min(timeout_seconds, REQUEST_SECONDS)
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=form if body is None else body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT_SECONDS)),
            ) as response:
                return await _read(response, most_bytes, secrets)
        except (aiohttp.ClientError, OSError, aiohttp.http_exceptions.HttpProcessingError) as error:
            words = trouble(error, url.host or "the server")
        # Outside the handler: the library's exceptions carry the request's headers, and with them the token.
        raise Unavailable(words)


async def _read(response: aiohttp.ClientResponse, most_bytes: int, secrets: Sequence[str]) -> Answer:
    if response.status == 200:
        body = await _read_at_most(response, most_bytes)
        if len(body) > most_bytes:
            raise AnswerTooLarge(f"The answer is larger than {most_bytes} bytes")
        return Answer(200, response.headers, body, secrets)
    body = await _read_at_most(response, ERROR_BODY_BYTES)
    return Answer(response.status, response.headers, body[:ERROR_BODY_BYTES], secrets)


async def _read_at_most(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    # A body beyond the limit is left unread; leaving the response then closes its connection.
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most_bytes:
            break
    return b"".join(parts)
