"""The token endpoint: one shared, bounded way of asking it, for all integrations of a daemon.

A renewal is asked for once however many visits want it (flights), not again at once after a refusal (refusals), by one
alone while the endpoint fails for everybody (outage), and not at all while Google refuses whoever asks (parties).
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from afpd.clock import Clock
from afpd.config import OAuthClient
from afpd.errors import AfpdError, EndpointDown, SecretError, Unavailable
from afpd.gmail.assertion import GRANT_TYPE, Delegated, Signer
from afpd.gmail.counter import Counter, Patience
from afpd.gmail.flights import Flights
from afpd.gmail.issued import Issued
from afpd.gmail.outage import Outage
from afpd.gmail.parties import Parties
from afpd.gmail.refusals import Refusals
from afpd.gmail.retries import Retries, TokenUnavailable
from afpd.gmail.token_faults import PartyRefused, assertion_fault, redeem_fault, refresh_fault
from afpd.gmail.transport import Answer, OutOfTime, Transport

_MOMENT_IN_RETRIES = 10
_CLIENT = "client"

Grant = str | Delegated
"""What a mailbox is opened with: a refresh token, or the name for which the service account signs."""


@dataclass(frozen=True, slots=True)
class Askers:
    """Who may ask for tokens: the OAuth client, and the signer of the service account; None where there is none."""

    client: OAuthClient | None
    signer: Signer | None = None

    def form(self, grant: Grant, now: datetime) -> dict[str, str]:
        """Return the form of a renewal. Raises `SecretError` without the client or the service account it needs."""
        if not isinstance(grant, Delegated):
            return self.with_client({"grant_type": "refresh_token", "refresh_token": grant})
        if self.signer is None:
            raise SecretError("gmail.service_account_file is not set: this mailbox is opened by a service account")
        return {"grant_type": GRANT_TYPE, "assertion": self.signer.sign(grant, now)}

    def with_client(self, form: dict[str, str]) -> dict[str, str]:
        """Return the form signed by the OAuth client. Raises `SecretError` when there is none."""
        if self.client is None:
            raise SecretError("gmail.client_file does not exist: the OAuth client of Google is needed")
        return {"client_id": self.client.client_id, "client_secret": self.client.client_secret, **form}


class TokenEndpoint:
    """Asks for tokens, for all integrations of a daemon."""

    def __init__(
        self, transport: Transport, url: str, askers: Askers, clock: Clock, retries: Retries, patience: Patience
    ) -> None:
        moment = retries.base * _MOMENT_IN_RETRIES
        self.outage = Outage(clock, moment)
        self._askers = askers
        self._clock = clock
        self._retries = retries
        self._patience = patience
        self._counter = Counter(transport, url, clock, retries.chance, patience)
        self._flights: Flights[Issued] = Flights()
        self._refusals = Refusals(clock, moment, patience.confirm_after)
        self._parties = Parties(clock)

    async def renew(self, grant: Grant, deadline: float) -> Issued:
        """Return a new access token; transient trouble is tried again until `deadline` (monotonic seconds).

        Raises `AccessRevoked` (invalid_grant), `ClientRejected`, `TokenUnavailable` for everything that may pass,
        `EndpointDown` while it fails for everybody, `SecretError` without client or service account, and `OutOfTime`.
        """
        key = _key_of(grant)
        deadline = min(deadline, self._clock.monotonic() + self._patience.deadline.total_seconds())
        self._refusals.check(key)
        with suppress(TimeoutError):
            seconds = self._counter.remaining(deadline)
            return await self._flights.share(key, lambda: self._renew(key, grant, deadline), seconds)
        raise TokenUnavailable("No access token in time: another visit of this mailbox waits for it, too")

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
        return await self._counter.ask(lambda: self._askers.with_client(form), redeem_fault, deadline)

    async def _renew(self, key: bytes, grant: Grant, deadline: float) -> Issued:
        party = f"@{grant.domain}" if isinstance(grant, Delegated) else _CLIENT
        failure: AfpdError
        try:
            issued = await self._retries.run(lambda: self._attempt(key, party, grant, deadline), deadline)
        except EndpointDown:
            raise
        except PartyRefused as refused:
            failure = self._refused(party, key, refused)
        except Unavailable as trouble:
            failure = TokenUnavailable(str(trouble), trouble.until)
        except AfpdError as refusal:
            failure = refusal
        else:
            self._parties.worked(party)
            return issued
        self._refusals.note(key, failure)
        raise failure

    def _refused(self, party: str, key: bytes, refused: PartyRefused) -> AfpdError:
        if refused.alone and self._parties.is_alone(party, key):
            return TokenUnavailable(refused.alone)
        return self._parties.refused(party, str(refused))

    async def _attempt(self, key: bytes, party: str, grant: Grant, deadline: float) -> Issued:
        """Ask once, and note what that tells about the endpoint."""

        def form() -> dict[str, str]:
            self.outage.admit(key)  # it may have begun while this one waited for its turn
            return self._askers.form(grant, self._clock.now())

        self._parties.admit(party)
        self.outage.admit(key)
        try:
            issued = await self._counter.ask(form, _fault_of(grant), deadline)
        except BaseException as ending:
            self._note(key, ending)
            raise
        self.outage.answered(key)
        return issued

    def _note(self, key: bytes, ending: BaseException) -> None:
        match ending:
            case EndpointDown() | TokenUnavailable() | OutOfTime() | SecretError():
                self.outage.cut_off(key)
            case Unavailable():
                self.outage.failed(key, ending)
            case AfpdError():
                self.outage.answered(key)
            case _:
                self.outage.cut_off(key)


def _fault_of(grant: Grant) -> Callable[[Answer, datetime], AfpdError]:
    return partial(assertion_fault, grant.domain) if isinstance(grant, Delegated) else refresh_fault


def _key_of(grant: Grant) -> bytes:
    """Return what stands for a grant in memory: tokens are not kept there."""
    text = f"delegated:{grant.address.casefold()}" if isinstance(grant, Delegated) else f"token:{grant}"
    return hashlib.sha256(text.encode()).digest()
