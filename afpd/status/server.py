"""The HTTP endpoint: /status, /livez and /readyz, for people with curl and for what watches over them."""

import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web
from structlog import get_logger

from afpd.errors import AfpdError, AlreadyRunning, ConfigError
from afpd.status.fresh import Fresh
from afpd.status.guard import add_headers, check_exposure, only_known_hosts, only_reading, only_with_token
from afpd.status.readiness import Check, Readiness

IDLE_CONNECTION = 15.0  # seconds that a silent keep-alive connection is kept
LAST_ANSWERS = 1.0  # seconds that a stop waits for answers under way

log = get_logger(__name__)


@asynccontextmanager
async def serve_status(
    host: str,
    port: int,
    *,
    snapshot: Callable[[], Awaitable[dict[str, Any]]],
    ready: Callable[[], Awaitable[Readiness]],
    live: Callable[[], list[str]],
    token: bytes | None = None,
) -> AsyncIterator[int]:
    """Serve the endpoint while the context is open; gives the port, which is a free one for port 0.

    `snapshot` builds the object of /status, `ready` makes the checks of /readyz, `live` names the loops that show no
    life. With a token every request has to bear it. Raises `AlreadyRunning` when the port is in use, and `ConfigError`
    when the address cannot be listened on, or may be reached from outside without a token.
    """
    check_exposure(host, token)
    checks = Fresh(ready)
    site = _Site(snapshot, checks, live)
    runner = web.AppRunner(
        _application(site, host, token),
        access_log=None,
        keepalive_timeout=IDLE_CONNECTION,
        shutdown_timeout=LAST_ANSWERS,
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
        await checks.close()


def _application(site: "_Site", host: str, token: bytes | None) -> web.Application:
    application = web.Application(middlewares=[only_known_hosts(host), only_with_token(token), only_reading])
    application.on_response_prepare.append(add_headers)
    application.router.add_get("/status", site.status)
    application.router.add_get("/livez", site.livez)
    application.router.add_get("/readyz", site.readyz)
    return application


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host.strip("[]"), port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AlreadyRunning(
                f"{host}:{port} is in use: another afpd, or another program (`ss -ltnp 'sport = :{port}'` names it); "
                "stop it, or set another port under [status]"
            ) from None
        raise ConfigError(f"[status] cannot listen on {host}:{port}: {error.strerror or error}") from None


class _Site:
    """The three pages."""

    def __init__(
        self,
        snapshot: Callable[[], Awaitable[dict[str, Any]]],
        checks: Fresh[Readiness],
        live: Callable[[], list[str]],
    ) -> None:
        self._snapshot = snapshot
        self._checks = checks
        self._live = live

    async def status(self, _request: web.Request) -> web.Response:
        """Answer with the state of everything as JSON; 503 and the reason when it cannot be told."""
        try:
            body = _json(await self._snapshot())
        except AfpdError as error:
            return _json_response(_json({"error": str(error)}), 503)
        except Exception as error:
            log.exception("status.failed")
            return _json_response(_json({"error": f"a bug, see the log: {type(error).__name__}"}), 503)
        return _json_response(body, 200)

    async def livez(self, _request: web.Request) -> web.Response:
        """Answer whether the loops show life; asks neither database nor network."""
        dead = self._live()
        return _text(503, f"no sign of life: {', '.join(dead)}") if dead else _text(200, "live")

    async def readyz(self, request: web.Request) -> web.Response:
        """Answer whether the work can be done now; with ?verbose one line for each check."""
        readiness = await self._readiness()
        lines = [check.line() for check in readiness.checks] if "verbose" in request.query else []
        failed = ", ".join(check.name for check in readiness.checks if not check.ok)
        lines.append("ready" if readiness.ready else f"not ready: {failed}")
        return _text(200 if readiness.ready else 503, *lines)

    async def _readiness(self) -> Readiness:
        try:
            answer = await self._checks.get()
        except Exception as error:
            log.exception("status.failed")
            return Readiness((Check("checks", ok=False, why=f"a bug, see the log: {type(error).__name__}"),))
        if answer is None or answer.late:
            return Readiness((Check("checks", ok=False, why=f"no answer within {self._checks.patience:g} s"),))
        return answer.value


def _json(content: dict[str, Any]) -> bytes:
    # `default`: a value of an odd type in a tick's result shall not take the whole page away.
    return orjson.dumps(content, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _json_response(body: bytes, status: int) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _text(status: int, *lines: str) -> web.Response:
    return web.Response(text="".join(f"{line}\n" for line in lines), status=status)
