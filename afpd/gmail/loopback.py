"""A web server for one redirect: receives the consent's code on 127.0.0.1 (RFC 8252, section 7.3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

from afpd.errors import Unavailable
from afpd.gmail.consent import Consent

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>afpd</title>'
    '<body style="font-family:sans-serif;margin:4em auto;max-width:32em"><h1>{title}</h1><p>{text}</p></body></html>'
)


class Loopback:
    """The listening server: where Google shall redirect to, and the code that came."""

    def __init__(self, consent: Consent) -> None:
        self.redirect_uri = ""
        self._consent = consent
        self._parameters: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def code(self, patience: timedelta = timedelta(minutes=5)) -> str:
        """Return the code as soon as the browser brings it.

        Raises `AccessDenied` when the person said no, `Unavailable` when nobody came within `patience`.
        """
        try:
            async with asyncio.timeout(patience.total_seconds()):
                parameters = await asyncio.shield(self._parameters)
        except TimeoutError:
            raise Unavailable("Nobody finished Google's page in time; start again, or use --manual") from None
        return self._consent.code_from(parameters)

    async def receive(self, request: web.Request) -> web.Response:
        """Answer the browser. What does not carry our state is turned away and changes nothing."""
        parameters = dict(request.query)
        if not self._consent.is_ours(parameters):
            return _page("This is not the answer afpd waits for", "Use the newest link that afpd printed.", 400)
        if not self._parameters.done():
            self._parameters.set_result(parameters)
        if "code" not in parameters:
            return _page("Access was not granted", "afpd cannot read the mailbox. You can close this page.", 200)
        return _page("Thank you", "afpd goes on in the terminal. You can close this page.", 200)


@asynccontextmanager
async def listen_on_loopback(consent: Consent) -> AsyncIterator[Loopback]:
    """Listen on a free port of 127.0.0.1 until the block ends; nothing that is received is logged."""
    loopback = Loopback(consent)
    application = web.Application()
    application.router.add_get("/", loopback.receive, allow_head=False)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        loopback.redirect_uri = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield loopback
    finally:
        await runner.cleanup()


def _page(title: str, text: str, status: int) -> web.Response:
    body = _PAGE.format(title=title, text=text)
    return web.Response(text=body, status=status, content_type="text/html", headers=_HEADERS)
