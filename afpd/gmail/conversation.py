"""Requests to the Gmail API for one mailbox and one visit: authorised, counted, retried, and in time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from afpd.clock import Clock
from afpd.errors import Unavailable
from afpd.gmail.access import Access
from afpd.gmail.faults import TooManyAtOnce, fault
from afpd.gmail.methods import Method
from afpd.gmail.quota import Meter
from afpd.gmail.retries import Retries
from afpd.gmail.seats import Seats
from afpd.gmail.tokens import Issued, TokenEndpoint
from afpd.gmail.transport import ANSWER_BYTES, Answer, OutOfTime, Transport, http_date


@dataclass(frozen=True, slots=True)
class Line:
    """What all conversations of a daemon share."""

    transport: Transport
    tokens: TokenEndpoint
    mailbox_url: str
    retries: Retries
    clock: Clock
    rate_pause: timedelta


class Conversation:
    """Asks on behalf of one `Access`, at most so many questions at once, until `deadline` (monotonic seconds)."""

    def __init__(self, line: Line, access: Access, meter: Meter, at_once: int, deadline: float) -> None:
        self._line = line
        self._access = access
        self._meter = meter
        self._seats = Seats(at_once)
        self._deadline = deadline
        self._date = ""

    @property
    def server_time(self) -> datetime | None:
        """Google's time (UTC) at its latest answer, or None before the first."""
        return http_date(self._date)

    async def ask(
        self, method: Method, path: str, query: Mapping[str, str | int], most_bytes: int = ANSWER_BYTES
    ) -> dict[str, Any]:
        """Return the JSON object that GET users/me/`path` answers with, after as many attempts as allowed.

        Raises the errors of `fault`, those of the token endpoint, `Unavailable` for trouble on the way and for a 200
        that is no JSON object, `AnswerTooLarge`, and `OutOfTime`.
        """
        # Encoded here once: yarl remembers such addresses, and the bell's is the same for everybody.
        url = URL(f"{self._line.mailbox_url}/{path}?{urlencode(query)}", encoded=True)

        async def attempt() -> dict[str, Any]:
            async with self._seats:
                return self._object_of(method, await self._authorised(method, url, most_bytes))

        return await self._line.retries.run(attempt, self._deadline)

    async def _authorised(self, method: Method, url: URL, most_bytes: int) -> Answer:
        """Send, and once more with a new token when this one is refused."""
        token = await self._access.current(self._renew, self._line.clock.now())
        answer = await self._send(method, url, token, most_bytes)
        if answer.status != 401:
            return answer
        token = await self._access.current(self._renew, self._line.clock.now(), refused=token)
        return await self._send(method, url, token, most_bytes)

    async def _renew(self, refresh_token: str) -> Issued:
        return await self._line.tokens.renew(refresh_token, self._deadline)

    async def _send(self, method: Method, url: URL, token: str, most_bytes: int) -> Answer:
        remaining = self._deadline - self._line.clock.monotonic()
        if remaining <= 0:
            raise OutOfTime("The time of this visit is used up")
        headers: dict[str, str] = {}
        await self._access.apply(headers, token)
        self._meter.charge(method)
        answer = await self._line.transport.request(
            "GET", url, headers=headers, most_bytes=most_bytes, timeout_seconds=remaining, secrets=(token,)
        )
        self._date = answer.headers.get("Date", self._date)
        return answer

    def _object_of(self, method: Method, answer: Answer) -> dict[str, Any]:
        if answer.status != 200:
            error = fault(method, answer, self._line.clock.now(), self._line.rate_pause)
            if isinstance(error, TooManyAtOnce):
                self._seats.narrow()
            raise error
        body = answer.json()
        if not isinstance(body, dict):
            raise Unavailable("What Gmail answered was cut off or is no JSON object")
        return body
