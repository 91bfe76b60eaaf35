"""One batch under way: claiming, and visiting under deadlines. What the visits bring is written in loops.writing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from afpd.clock import day_of
from afpd.config import Settings
from afpd.errors import (
    AccessRevoked,
    AfpdError,
    BudgetSpent,
    EndpointDown,
    ProjectError,
    StorageUnavailable,
    Unavailable,
)
from afpd.gmail import Access, OutOfTime
from afpd.gmail.quota import Purse
from afpd.log import get
from afpd.loops.grants import access_of, explained
from afpd.loops.holding import Holding
from afpd.loops.lines import tell_end
from afpd.loops.parts import Parts
from afpd.loops.pool import work_through
from afpd.loops.shelf import VisitShelf, seal
from afpd.loops.tally import Tally
from afpd.loops.terms import bell_for, cadence_of, rules_of, window_of
from afpd.loops.turn import Brought, Senders, Window
from afpd.loops.visit import visit
from afpd.loops.writing import Ended, Writing
from afpd.schedule import after_visit
from afpd.store import claims, visits
from afpd.store.progress import Progress

__all__ = ["Batch", "Parts", "rules_of", "window_of"]

_CLAIM_AT_ONCE = 200
_MOST_EARLY = timedelta(seconds=15)
_LEAST_TO_LINGER = timedelta(seconds=30)
_PASSES_OVER = (ProjectError, EndpointDown, BudgetSpent)

log = get("import")


@dataclass(slots=True)
class Batch:
    """One batch: everything that was due when its tick began, visited once."""

    parts: Parts
    settings: Settings
    senders: Senders
    id: int
    scheduled: datetime
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> None:
        """Visit everything that was due. Raises StorageUnavailable when the database refuses."""
        writing = Writing(self.parts, self.settings, self.id, self._due_by(), self.tally)
        holding = Holding(writing, self.parts.doubt)
        await work_through(self._claimed(), self._visit, holding.write, workers=self.settings.imports.concurrency)
        await holding.end()

    async def _claimed(self) -> AsyncIterator[claims.Claimed]:
        """Claim what was due at the tick, first what owes no search of its past.

        What becomes due meanwhile is the next tick's.
        """
        for owing in (False, True):
            while chunk := await self._chunk(owing=owing):
                for claimed in chunk:
                    yield claimed

    async def _chunk(self, *, owing: bool) -> list[claims.Claimed]:
        """Claim as many as the minute's quota bears; none when there are no more, or the batch must end."""
        parts, imports = self.parts, self.settings.imports
        seats = await parts.governor.seats(min(_CLAIM_AT_ONCE, imports.concurrency), self._gives_up)
        if self._must_end():
            return []
        now = parts.clock.now()
        async with parts.database.write() as connection:
            chunk = await claims.claim(
                connection,
                now=now,
                due_by=self._due_by(),
                over_by=min(self.scheduled, now),  # a pause that begins in this batch does not end in it
                limit=seats,
                owner=parts.identity.owner,
                lease=imports.lease,
                only=parts.only,
                owing=owing,
            )
        parts.governor.expect(len(chunk))
        return chunk

    async def _visit(self, claimed: claims.Claimed) -> Ended:
        brought = Brought()
        with self.parts.governor.visit(claimed.id, lambda: brought.lingers) as purse:
            async with self.parts.gate.turn():
                return await self._visit_in_turn(claimed, brought, purse)

    async def _visit_in_turn(self, claimed: claims.Claimed, brought: Brought, purse: Purse) -> Ended:
        if self._must_end():
            return await self._ended(claimed, brought, ProjectError("not asked"), None, is_skipped=True)
        access: Access | None = None
        ending: Exception | None = None
        try:
            access = access_of(self.parts.keyring, claimed)
            await self._under_deadline(claimed, access, brought, purse)
            self.parts.gate.passed(self.parts.clock.now())
        except StorageUnavailable:
            raise
        except ProjectError as error:
            self.parts.gate.shut(error, self.parts.clock.now())
            ending = error
        except AfpdError as error:
            ending = explained(error, claimed, self.parts.clock.now())
        except Exception as error:
            log.exception("import.visit_broke", integration_id=claimed.id, batch_id=self.id)
            ending = error
        self.parts.beat()
        return await self._ended(claimed, brought, ending, access)

    async def _under_deadline(self, claimed: claims.Claimed, access: Access, brought: Brought, purse: Purse) -> None:
        """Visit within the deadline. One that got somewhere by then ended well and goes on at its next turn."""
        parts, deadline = self.parts, self.settings.gmail.visit_deadline.total_seconds()
        mailbox = parts.gmail().mailbox(access, claimed.email_account, self.settings.gmail.visit_deadline, purse)
        shelf = VisitShelf(
            parts.database,
            parts.keyring,
            parts.clock,
            self._today,
            claimed.id,
            parts.identity.owner,
            claimed.lease_until,
            self.id,
        )
        try:
            async with asyncio.timeout(deadline):
                await visit(claimed, mailbox, shelf, self._window(claimed), self.senders, parts.clock.now, brought)
                parts.skew.note(mailbox.server_time, parts.clock.now())
        except (TimeoutError, OutOfTime):
            if not (brought.kept or brought.emails):
                raise Unavailable(f"Gmail did not answer within the {deadline:g} s of a visit") from None
        except BudgetSpent:
            if brought.progress is None:
                raise

    def _window(self, claimed: claims.Claimed) -> Window:
        """What can wait is done while the quota has room, and while the next tick is far."""
        until = self.scheduled + max(self.settings.imports.every / 2, _LEAST_TO_LINGER)
        may_linger = self.parts.governor.has_room_behind() and self.parts.clock.now() < until
        bell = bell_for(claimed, self.settings.gmail.budget, self.parts.clock.now())
        return replace(window_of(self.settings), may_linger=may_linger, bell=bell)

    async def _ended(
        self,
        claimed: claims.Claimed,
        brought: Brought,
        ending: Exception | None,
        access: Access | None,
        *,
        is_skipped: bool = False,
    ) -> Ended:
        now, rules = self.parts.clock.now(), rules_of(self.settings)
        standing = claimed.standing
        got_somewhere = bool(brought.kept or brought.emails)
        if got_somewhere:  # pauses do not double
            standing = replace(standing, failures_in_a_row=0)
        if ending is None:
            standing = replace(standing, every=self._interval(claimed, brought.progress))
        state = after_visit(standing, ending, now, rules, not_before=self._due_by())
        result = visits.VisitResult(
            integration_id=claimed.id,
            lease_until=claimed.lease_until,
            state=state,
            emails=await seal(self.parts.keyring, claimed.id, brought.emails),
            found=brought.found,
            progress=brought.progress if ending is None else None,
            parked=brought.parked,
            unparked=brought.unparked,
            tokens=None if access is None else _new_tokens(access),
        )
        passed_over = is_skipped or (isinstance(ending, _PASSES_OVER) and not got_somewhere)
        is_refusal = isinstance(ending, AccessRevoked)
        if not is_refusal:  # the batch decides later whether it is believed
            tell_end(claimed, state, self.id, well=ending is None, counts=not passed_over)
        return Ended(claimed, result, brought.kept, passed_over, is_refusal=is_refusal)

    def _interval(self, claimed: claims.Claimed, progress: Progress | None) -> timedelta:
        """How long until the next visit; one that is not through with its mailbox goes on at its own frequency."""
        every = claimed.standing.every
        if progress is None or progress.owed_from is not None:
            return every
        cadence = cadence_of(self.settings, self.parts.governor.stretch)
        active_at = progress.active_at or claimed.active_at or progress.watermark_at
        return cadence.interval(every, progress.watermark_at - active_at)

    def _gives_up(self) -> bool:
        self.parts.beat()
        return self._must_end()

    def _must_end(self) -> bool:
        return self.parts.stop.is_set() or self.parts.gate.is_shut(self.parts.clock.now())

    def _due_by(self) -> datetime:
        """A little after the tick: clocks are slewed, and a second too late must not mean an interval too late."""
        return self.scheduled + min(_MOST_EARLY, self.settings.imports.every / 10)

    def _today(self) -> date:
        return day_of(self.parts.clock.now(), self.settings.zone)


def _new_tokens(access: Access) -> visits.NewTokens | None:
    renewed = access.renewed
    if renewed is None:
        return None
    return visits.NewTokens(renewed.access_token, renewed.expires_at, renewed.refresh_token)
