"""What a visit asks of the store while it runs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from afpd.clock import Clock
from afpd.keyring import Keyring
from afpd.model import Email
from afpd.store import emails, parked, senders, visits
from afpd.store.database import Database
from afpd.store.emails import SealedEmail
from afpd.store.parked import ParkedEmail

_BYTES_SEALED_AT_ONCE = 64 << 10


@dataclass(frozen=True, slots=True)
class VisitShelf:
    """The store as one visit of one integration sees it."""

    database: Database
    keyring: Keyring
    clock: Clock
    today: Callable[[], date]
    integration_id: int
    owner: str
    lease_until: datetime
    batch_id: int

    async def known(self, keys: Sequence[str]) -> set[str]:
        """Return those of the Gmail ids or Message-IDs that were kept before."""
        async with self.database.read() as connection:
            return await emails.known(connection, self.integration_id, keys)

    async def remember(self, keys: Sequence[str]) -> None:
        """Note Gmail ids of mails that an adopted job has under their Message-ID."""
        async with self.database.write() as connection:
            await emails.remember(connection, self.integration_id, keys)

    async def parked(self) -> dict[str, ParkedEmail]:
        """Return the parked ids of the integration."""
        async with self.database.read() as connection:
            return await parked.parked_ids(connection, self.integration_id)

    async def unknown_senders(self, least: int) -> list[str]:
        """Return addresses that no bank file knows and that brought so many mails, of all mailboxes together."""
        async with self.database.read() as connection:
            return [sender.address for sender in await senders.list_unknown(connection, least=least)]

    async def keep(self, kept: Sequence[Email]) -> int:
        """Keep a full chunk in the middle of a visit; the cursor stays. Returns how many were new."""
        sealed = await seal(self.keyring, self.integration_id, kept)
        async with self.database.write() as connection:
            return await visits.keep_emails(
                connection,
                sealed,
                owner=self.owner,
                lease_until=self.lease_until,
                batch_id=self.batch_id,
                now=self.clock.now(),
                today=self.today(),
            )


async def seal(keyring: Keyring, integration_id: int, kept: Sequence[Email]) -> list[SealedEmail]:
    """Return mails of an integration sealed; away from the event loop when compressing them takes its time."""

    def work() -> list[SealedEmail]:
        return [emails.seal_email(keyring, integration_id, email) for email in kept]

    if sum(len(email.raw) for email in kept) < _BYTES_SEALED_AT_ONCE:
        return work()
    return await asyncio.to_thread(work)
