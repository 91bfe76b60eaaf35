"""The right to read one mailbox: a grant, and the access token that it currently yields.

google-auth has no public asyncio class for refresh tokens: this is a subclass of its public base.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from google.auth.aio.credentials import Credentials

from afpd.errors import AfpdError
from afpd.gmail.issued import Issued, is_header_safe
from afpd.gmail.tokens import Grant

Renew = Callable[[Grant], Awaitable[Issued]]


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a visit renewed and the store should keep, sealed.

    `expires_at` (UTC) is the moment from which the token is not used any more, a margin before its real end: hand it
    to the next visit's `Access` as it is. `refresh_token` is None unless Google replaced the old one.
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)


class Access(Credentials):
    """Credentials of one integration for one visit. Nothing of it shows in repr."""

    def __init__(self, grant: Grant, access_token: str | None = None, expires_at: datetime | None = None) -> None:
        """Take what the store keeps; without `expires_at` (aware UTC) the access token is renewed first."""
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth has no annotations
        self.token: str | None = access_token if access_token and is_header_safe(access_token) else None
        self.renewed: Renewed | None = None
        self._grant = grant
        self._expires_at = expires_at
        self._flight = asyncio.Lock()
        self._failure: AfpdError | None = None

    def __repr__(self) -> str:
        return f"Access(renewed={self.renewed is not None})"

    async def current(self, renew: Renew, now: datetime, refused: str | None = None) -> str:
        """Return the access token, renewed when it is missing, old, or the one that was `refused`.

        However many ask at once, one request is sent; after a failure nobody asks again within this visit.
        Raises what `renew` raises.
        """
        if self._is_stale(now, refused):
            async with self._flight:
                if self._is_stale(now, refused):
                    await self.refresh(renew)
        return self.token or ""

    async def apply(self, headers: dict[str, str], token: str | None = None) -> None:
        """Write the Authorization header for `token`, by default the current one."""
        await super().apply(headers, token=token)  # type: ignore[no-untyped-call]  # google-auth has no annotations

    async def refresh(self, request: Renew) -> None:
        """Renew the access token by `request`, which posts the grant. Raises what `request` raises."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        try:
            issued = await request(self._grant)
        except AfpdError as failure:
            self._failure = failure
            raise
        self.token, self._expires_at = issued.access_token, issued.expires_at
        self._grant = issued.refresh_token or self._grant
        rotated = issued.refresh_token or (self.renewed.refresh_token if self.renewed else None)
        self.renewed = Renewed(issued.access_token, issued.expires_at, rotated)

    def _is_stale(self, now: datetime, refused: str | None) -> bool:
        return not self.token or self._expires_at is None or now >= self._expires_at or self.token == refused
