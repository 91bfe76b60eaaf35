"""The sandbox on a socket: aiohttp's low-level server, since a rehearsal asks thousands of times a second."""

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aiohttp import web

from afpd.sandbox import gmail
from afpd.sandbox.answers import Answer, Refusal
from afpd.sandbox.batch import answer_batch
from afpd.sandbox.consent_page import PAGE_TYPE, consent_page
from afpd.sandbox.control import control
from afpd.sandbox.fault_answers import answer_of, concurrent_requests
from afpd.sandbox.faults import Fault, Strike
from afpd.sandbox.routes import Call

if TYPE_CHECKING:
    from afpd.sandbox.sandbox import Sandbox

_LARGEST_BODY = 64 << 20
_OF_THE_CONNECTION = frozenset((Fault.RESET, Fault.HANG, Fault.CUT))


@asynccontextmanager
async def serve(sandbox: "Sandbox", host: str, port: int) -> AsyncIterator[str]:
    """Serve for the length of the block; yield the URL. Raises OSError when the port is taken."""
    doors = _Doors(sandbox)
    server = web.Server(doors.open, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
        address = runner.addresses[0]
        yield f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"
    finally:
        doors.closing.set()
        await runner.cleanup()


class _Broken(Exception):
    """The fault plan broke the connection: there is nobody to answer."""


class _Doors:
    """Sends each request to its room, and does to the connection what the fault plan says."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.closing = asyncio.Event()
        self._sandbox = sandbox
        self._date = (-1, "")

    async def open(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            answer = await self._answer(request)
        except Refusal as refusal:
            answer = refusal.answer()
        except _Broken:
            return web.Response(status=503)  # into the void: the connection is gone
        return await self._response(request, answer)

    async def _answer(self, request: web.BaseRequest) -> Answer:
        path = request.path
        if path.startswith("/gmail/"):
            return await self._api(request)
        match request.method, path:
            case "POST", "/token":
                return await self._token(request)
            case "GET", "/auth":
                return self._consent(request)
            case "POST", "/auth":
                return await self._decided(request)
            case "POST", "/revoke":
                return await self._revoke(request)
            case "POST", "/batch" | "/batch/gmail/v1":
                return await self._batch(request)
        if path.startswith("/sandbox/"):
            return control(self._sandbox, request.method, path, request.remote or "", await request.read())
        return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>\n", "text/html; charset=UTF-8")

    async def _api(self, request: web.BaseRequest) -> Answer:
        call = Call.to(request.method, request.raw_path, request.headers.get("Authorization", ""))
        admitted = gmail.admit(self._sandbox, call)
        running = self._sandbox.traffic.enter(admitted.user)
        try:
            await self._suffer(request, admitted.strike)
            if 0 < self._sandbox.concurrent_per_user < running:
                raise concurrent_requests()
            return gmail.answer(self._sandbox, admitted)
        finally:
            self._sandbox.traffic.leave(admitted.user)

    async def _batch(self, request: web.BaseRequest) -> Answer:
        authorization = request.headers.get("Authorization", "")
        owner = self._sandbox.tokens.open(Call.to("POST", request.raw_path, authorization).access_token)
        strike = await self._strike(request, "batch", owner.email_address if owner else "")
        if strike and (instead := answer_of(strike, self._sandbox.clock.now())):
            return instead
        body = await request.read()
        return gmail.bent(answer_batch(body, request.headers["Content-Type"], authorization, self._part), strike)

    def _part(self, call: Call) -> Answer:
        try:
            admitted = gmail.admit(self._sandbox, call)
            if admitted.strike and admitted.strike.fault in _OF_THE_CONNECTION:
                return Answer(503, b"")  # a part has no connection of its own that could break
            return gmail.answer(self._sandbox, admitted)
        except Refusal as refusal:
            return refusal.answer()

    async def _token(self, request: web.BaseRequest) -> Answer:
        form = _form(await request.read())
        owner = self._sandbox.tokens.meant_by(form)
        strike = await self._strike(request, "token", owner.email_address if owner else "")
        if strike and (instead := answer_of(strike, self._sandbox.clock.now())):
            return instead
        return gmail.bent(self._sandbox.tokens.exchange(form, str(request.url)), strike)

    async def _revoke(self, request: web.BaseRequest) -> Answer:
        form = {**request.query, **_form(await request.read())}
        owner = self._sandbox.tokens.owner_of(form.get("token", ""))
        if owner is None:
            raise Refusal(400, "invalidArgument", "Token expired or revoked")
        self._sandbox.tokens.revoke(owner)
        return Answer(200, b"{}")

    def _consent(self, request: web.BaseRequest) -> Answer:
        """Show the page to a browser; a program that asks for no page is taken for a person who agrees at once."""
        tokens = self._sandbox.tokens
        if not tokens.understands(request.query):
            return Answer(400, b"<!DOCTYPE html><title>Error 400: invalid_request</title>\n", PAGE_TYPE)
        if "text/html" in request.headers.get("Accept", ""):
            return Answer(200, consent_page(request.query, tokens.people()), PAGE_TYPE)
        return Answer(302, b"", PAGE_TYPE, {"Location": tokens.authorize(request.query)})

    async def _decided(self, request: web.BaseRequest) -> Answer:
        fields = parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
        chosen = dict(fields)
        scope = " ".join(value for name, value in fields if name == "granted")
        query = {**chosen, "login_hint": chosen.get("account", ""), "scope": scope}
        if not self._sandbox.tokens.understands(query):
            return Answer(400, b"<!DOCTYPE html><title>Error 400: invalid_request</title>\n", PAGE_TYPE)
        return Answer(302, b"", PAGE_TYPE, {"Location": self._sandbox.tokens.authorize(query)})

    async def _strike(self, request: web.BaseRequest, method: str, user: str) -> Strike | None:
        self._sandbox.traffic.count(method, user)
        strike = self._sandbox.faults.strike(method, user)
        await self._suffer(request, strike)
        return strike

    async def _suffer(self, request: web.BaseRequest, strike: Strike | None) -> None:
        if self._sandbox.latency:
            await self._sandbox.clock.sleep(self._sandbox.latency)
        match strike.fault if strike else None:
            case Fault.SLOW if strike:
                await self._sandbox.clock.sleep(strike.seconds)
            case Fault.HANG:
                await self.closing.wait()
                _reset(request)
            case Fault.RESET:
                _reset(request)

    async def _response(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        headers = {"Content-Type": answer.content_type, "Date": self._now(), **answer.headers}
        body = answer.body
        if body and _gzip_wanted(request.headers):
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        if answer.cut_at is None:
            return web.Response(status=answer.status, body=body, headers=headers)
        return await _cut(request, web.StreamResponse(status=answer.status, headers=headers), body)

    def _now(self) -> str:
        now = self._sandbox.clock.now()
        second = int(now.timestamp())
        if second != self._date[0]:
            self._date = (second, format_datetime(now, usegmt=True))
        return self._date[1]


def _gzip_wanted(headers: Mapping[str, str]) -> bool:
    return "gzip" in headers.get("Accept-Encoding", "") and "gzip" in headers.get("User-Agent", "")


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


async def _cut(request: web.BaseRequest, response: web.StreamResponse, body: bytes) -> web.StreamResponse:
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _reset(request: web.BaseRequest) -> None:
    """Break the connection with a TCP reset; raises so that nothing is answered."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    raise _Broken
