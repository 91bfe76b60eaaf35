"""The counter of the token endpoint: a few are served at a time, each request is bounded, and no secret is repeated."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from yarl import URL

from afpd.clock import Clock
from afpd.errors import AfpdError
from afpd.gmail.issued import Issued, read_issued
from afpd.gmail.retries import TokenUnavailable
from afpd.gmail.transport import Answer, OutOfTime, Transport

_ANSWER_BYTES = 64 * 1024
_SECRETS = ("client_secret", "refresh_token", "code", "code_verifier", "assertion")


@dataclass(frozen=True, slots=True)
class Patience:
    """How many ask at the same time, how long a renewal may take, and how soon a refused grant is asked for again."""

    concurrency: int
    deadline: timedelta
    confirm_after: timedelta


class Counter:
    """Where forms are handed in; a form is made when its turn has come."""

    def __init__(self, transport: Transport, url: str, clock: Clock, chance: random.Random, patience: Patience) -> None:
        self._transport = transport
        self._url = URL(url)
        self._clock = clock
        self._chance = chance
        self._seats = asyncio.Semaphore(patience.concurrency)
        # A request that hangs must leave time for another.
        self._longest_seconds = patience.deadline.total_seconds() / 2

    async def ask(
        self, form: Callable[[], Mapping[str, str]], fault: Callable[[Answer, datetime], AfpdError], deadline: float
    ) -> Issued:
        """Hand in a form and return what is issued, by `deadline` (monotonic seconds).

        Raises what `form` raises, what `fault` makes of a refusal, `Unavailable` where there is no answer or no token
        in it, `TokenUnavailable` when the turn does not come in time, and `OutOfTime`.
        """
        async with self._turn(deadline):
            filled = {name: value for name, value in form().items() if value}
            answer = await self._transport.request(
                "POST",
                self._url,
                form=filled,
                secrets=[filled[name] for name in _SECRETS if name in filled],
                most_bytes=_ANSWER_BYTES,
                timeout_seconds=min(self.remaining(deadline), self._longest_seconds),
            )
        now = self._clock.now()
        if answer.status != 200:
            raise fault(answer, now)
        return read_issued(answer, now, self._chance)

    def remaining(self, deadline: float) -> float:
        """Return the seconds that are left. Raises `OutOfTime` when there are none."""
        remaining = deadline - self._clock.monotonic()
        if remaining <= 0:
            raise OutOfTime("The time of this visit is used up")
        return remaining

    @asynccontextmanager
    async def _turn(self, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.remaining(deadline)):
                await self._seats.acquire()
        except TimeoutError:
            raise TokenUnavailable("No access token in time: too many others wait for theirs") from None
        try:
            yield
        finally:
            self._seats.release()
