"""One batch under way: claiming, visiting under deadlines, and writing what the visits bring."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from afpd.clock import Clock, day_of
from afpd.config import Settings
from afpd.errors import AccessDenied, AfpdError, ProjectError, SecretError, StorageUnavailable, Unavailable
from afpd.gmail import Access, Gmail, OutOfTime
from afpd.keyring import Keyring
from afpd.log import get
from afpd.loops.gate import Gate, Skew
from afpd.loops.identity import Identity
from afpd.loops.pool import work_through
from afpd.loops.shelf import VisitShelf, seal
from afpd.loops.tally import Tally
from afpd.loops.turn import Brought, Window
from afpd.loops.visit import visit
from afpd.model import ImportStatus
from afpd.schedule import Rules, after_visit
from afpd.store import claims, visits
from afpd.store.database import Database
from afpd.store.sealed import open_token

_CLAIM_AT_ONCE = 200
_MOST_EARLY = timedelta(seconds=15)
_MESSAGES_THAT_MAY_HANG = 4
_LEAST_PATIENCE = timedelta(milliseconds=500)

log = get("import")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the import loop is made of. `only` limits it to some integrations, for a gradual roll-out."""

    database: Database
    gmail: Callable[[], Gmail]
    keyring: Keyring
    clock: Clock
    identity: Identity
    gate: Gate
    skew: Skew
    stop: asyncio.Event
    beat: Callable[[], None]
    only: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class _Ended:
    claimed: claims.Claimed
    result: visits.VisitResult
    kept_before: int
    is_skipped: bool
    is_bare: bool = False


@dataclass(slots=True)
class Batch:
    """One batch: everything that was due when its tick began, visited once."""

    parts: Parts
    settings: Settings
    senders: Sequence[str]
    id: int
    scheduled: datetime
    tally: Tally = field(default_factory=Tally)
    skipped: int = 0

    async def run(self) -> None:
        """Visit everything that was due. Raises StorageUnavailable when the database refuses."""
        await work_through(self._claimed(), self._visit, self._write, workers=self.settings.imports.concurrency)

    async def _claimed(self) -> AsyncIterator[claims.Claimed]:
        """Claim in chunks what was due at the tick; what becomes due meanwhile is the next tick's."""
        parts, imports = self.parts, self.settings.imports
        while not self._must_end():
            now = parts.clock.now()
            async with parts.database.write() as connection:
                chunk = await claims.claim(
                    connection,
                    now=now,
                    due_by=self._due_by(),
                    over_by=min(self.scheduled, now),  # a pause that begins in this batch does not end in it
                    limit=min(_CLAIM_AT_ONCE, imports.concurrency),
                    owner=parts.identity.owner,
                    lease=imports.lease,
                    only=parts.only,
                )
            for claimed in chunk:
                yield claimed
            if not chunk:
                return

    async def _visit(self, claimed: claims.Claimed) -> _Ended:
        brought = Brought()
        if self._must_end():
            return await self._ended(claimed, brought, ProjectError("not asked"), None, is_skipped=True)
        access: Access | None = None
        ending: Exception | None = None
        try:
            access = self._access(claimed)
            await self._under_deadline(claimed, access, brought)
            self.parts.gate.passed(self.parts.clock.now())
        except StorageUnavailable:
            raise
        except ProjectError as error:
            self.parts.gate.shut(error, self.parts.clock.now())
            ending = error
        except AfpdError as error:
            ending = error
        except Exception as error:
            log.exception("import.visit_broke", integration_id=claimed.id, batch_id=self.id)
            ending = error
        self.parts.beat()
        return await self._ended(claimed, brought, ending, access)

    async def _under_deadline(self, claimed: claims.Claimed, access: Access, brought: Brought) -> None:
        """Visit within the deadline. One that got somewhere by then ended well and goes on at its next turn."""
        parts, deadline = self.parts, self.settings.gmail.visit_deadline.total_seconds()
        mailbox = parts.gmail().mailbox(access, claimed.email_account, self.settings.gmail.visit_deadline)
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
                await visit(claimed, mailbox, shelf, window_of(self.settings), self.senders, parts.clock.now, brought)
                parts.skew.note(mailbox.server_time, parts.clock.now())
        except (TimeoutError, OutOfTime):
            if not (brought.kept or brought.emails):
                raise Unavailable(f"Gmail did not answer within the {deadline:g} s of a visit") from None

    def _access(self, claimed: claims.Claimed) -> Access:
        keyring, sealed = self.parts.keyring, claimed.sealed_access_token
        if claimed.sealed_refresh_token is None:
            raise AccessDenied("no refresh token: connect this integration")
        refresh_token = open_token(keyring, claimed.id, "refresh_token", claimed.sealed_refresh_token)
        try:
            access_token = open_token(keyring, claimed.id, "access_token", sealed) if sealed else None
        except SecretError:
            access_token = None  # a new one comes with the refresh token
        return Access(refresh_token, access_token, claimed.access_token_expires_at)

    async def _ended(
        self,
        claimed: claims.Claimed,
        brought: Brought,
        ending: Exception | None,
        access: Access | None,
        *,
        is_skipped: bool = False,
    ) -> _Ended:
        now, rules = self.parts.clock.now(), rules_of(self.settings)
        standing = claimed.standing
        got_somewhere = bool(brought.kept or brought.emails)
        if got_somewhere:  # pauses do not double
            standing = replace(standing, failures_in_a_row=0)
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
        self._tell(claimed, result, ending)
        passed_over = isinstance(ending, ProjectError) and not got_somewhere
        return _Ended(claimed, result, brought.kept, is_skipped or passed_over)

    async def _write(self, group: Sequence[_Ended]) -> None:
        """Write a group of results in one transaction; one that cannot be written must not take the others along."""
        try:
            await self._write_together(group)
        except StorageUnavailable:
            raise
        except Exception as error:
            if len(group) == 1 and group[0].is_bare:
                raise
            log.exception("import.result_broke", integrations=len(group), batch_id=self.id)
            for ended in group:
                await self._write([ended] if len(group) > 1 else [self._bare(ended, error)])

    def _bare(self, ended: _Ended, error: Exception) -> _Ended:
        """Return the end of a visit whose result is a bug of ours: nothing moves, it backs off."""
        state = after_visit(
            ended.claimed.standing, error, self.parts.clock.now(), rules_of(self.settings), not_before=self._due_by()
        )
        bare = visits.VisitResult(ended.claimed.id, ended.claimed.lease_until, state)
        return _Ended(ended.claimed, bare, ended.kept_before, ended.is_skipped, is_bare=True)

    async def _write_together(self, group: Sequence[_Ended]) -> None:
        """Write a group of results in one transaction, and count what was really kept."""
        parts = self.parts
        async with parts.database.write() as connection:
            kept = await visits.finish(
                connection,
                [ended.result for ended in group],
                owner=parts.identity.owner,
                batch_id=self.id,
                now=parts.clock.now(),
                today=self._today(),
                keyring=parts.keyring,
            )
        for ended, count in zip(group, kept, strict=True):
            if ended.is_skipped:
                self.skipped += 1
                continue
            result = ended.result
            processed = ended.kept_before + count
            self.tally.add(
                ended.claimed.user_id,
                result.integration_id,
                found=max(result.found, processed),
                processed=processed,
                error=result.state.error,
            )

    def _tell(self, claimed: claims.Claimed, result: visits.VisitResult, ending: Exception | None) -> None:
        """One line when trouble begins, changes its kind or ends; repeats are for the row and for debug."""
        first = claimed.standing.failures_in_a_row == 0
        words = {"integration_id": claimed.id, "batch_id": self.id, "state": result.state.import_status.value}
        if ending is None and not first:
            log.info("integration.recovered", **words)
        elif result.state.import_status is ImportStatus.ERROR:
            log.error("integration.needs_a_person", reason=result.state.error, **words)
        elif ending is not None and result.state.error is not None:
            tell = log.warning if first else log.debug
            tell("integration.failed", reason=result.state.error, **words)

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


def window_of(settings: Settings) -> Window:
    """Return the lengths of time that a visit's searches obey."""
    imports = settings.imports
    return Window(
        first_import=imports.first_import,
        overlap=imports.overlap,
        search_again_after=imports.search_again_after,
        message_patience=max(settings.gmail.visit_deadline / _MESSAGES_THAT_MAY_HANG, _LEAST_PATIENCE),
        reconcile_every=imports.reconcile_every,
        reconcile_window=imports.reconcile_window,
        page_budget=imports.page_budget,
        units_per_visit=settings.gmail.user_units_per_minute * 9 // 10,
        most_kept_bytes=imports.max_mail,
    )


def rules_of(settings: Settings) -> Rules:
    """Return the pauses that scheduling obeys."""
    return Rules(
        backoff_base=settings.imports.backoff_base,
        backoff_max=settings.imports.backoff_max,
        rate_pause=settings.gmail.rate_pause,
        confirm_revoked_after=settings.gmail.confirm_revoked_after,
    )
