"""The parsing loop: pending mails become transactions, a chunk at a time.

1. Give back what an earlier tick of this process left leased.
2. Lease a chunk, open its bodies, read them away from the event loop.
3. Write outcomes, transactions and the banks' statistics of the chunk in one transaction.
4. Again, until nothing is pending.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from afpd.clock import Clock
from afpd.config import Settings
from afpd.errors import SecretError, StorageUnavailable
from afpd.keyring import Keyring
from afpd.log import get
from afpd.loops.identity import Identity
from afpd.model import Outcome, Reading
from afpd.parse.authenticity import Policy
from afpd.parse.library import Library
from afpd.store import banks, emails, transactions
from afpd.store.banks import KnownBank
from afpd.store.database import Database
from afpd.store.emails import PendingEmail
from afpd.store.sealed import open_body

_LEASE = timedelta(minutes=10)

_Read = tuple[PendingEmail, Reading]

log = get("parsing")


@dataclass(frozen=True, slots=True)
class Parsing:
    """The parsing loop of one daemon. `settings` and `library` are asked at each tick, so that a reload counts."""

    database: Database
    keyring: Keyring
    clock: Clock
    identity: Identity
    stop: asyncio.Event
    beat: Callable[[], None]
    settings: Callable[[], Settings]
    library: Callable[[], Library]

    async def tick(self, _: datetime) -> dict[str, object]:
        """Read everything that is pending. Returns what /status shows as the last run.

        Raises StorageUnavailable when the database refuses; the jobs stay pending then.
        """
        settings, library = self.settings(), self.library()
        async with self.database.write() as connection:
            await emails.release_pending(connection, owner=self.identity.owner)
            await banks.sync_banks(connection, known_banks(library))  # a reload may have brought new ones
        created, outcomes = 0, dict.fromkeys(Outcome, 0)
        while not self.stop.is_set():
            recorded = await self._chunk(settings, library)
            if recorded is None:
                break
            created += recorded.created
            for outcome, count in recorded.outcomes.items():
                outcomes[outcome] += count
            self.beat()
        ended = {outcome.value: count for outcome, count in outcomes.items() if outcome is not Outcome.PENDING}
        return {"emails_parsed": sum(ended.values()), "transactions_created": created, **ended}

    async def _chunk(self, settings: Settings, library: Library) -> transactions.Recorded | None:
        now = self.clock.now()
        async with self.database.write() as connection:
            ids = await emails.claim_pending(
                connection, owner=self.identity.owner, now=now, lease_until=now + _LEASE, limit=settings.parsing.chunk
            )
            chunk = await emails.load_pending(connection, ids)
        if not chunk:
            return None
        policy = Policy(settings.banks.authentication.value)
        readings = await asyncio.to_thread(read_chunk, chunk, self.keyring, library, policy)
        return await self._record(list(zip(chunk, readings, strict=True)))

    async def _record(self, readings: Sequence[_Read]) -> transactions.Recorded:
        """Write readings; one that cannot be written must not hold up the others for ever."""
        try:
            return await self._record_together(readings)
        except StorageUnavailable:
            raise
        except Exception as error:
            log.exception("parsing.reading_broke", email_parsing_job_ids=[email.id for email, _ in readings])
            if len(readings) == 1:
                email, reading = readings[0]
                return await self._record_together([(email, Reading(Outcome.FAILED, _bug(error), reading.bank))])
        alone = [await self._record([reading]) for reading in readings]
        outcomes = {outcome: sum(one.outcomes[outcome] for one in alone) for outcome in Outcome}
        return transactions.Recorded(sum(one.created for one in alone), outcomes)

    async def _record_together(self, readings: Sequence[_Read]) -> transactions.Recorded:
        identity, now = self.identity, self.clock.now()
        async with self.database.write() as connection:
            return await transactions.record(connection, readings, owner=identity.owner, node=identity.node, now=now)


def known_banks(library: Library) -> list[KnownBank]:
    """Return what the store needs to know of the banks of a library."""
    return [KnownBank(bank.code, bank.name, bank.country, bank.domains) for bank in library.banks]


def read_chunk(chunk: Sequence[PendingEmail], keyring: Keyring, library: Library, policy: Policy) -> list[Reading]:
    """Read each mail; a mail that breaks the reader is `failed` with that reason and does not touch the others."""
    return [_read(email, keyring, library, policy) for email in chunk]


def _read(email: PendingEmail, keyring: Keyring, library: Library, policy: Policy) -> Reading:
    if email.user_id is None:
        return Reading(Outcome.FAILED, "the integration of this mail is gone, so nobody owns what it tells")
    if email.received_at is None:
        return Reading(Outcome.FAILED, "nothing tells when this mail came")
    if email.body is None:
        return Reading(Outcome.FAILED, "the body of this mail is no longer kept, so it cannot be read")
    try:
        raw = open_body(keyring, email.integration_id, email.email_message_id, email.body)
        return library.read(raw, received_at=email.received_at, owner=email.email_account, policy=policy)
    except SecretError as error:
        return Reading(Outcome.FAILED, str(error))
    except Exception as error:
        log.exception("parsing.mail_broke", email_parsing_job_id=email.id)
        return Reading(Outcome.FAILED, _bug(error))


def _bug(error: Exception) -> str:
    return f"a bug of afpd met this mail ({type(error).__name__}); the log has its traceback"
