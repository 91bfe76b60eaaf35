"""The token endpoint: what it issues, and one shared, bounded way of asking it."""

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from yarl import URL

from afpd.clock import Clock
from afpd.config import OAuthClient
from afpd.errors import AfpdError, Unavailable
from afpd.gmail.retries import Retries, TokenUnavailable
from afpd.gmail.token_faults import redeem_fault, refresh_fault
from afpd.gmail.transport import Answer, OutOfTime, Transport

_ANSWER_BYTES = 64 * 1024
_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,4096}")
_USUAL_LIFE = timedelta(hours=1)
_LONGEST_LIFE = timedelta(days=1)
_LONGEST_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Issued:
    """What the token endpoint gave.

    `expires_at` (UTC) is when the token is no longer used: its end less a margin. `refresh_token` is None when the
    old one stays; `scopes` is None when the answer does not name them (then they are those that were asked for).
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    scopes: frozenset[str] | None = None


class TokenEndpoint:
    """Asks for tokens, for all integrations of a daemon: at most `concurrency` at a time."""

    def __init__(
        self, transport: Transport, url: str, client: OAuthClient, clock: Clock, retries: Retries, concurrency: int
    ) -> None:
        self._transport = transport
        self._url = URL(url)
        self._client = client
        self._clock = clock
        self._retries = retries
        self._seats = asyncio.Semaphore(concurrency)
        self._client_works = False

    async def renew(self, refresh_token: str, deadline: float) -> Issued:
        """Return a new access token; transient trouble is tried again until `deadline` (monotonic seconds).

        Raises `AccessRevoked` (invalid_grant), `ClientRejected`, `AccessDenied` (a grant of another client),
        `TokenUnavailable` for everything that may pass, and `OutOfTime`.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            issued = await self._retries.run(lambda: self._ask(form, deadline, self._refused_refresh), deadline)
        except Unavailable as trouble:
            words = str(trouble)
        else:
            self._client_works = True
            return issued
        raise TokenUnavailable(words)

    async def redeem(self, code: str, verifier: str, redirect_uri: str, deadline: float) -> Issued:
        """Return the tokens that the code of a consent stands for (RFC 7636, section 4.5).

        Raises `AccessDenied` for a used or old code, `ClientRejected`, and `Unavailable`. Never tried again: a
        code works once.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        return await self._ask(form, deadline, redeem_fault)

    async def _ask(self, form: Mapping[str, str], deadline: float, fault: Callable[[Answer], AfpdError]) -> Issued:
        whole = {"client_id": self._client.client_id, "client_secret": self._client.client_secret, **form}
        secrets = [
            whole[name] for name in ("client_secret", "refresh_token", "code", "code_verifier") if whole.get(name)
        ]
        answer = await self._post({name: value for name, value in whole.items() if value}, secrets, deadline)
        if answer.status != 200:
            raise fault(answer)
        return self._issued(answer)

    async def _post(self, form: Mapping[str, str], secrets: list[str], deadline: float) -> Answer:
        await self._take_seat(deadline)
        try:
            remaining = self._remaining(deadline)
            return await self._transport.request(
                "POST", self._url, form=form, secrets=secrets, most_bytes=_ANSWER_BYTES, timeout_seconds=remaining
            )
        finally:
            self._seats.release()

    async def _take_seat(self, deadline: float) -> None:
        try:
            async with asyncio.timeout(self._remaining(deadline)):
                await self._seats.acquire()
        except TimeoutError:
            raise TokenUnavailable("No access token in time: too many others wait for theirs") from None

    def _remaining(self, deadline: float) -> float:
        remaining = deadline - self._clock.monotonic()
        if remaining <= 0:
            raise OutOfTime("The time of this visit is used up")
        return remaining

    def _refused_refresh(self, answer: Answer) -> AfpdError:
        return refresh_fault(answer, client_works=self._client_works)

    def _issued(self, answer: Answer) -> Issued:
        body: Any = answer.json()
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not is_header_safe(token):
            raise Unavailable("No access token for now: the token endpoint's answer is cut off or holds none")
        life = _life(body.get("expires_in"))
        refresh_token, scope = body.get("refresh_token"), body.get("scope")
        return Issued(
            token,
            self._clock.now() + life - margin(life, self._retries.chance),
            refresh_token if isinstance(refresh_token, str) and refresh_token else None,
            frozenset(scope.split()) if isinstance(scope, str) else None,
        )


def is_header_safe(token: str) -> bool:
    """Tell whether a token can stand in a header: visible ASCII, of bounded length."""
    return _HEADER_SAFE.fullmatch(token) is not None


def margin(life: timedelta, chance: random.Random) -> timedelta:
    """Return how long before its end a token of this life is renewed: 10 to 20 % of it, about 5 minutes at most.

    The jitter keeps tokens that were issued together from ending together.
    """
    return min(life * chance.uniform(0.1, 0.2), _LONGEST_MARGIN * chance.uniform(0.8, 1.2))


def _life(stated: object) -> timedelta:
    """Read expires_in, seconds as a number or as text; RFC 6749 only recommends it."""
    try:
        seconds = float(stated) if isinstance(stated, int | float | str) else _USUAL_LIFE.total_seconds()
        return min(max(timedelta(seconds=seconds), timedelta(seconds=1)), _LONGEST_LIFE)
    except (ValueError, OverflowError):
        return _USUAL_LIFE
