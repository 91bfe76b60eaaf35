"""Gmail for a whole daemon: one session, one token endpoint, one meter."""

import random
from datetime import timedelta

import aiohttp

from afpd.clock import Clock
from afpd.config import OAuthClient
from afpd.config.google import GmailSettings
from afpd.gmail.access import Access
from afpd.gmail.conversation import Conversation, Line
from afpd.gmail.mailbox import Mailbox
from afpd.gmail.quota import Meter
from afpd.gmail.retries import Retries
from afpd.gmail.tokens import Issued, TokenEndpoint
from afpd.gmail.transport import Transport

# Google counts requests that are under way for one mailbox; one or two are always allowed.
REQUESTS_AT_ONCE = 2


class Gmail:
    """The way to every mailbox. Needs a running event loop; the caller owns the session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: GmailSettings,
        client: OAuthClient,
        clock: Clock,
        chance: random.Random | None = None,
    ) -> None:
        """Take what is shared by all visits; `chance` draws every jitter."""
        chance = chance or random.Random()
        retries = Retries(clock, chance, settings.retry_base, settings.max_retries)
        transport = Transport(session)
        self._tokens = TokenEndpoint(
            transport, settings.token_url, client, clock, retries, settings.refresh_concurrency
        )
        self._line = Line(
            transport, self._tokens, f"{settings.api_url}/gmail/v1/users/me", retries, clock, settings.rate_pause
        )
        self._settings = settings
        self._clock = clock
        self._meter = Meter(settings.units)

    @property
    def units_used(self) -> int:
        """Quota units spent since start, for all mailboxes."""
        return self._meter.used

    def mailbox(self, access: Access, address: str | None = None, time_left: timedelta | None = None) -> Mailbox:
        """Open one visit's conversation with the mailbox that `access` leads to.

        `address` is the integration's: `profile` checks it; None checks nothing. Requests and retries end with
        `time_left`, by default the visit_deadline, counted from now.
        """
        left = self._settings.visit_deadline if time_left is None else time_left
        deadline = self._clock.monotonic() + left.total_seconds()
        meter = Meter(self._settings.units, self._meter)
        conversation = Conversation(self._line, access, meter, REQUESTS_AT_ONCE, deadline)
        return Mailbox(conversation, meter, address)

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Issued:
        """Exchange the code of a consent for tokens; see `Consent.exchange`."""
        deadline = self._clock.monotonic() + self._settings.visit_deadline.total_seconds()
        return await self._tokens.redeem(code, verifier, redirect_uri, deadline)
