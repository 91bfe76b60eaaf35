"""The parsing loop: pending mails become transactions, a chunk at a time.

1. Give back what an earlier tick of this process left leased.
2. Lease a chunk, open its bodies, read them away from the event loop.
3. Write outcomes, transactions and the banks' statistics of the chunk in one transaction.
4. Again, until nothing is pending.
5. When bank files changed, read unmatched and failed mails again, some at each tick.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from afpd.clock import Clock
from afpd.config import Settings
from afpd.errors import StorageUnavailable
from afpd.keyring import Keyring
from afpd.log import get
from afpd.loops.drift import watch_rates
from afpd.loops.identity import Identity
from afpd.loops.reading import broken, read_chunk
from afpd.loops.replaying import Replaying
from afpd.model import Outcome, Reading
from afpd.parse.library import Library
from afpd.parse.trust import policy_of
from afpd.store import banks, emails, replays, transactions
from afpd.store.banks import KnownBank
from afpd.store.database import Database
from afpd.store.emails import PendingEmail

_LEASE = timedelta(minutes=10)

_REPLAYED_PER_TICK = 1000

_Read = tuple[PendingEmail, Reading]
_ReadWith = Mapping[str | None, str]

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
        replayed = await self._replay(settings, library)
        await watch_rates(self.database, self.clock.now(), settings.zone)
        ended = {outcome.value: count for outcome, count in outcomes.items() if outcome is not Outcome.PENDING}
        told: dict[str, object] = {"emails_parsed": sum(ended.values()), "transactions_created": created, **ended}
        return told | ({"replayed": replayed} if replayed else {})

    async def _replay(self, settings: Settings, library: Library) -> int:
        """Read again what other bank files could not read; returns how many mails read differently now."""
        fingerprint = library.fingerprints[None]
        async with self.database.read() as connection:
            if await replays.is_done_with(connection, fingerprint):
                return 0
            last = await replays.reached(connection, fingerprint)
        policy, node = policy_of(settings.banks), self.identity.node
        replaying = Replaying(self.database, self.keyring, library, policy, node, self.clock, settings.zone)
        wanted = replays.Wanted(outcomes=(Outcome.UNMATCHED, Outcome.FAILED), not_read_with=library.fingerprints)
        seen = different = 0
        is_done = True
        at_once = settings.parsing.chunk
        async with aclosing(replaying.pages(wanted, applies=True, at_once=at_once, after_id=last)) as pages:
            async for page in pages:
                seen, last = seen + page.seen, page.last
                different += len(page.different)
                self.beat()
                if seen >= _REPLAYED_PER_TICK or self.stop.is_set():
                    is_done = False
                    break
        async with self.database.write() as connection:
            await replays.note_reached(connection, fingerprint, last)
            if is_done:
                await replays.note_done_with(connection, fingerprint)
        if different:
            log.info("parsing.replayed", emails=different)
        return different

    async def _chunk(self, settings: Settings, library: Library) -> transactions.Recorded | None:
        now = self.clock.now()
        async with self.database.write() as connection:
            ids = await emails.claim_pending(
                connection, owner=self.identity.owner, now=now, lease_until=now + _LEASE, limit=settings.parsing.chunk
            )
            chunk = await emails.load_pending(connection, ids)
        if not chunk:
            return None
        readings = await asyncio.to_thread(read_chunk, chunk, self.keyring, library, policy_of(settings.banks))
        return await self._record(list(zip(chunk, readings, strict=True)), library.fingerprints)

    async def _record(self, readings: Sequence[_Read], read_with: _ReadWith) -> transactions.Recorded:
        """Write readings; one that cannot be written must not hold up the others for ever."""
        try:
            return await self._record_together(readings, read_with)
        except StorageUnavailable:
            raise
        except Exception as error:
            log.exception("parsing.reading_broke", email_parsing_job_ids=[email.id for email, _ in readings])
            if len(readings) == 1:
                email, reading = readings[0]
                return await self._record_together([(email, broken(error, reading.bank))], read_with)
        alone = [await self._record([reading], read_with) for reading in readings]
        outcomes = {outcome: sum(one.outcomes[outcome] for one in alone) for outcome in Outcome}
        return transactions.Recorded(sum(one.created for one in alone), outcomes)

    async def _record_together(self, readings: Sequence[_Read], read_with: _ReadWith) -> transactions.Recorded:
        identity, now = self.identity, self.clock.now()
        async with self.database.write() as connection:
            return await transactions.record(
                connection,
                readings,
                owner=identity.owner,
                node=identity.node,
                now=now,
                read_with=read_with,
                zone=self.settings().zone,
            )


def known_banks(library: Library) -> list[KnownBank]:
    """Return what the store needs to know of the banks of a library."""
    return [KnownBank(bank.code, bank.name, bank.country, bank.domains) for bank in library.banks]
