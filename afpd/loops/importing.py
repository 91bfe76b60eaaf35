"""The import loop: one tick is one batch.

1. Give back what an earlier tick of this process left leased, and close the batch that it left open.
2. Open a batch row.
3. Claim what is due, visit each, write what they bring (loops.batch).
4. Close the batch with its totals, and tell how much waits to be parsed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from afpd.clock import day_of
from afpd.config import Settings
from afpd.errors import AfpdError
from afpd.loops.batch import Batch, Parts
from afpd.loops.ledger import resume_counting
from afpd.loops.turn import Senders
from afpd.model import BatchStatus
from afpd.store import batches, claims, emails, quota, visits
from afpd.store import senders as stored_senders

CLOCK_SLACK = timedelta(seconds=60)


@dataclass(slots=True)
class Importing:
    """The import loop of one daemon. `settings` and `senders` are asked at each tick, so that a reload counts.

    `tell_pending` is told how many mails wait to be parsed after each tick. `domains` are the banks' own, where audits
    look for senders that nobody knows; `silent` addresses are known to bring nothing.
    """

    parts: Parts
    settings: Callable[[], Settings]
    senders: Callable[[], Sequence[str]]
    tell_pending: Callable[[int], None]
    latest: datetime | None = None  # when the tick before this one began, by the wall clock
    day: date | None = None  # the one that today's counts belong to
    domains: Callable[[], Sequence[str]] = tuple
    silent: Callable[[], Sequence[str]] = tuple
    numbers: dict[str, int] | None = None  # of the senders at the latest tick

    async def tick(self, scheduled: datetime) -> dict[str, object]:
        """Run one batch; `scheduled` is the UTC moment of the tick. Returns what /status shows as its last run.

        Raises StorageUnavailable when the database refuses; no cursor has moved then, and the next tick starts over.
        """
        clock = self.parts.clock
        started = clock.monotonic()
        self.parts.governor.review(self.settings().imports.every)
        batch_id = await self._open()
        batch = Batch(self.parts, self.settings(), await self._senders(), batch_id, scheduled)
        try:
            await batch.run()
        except AfpdError as error:
            await self._close(batch, BatchStatus.FAILED, clock.monotonic() - started, str(error))
            raise
        self.tell_pending(await self._close(batch, BatchStatus.COMPLETED, clock.monotonic() - started, self._pause()))
        return {
            "integrations_processed": batch.tally.batch_size,
            "total_emails": batch.tally.processed,
            "errors": batch.tally.errors,
            "batch_id": batch.id,
            "skipped": batch.tally.skipped,
        }

    async def _open(self) -> int:
        identity, now = self.parts.identity, self.parts.clock.now()
        went_back = self.latest is not None and now < self.latest - CLOCK_SLACK
        async with self.parts.database.write() as connection:
            if went_back:
                await claims.rebase(connection, now=now, slack=CLOCK_SLACK)
            await claims.release(connection, owner=identity.owner)
            await batches.close_interrupted(connection, node=identity.node, now=now)
            if (today := day_of(now, self.settings().zone)) != self.day:
                await visits.reset_counts(connection, today)
            batch_id = await batches.open_batch(connection, node=identity.node, now=now)
        if went_back:
            await resume_counting(self.parts.database, self.parts.governor, now)
            self.parts.gate.look_again(now)
        self.latest, self.day = now, today  # only now: what was rolled back is still to be done
        return batch_id

    async def _senders(self) -> Senders:
        """Return whose mail is looked for, the new ones numbered: a bank file may have brought some since."""
        addresses = frozenset(address.lower() for address in self.senders())
        if self.numbers is None or self.numbers.keys() != addresses:
            async with self.parts.database.write() as connection:
                numbers = await stored_senders.number(connection, addresses, now=self.parts.clock.now())
            self.numbers = numbers
        return Senders(self.numbers, tuple(self.domains()), tuple(self.silent()))

    async def _close(self, batch: Batch, status: BatchStatus, seconds: float, message: str | None) -> int:
        tally = batch.tally
        closing = batches.Closing(
            status=status,
            batch_size=tally.batch_size,
            total_emails_found=tally.found,
            total_emails_processed=tally.processed,
            errors=tally.errors,
            duration_seconds=seconds,
            user_results=tally.results(),
            error_message=message,
        )
        governor, now = self.parts.governor, self.parts.clock.now()
        spent = governor.unsaved()
        async with self.parts.database.write() as connection:
            await batches.close_batch(connection, batch.id, closing, now=now)
            await quota.add(connection, spent)
            await quota.keep_refused(connection, self.parts.gate.refused(now))
            pending = await emails.count_pending(connection)
        governor.saved(spent)
        return pending

    def _pause(self) -> str | None:
        """Return why everybody was passed over, while Google refuses the whole project or gives nobody a token."""
        gate = self.parts.gate
        return gate.reason if gate.is_shut(self.parts.clock.now()) else self.parts.gmail().tokens_trouble
