"""Requests to the Gmail API for one mailbox and one visit: authorised, counted, retried, and in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from afpd.clock import Clock
from afpd.errors import AfpdError, EndpointDown, MessageGone, RequestRefused, Unavailable
from afpd.gmail.access import Access
from afpd.gmail.batch import Part, envelope, opened
from afpd.gmail.bundle import Bundler
from afpd.gmail.faults import TooManyAtOnce, fault
from afpd.gmail.issued import Issued
from afpd.gmail.methods import Method
from afpd.gmail.quota import Meter
from afpd.gmail.retries import Retries, TokenUnavailable
from afpd.gmail.seats import Seats
from afpd.gmail.tokens import Grant, TokenEndpoint
from afpd.gmail.transport import ANSWER_BYTES, Answer, AnswerTooLarge, OutOfTime, Transport, http_date

# Too many calls, too large, or no batches here: then fewer together.
_NO_SUCH_BATCH = frozenset((400, 404, 405, 413))
_SMALL = frozenset((Method.PROFILE, Method.HISTORY))


@dataclass(frozen=True, slots=True)
class Line:
    """What all conversations of a daemon share.

    `batch_parts` is how many GETs of one mailbox go into one batch; `bundler` sends small questions of several
    mailboxes together, None sends each by itself.
    """

    transport: Transport
    tokens: TokenEndpoint
    mailbox_url: str
    retries: Retries
    clock: Clock
    rate_pause: timedelta
    batch_url: URL
    batch_parts: int = 1
    bundler: Bundler | None = None


class Conversation:
    """Asks on behalf of one `Access`, at most so many questions at once, until `deadline` (monotonic seconds)."""

    def __init__(self, line: Line, access: Access, meter: Meter, at_once: int, deadline: float) -> None:
        self._line = line
        self._access = access
        self._meter = meter
        self._seats = Seats(at_once)
        self._deadline = deadline
        self._parts = line.batch_parts
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

    async def ask_each(
        self, method: Method, paths: Sequence[str], query: Mapping[str, str | int], most_bytes: int = ANSWER_BYTES
    ) -> list[dict[str, Any] | AfpdError]:
        """Return, in order, the JSON object that GET users/me/`path` answers with for each path, or its own error.

        They go in batches within the mailbox's concurrency; what a batch leaves open is asked by itself, as `ask`
        does. `most_bytes` bounds one answer, `ANSWER_BYTES` a batch. Never raises what only some of the paths met.
        """
        answers: list[dict[str, Any] | AfpdError] = []
        while len(answers) < len(paths):
            together = self._meter.affordable(method, self._parts)
            some = paths[len(answers) : len(answers) + together]
            if len(some) == 1:
                answers.append(await self._alone(method, some[0], query, most_bytes))
            else:
                answers += await self._together(method, some, query, most_bytes)
        return answers

    async def _together(
        self, method: Method, paths: Sequence[str], query: Mapping[str, str | int], most_bytes: int
    ) -> list[dict[str, Any] | AfpdError]:
        """Ask in one batch. One of too many is asked in halves from then on, one of too many bytes one by one."""
        targets = [f"{URL(self._line.mailbox_url).path}/{path}?{urlencode(query)}" for path in paths]
        try:
            given = await self._line.retries.run(lambda: self._batch(method, targets), self._deadline)
        except (AnswerTooLarge, RequestRefused) as error:
            self._parts = 1 if isinstance(error, AnswerTooLarge) else max(1, self._parts // 2)
            return await self.ask_each(method, paths, query, most_bytes)
        except (TokenUnavailable, EndpointDown) as error:
            return [error] * len(paths)
        except Unavailable as error:
            return await self._unbatched(error, method, paths, query, most_bytes)
        except AfpdError as error:
            return [error] * len(paths)
        found = [self._object_or_error(method, answer) for answer in given]
        if any(isinstance(one, TooManyAtOnce) for one in found):
            self._parts = max(1, self._parts // 2)
        refused = next((one for one in found if isinstance(one, AfpdError) and _ends_the_visit(one)), None)
        return [
            (refused or await self._alone(method, path, query, most_bytes)) if _is_open(one) else one
            for path, one in zip(paths, found, strict=True)
        ]

    async def _unbatched(
        self, error: Unavailable, method: Method, paths: Sequence[str], query: Mapping[str, str | int], most_bytes: int
    ) -> list[dict[str, Any] | AfpdError]:
        """Ask one path by itself after a batch failed as a whole, and the others only when that goes well.

        Trouble of batches alone, such as a proxy that does not let them through, must not count against the messages.
        """
        first = await self._alone(method, paths[0], query, most_bytes)
        if isinstance(first, Unavailable):
            return [error] * len(paths)
        if isinstance(first, AfpdError) and _ends_the_visit(first):
            return [first] * len(paths)
        self._parts = 1
        return [first, *await self.ask_each(method, paths[1:], query, most_bytes)]

    async def _alone(
        self, method: Method, path: str, query: Mapping[str, str | int], most_bytes: int
    ) -> dict[str, Any] | AfpdError:
        try:
            return await self.ask(method, path, query, most_bytes)
        except AfpdError as error:
            return error

    async def _batch(self, method: Method, targets: Sequence[str]) -> list[Answer | None]:
        async with self._seats:
            token = await self._access.current(self._renew, self._line.clock.now())
            parts = [Part(target, token) for target in targets]
            body, kind = envelope(parts)
            self._meter.charge(method, len(parts))
            answer = await self._line.transport.request(
                "POST",
                self._line.batch_url,
                headers={"Content-Type": kind},
                body=body,
                most_bytes=ANSWER_BYTES,
                timeout_seconds=self._remaining(),
                secrets=(token,),
            )
        self._date = answer.headers.get("Date", self._date)
        if answer.status in _NO_SUCH_BATCH:
            raise RequestRefused(f"Gmail refuses a batch of {len(parts)} with HTTP {answer.status}")
        if answer.status != 200:
            raise fault(method, answer, self._line.clock.now(), self._line.rate_pause)
        return opened(answer, parts)

    def _object_or_error(self, method: Method, answer: Answer | None) -> dict[str, Any] | AfpdError:
        if answer is None:
            return Unavailable("Gmail's answer to a batch leaves this part out")
        try:
            return self._object_of(method, answer)
        except AfpdError as error:
            return error

    async def _authorised(self, method: Method, url: URL, most_bytes: int) -> Answer:
        """Send, and once more with a new token when this one is refused."""
        token = await self._access.current(self._renew, self._line.clock.now())
        answer = await self._send(method, url, token, most_bytes)
        if answer.status != 401:
            return answer
        token = await self._access.current(self._renew, self._line.clock.now(), refused=token)
        return await self._send(method, url, token, most_bytes)

    async def _renew(self, grant: Grant) -> Issued:
        return await self._line.tokens.renew(grant, self._deadline)

    async def _send(self, method: Method, url: URL, token: str, most_bytes: int) -> Answer:
        remaining = self._remaining()
        headers: dict[str, str] = {}
        await self._access.apply(headers, token)
        self._meter.charge(method)
        if self._line.bundler is not None and method in _SMALL:
            answer = await self._line.bundler.get(Part(url.raw_path_qs, token), remaining)
        else:
            answer = await self._line.transport.request(
                "GET", url, headers=headers, most_bytes=most_bytes, timeout_seconds=remaining, secrets=(token,)
            )
        self._date = answer.headers.get("Date", self._date)
        return answer

    def _remaining(self) -> float:
        remaining = self._deadline - self._line.clock.monotonic()
        if remaining <= 0:
            raise OutOfTime("The time of this visit is used up")
        return remaining

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


def _is_open(found: dict[str, Any] | AfpdError) -> bool:
    """Whether a part is to be asked by itself: its trouble may pass, or is that of the batch or of the token."""
    return isinstance(found, Unavailable)


def _ends_the_visit(error: AfpdError) -> bool:
    """Whether what one part met will be met by all others: a rate, the quota, the grant."""
    return not isinstance(error, Unavailable | MessageGone | RequestRefused)
