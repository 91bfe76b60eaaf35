"""Requests of many mailboxes bundled into one batch, each with its own token.

Google documents that a part may carry its own Authorization header; nobody has shown it for Gmail, so a setting turns
this on. It saves the CPU of a request for every bell.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from yarl import URL

from afpd.errors import Unavailable
from afpd.gmail.batch import MOST_PARTS, Part, envelope, opened
from afpd.gmail.transport import Answer, Transport

_LINGER = timedelta(milliseconds=10)


@dataclass(slots=True)
class _Coach:
    """Requests that travel together. Who boards first drives; when it is full it leaves at once."""

    seats: list[tuple[Part, "asyncio.Future[Answer]"]] = field(default_factory=list)
    is_full: asyncio.Event = field(default_factory=asyncio.Event)

    def board(self, part: Part) -> "asyncio.Future[Answer]":
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.seats.append((part, future))
        if len(self.seats) >= MOST_PARTS:
            self.is_full.set()
        return future

    def arrive(self, answers: list[Answer | None]) -> None:
        for (_, future), answer in zip(self.seats, answers, strict=True):
            if future.done():  # its visit has ended meanwhile
                continue
            if answer is None:
                future.set_exception(Unavailable("Gmail's answer to a batch leaves this part out"))
            else:
                future.set_result(answer)

    def fail(self, words: str) -> None:
        for _, future in self.seats:
            if not future.done():
                future.set_exception(Unavailable(words))


class Bundler:
    """Sends what is asked within a moment together. It has no tasks of its own that could outlive it."""

    def __init__(self, transport: Transport, url: URL, linger: timedelta = _LINGER) -> None:
        self._transport = transport
        self._url = url
        self._linger = linger.total_seconds()
        self._coach: _Coach | None = None

    async def get(self, part: Part, timeout_seconds: float) -> Answer:
        """Return the answer to one part, whatever its status, sent with those of others.

        Raises `Unavailable` when the batch as a whole failed, left this part out, or took too long.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._travel(part)
        except TimeoutError:
            raise Unavailable("Gmail did not answer a batch in time") from None

    async def _travel(self, part: Part) -> Answer:
        coach = self._coach
        if coach is not None and not coach.is_full.is_set():
            return await coach.board(part)
        coach = self._coach = _Coach()
        own = coach.board(part)
        try:
            await self._drive(coach)
        except BaseException:
            own.cancel()
            coach.fail("The request that was to ask for several mailboxes was given up")
            raise
        finally:
            self._leave(coach)
        return await own

    async def _drive(self, coach: _Coach) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger):
                await coach.is_full.wait()
        self._leave(coach)
        try:
            coach.arrive(await self._ask([part for part, _ in coach.seats]))
        except Unavailable as trouble:
            coach.fail(str(trouble))

    def _leave(self, coach: _Coach) -> None:
        """Let nobody board any more."""
        if self._coach is coach:
            self._coach = None

    async def _ask(self, parts: list[Part]) -> list[Answer | None]:
        body, kind = envelope(parts)
        secrets = [part.token for part in parts]
        headers = {"Content-Type": kind}
        whole = await self._transport.request("POST", self._url, headers=headers, body=body, secrets=secrets)
        if whole.status != 200:
            raise Unavailable(f"Gmail refused a batch with HTTP {whole.status}")
        return opened(whole, parts)
