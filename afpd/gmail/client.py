"""Gmail for a whole daemon: one session, one token endpoint, one meter."""

import random
from datetime import timedelta

import aiohttp
from yarl import URL

from afpd.clock import Clock
from afpd.config import OAuthClient, ServiceAccount
from afpd.config.google import GmailSettings
from afpd.gmail.access import Access
from afpd.gmail.assertion import Signer
from afpd.gmail.bundle import Bundler
from afpd.gmail.conversation import Conversation, Line
from afpd.gmail.counter import Patience
from afpd.gmail.issued import Issued
from afpd.gmail.mailbox import Mailbox
from afpd.gmail.quota import Meter, Purse
from afpd.gmail.retries import Retries
from afpd.gmail.tokens import Askers, TokenEndpoint
from afpd.gmail.transport import Transport

# Google counts requests that are under way for one mailbox; one or two are always allowed.
REQUESTS_AT_ONCE = 2


class Gmail:
    """The way to every mailbox. Needs a running event loop; the caller owns the session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: GmailSettings,
        client: OAuthClient | None,
        clock: Clock,
        chance: random.Random | None = None,
        account: ServiceAccount | None = None,
    ) -> None:
        """Take what is shared by all visits; `chance` draws every jitter.

        Mailboxes of a refresh token need `client`, those of a service account `account`. Raises `ConfigError` when the
        key of the service account is none.
        """
        chance = chance or random.Random()
        retries = Retries(clock, chance, settings.retry_base, settings.max_retries)
        transport = Transport(session)
        askers = Askers(client, None if account is None else Signer(account, settings.scope))
        patience = Patience(settings.refresh_concurrency, settings.refresh_deadline, settings.confirm_revoked_after)
        self._tokens = TokenEndpoint(transport, settings.token_url, askers, clock, retries, patience)
        batch_url = URL(f"{settings.api_url}/batch/gmail/v1")
        self._line = Line(
            transport,
            self._tokens,
            f"{settings.api_url}/gmail/v1/users/me",
            retries,
            clock,
            settings.rate_pause,
            batch_url,
            settings.batch_size,
            Bundler(transport, batch_url) if settings.batch_users else None,
        )
        self._settings = settings
        self._clock = clock
        self._meter = Meter(settings.budget)

    @property
    def units_used(self) -> int:
        """Quota units spent since start, for all mailboxes."""
        return self._meter.used

    @property
    def tokens_trouble(self) -> str | None:
        """Why no access token can be had for now, for whomever; None when all is well."""
        return self._tokens.outage.reason

    def mailbox(
        self,
        access: Access,
        address: str | None = None,
        time_left: timedelta | None = None,
        purse: Purse | None = None,
    ) -> Mailbox:
        """Open one visit's conversation with the mailbox that `access` leads to.

        `address` is the integration's: `profile` checks it; None checks nothing. Requests and retries end with
        `time_left`, by default the visit_deadline, counted from now. The units of each request are taken from
        `purse` before it is sent.
        """
        left = self._settings.visit_deadline if time_left is None else time_left
        deadline = self._clock.monotonic() + left.total_seconds()
        meter = Meter(self._settings.budget, self._meter, purse)
        conversation = Conversation(self._line, access, meter, REQUESTS_AT_ONCE, deadline)
        return Mailbox(conversation, meter, address)

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Issued:
        """Exchange the code of a consent for tokens; see `Consent.exchange`."""
        deadline = self._clock.monotonic() + self._settings.visit_deadline.total_seconds()
        return await self._tokens.redeem(code, verifier, redirect_uri, deadline)
