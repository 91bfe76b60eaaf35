"""One visit of one integration. It reads Gmail and returns what to keep; it writes no state.

The machine and its invariants are on paper in docs/architecture.md, "The visit":

    LISTEN ── bell (getProfile), and where it rang the history ──► the cursor to take, and what was added
       ▼
    RECENT ── the time that the history told of, in one search; with the audit's days when its turn has come
       ▼
    OWED ──── a gap or a first import, slice by slice, newest first; what is not reached stays owed
       ▼
    PAST ──── of senders that bank files brought since; what is not reached is owed from then on
       ▼
    AUDIT ─── the banks' domains, for senders that nobody knows
       ▼
    DONE: cursor, watermark, kept, parked, owed, in one transaction

Behind the cursor that a visit takes, every id is kept, gone, parked or owed, also when its time ends it on the way.
An error on the way means no progress at all.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from afpd.errors import BudgetSpent
from afpd.log import get
from afpd.loops.audit import ENOUGH_OF_ONE, is_audit_due
from afpd.loops.fetching import Fetching, is_due
from afpd.loops.listening import Heard, listen, overlapping
from afpd.loops.sweep import Pages, Span, Sweep
from afpd.loops.turn import Brought, Mailbox, Senders, Shelf, Window
from afpd.store.claims import Claimed
from afpd.store.parked import ParkedEmail, Reason
from afpd.store.progress import Progress

MOST_UNSEEN = 200
"""Unseen ids that are parked for one visit; with more the mailbox is searched again without naming them."""

log = get("import")


async def visit(
    claimed: Claimed,
    mailbox: Mailbox,
    shelf: Shelf,
    window: Window,
    senders: Senders,
    now: Callable[[], datetime],
    brought: Brought,
) -> None:
    """Visit one integration and fill `brought`; what was filled before an error is still good to keep.

    Raises the errors of the gmail room; `OutOfTime` and a cancellation leave a progress that says what is still owed.
    """
    heard = await listen(claimed, mailbox, window, now)
    turn = _Turn(claimed, mailbox, shelf, window, senders, brought, heard)
    try:
        await turn.search()
    finally:
        brought.progress = turn.progress()
        turn.tell()


@dataclass(slots=True)
class _Turn:
    """The visit after it listened. `owed` shrinks as slices are done; `seen` are the ids that recent slices showed."""

    claimed: Claimed
    mailbox: Mailbox
    shelf: Shelf
    window: Window
    senders: Senders
    brought: Brought
    heard: Heard
    owed: Span | None = None
    recent: Span | None = None
    audits: bool = False
    audited: bool = False
    looked: bool = False
    paid: bool = False
    searched: int | None = None
    seen: set[str] = field(default_factory=set)
    fetching: Fetching | None = None
    pages: Pages = field(default_factory=lambda: Pages(0))

    async def search(self) -> None:
        """Search and download in the order of urgency."""
        self._plan()
        if self.recent is None and self.owed is None and not self._has_new_senders:
            return
        parked = await self.shelf.parked()
        self.fetching = Fetching(
            self.claimed, self.mailbox, self.shelf, self.window, self.brought, self.senders, parked, self.heard.at,
            self.audits,
        )  # fmt: skip
        self.brought.lingers = self.audits and self.recent == self._audited_span
        await self._look(self.fetching)
        await self.fetching.finish()
        self.brought.lingers = True
        with suppress(BudgetSpent):
            await self._linger(self.fetching)

    async def _linger(self, fetching: Fetching) -> None:
        """Search what can wait, where there is room."""
        await self._pay(fetching)
        if self.owed is None and self._has_new_senders and self.window.may_linger:
            await self._catch_up(fetching)
        if self.audits and self.owed is None:
            await self._audit(fetching)
        await fetching.finish()

    def _plan(self) -> None:
        claimed, window, at = self.claimed, self.window, self.heard.at
        self.pages = Pages(window.page_budget)
        if claimed.cursor is not None and claimed.search_from is not None:
            self.owed = Span(claimed.search_from, claimed.search_until)
        if claimed.cursor is None:
            self.searched = self.senders.newest  # the first search is for all of them
            self.owed = self.heard.gap
            return
        is_free = self.owed is None and not self._has_new_senders and window.may_linger
        self.audits = is_free and is_audit_due(claimed.id, claimed.reconciled_at, at, window.reconcile_every)
        if self.heard.gap is not None or self.heard.added or is_due(claimed.look_again_at, at):
            self.recent = Span(overlapping(claimed, window, at))
        if self.audits:
            self.recent = self._audited_span.joined(self.recent)

    @property
    def _audited_span(self) -> Span:
        return Span(self.heard.at - self.window.reconcile_window)

    @property
    def _has_new_senders(self) -> bool:
        return self.searched is None and self.claimed.searched_senders_id < self.senders.newest

    async def _look(self, fetching: Fetching) -> None:
        """Search the recent time. What of it is not reached is owed."""
        if self.recent is None:
            return
        backlog, span = self.owed, self.recent
        self.owed = span.joined(backlog)
        rest = await self._sweep(fetching, span, self.senders.after(0), lambda rest: rest.joined(backlog))
        self.owed = backlog if rest is None else rest.joined(backlog)
        self.looked = rest is None

    async def _pay(self, fetching: Fetching) -> None:
        """Search what is owed, where there is room: a first import, or what earlier searches did not reach."""
        if self.owed is None or self.pages.are_used_up or not self.window.may_linger:
            return
        self.owed = await self._sweep(fetching, self.owed, self.senders.after(0), lambda rest: rest)
        self.paid = True

    async def _catch_up(self, fetching: Fetching) -> None:
        """Search the past for senders that came since. Cut short, the rest is owed, for all senders."""
        if self.pages.are_used_up:
            return
        span = Span(self.heard.at - self.window.first_import)
        new = self.senders.after(self.claimed.searched_senders_id)
        self.owed, self.searched = span, self.senders.newest
        self.owed = await self._sweep(fetching, span, new, lambda rest: rest)

    async def _sweep(
        self, fetching: Fetching, span: Span, senders: list[str], still_owed: Callable[[Span], Span]
    ) -> Span | None:
        """Search a span and download what it shows; note after each slice what is still owed. Returns the rest."""
        rest: Span | None = None
        async for part in Sweep(self.mailbox, senders, self.pages, self.heard.at).slices(span):
            self.seen.update(part.ids)
            await fetching.fetch(part.ids)
            fetching.settle_doubts()  # what leaves the owed span is kept, gone or parked
            rest = part.rest
            if rest is not None:
                self.owed = still_owed(rest)
        return rest

    async def _audit(self, fetching: Fetching) -> None:
        """Look for senders at the banks' domains that nobody knows, beside those that bring nothing."""
        left_out = [*self.senders.silent, *await self.shelf.unknown_senders(ENOUGH_OF_ONE)]
        sweep = Sweep(self.mailbox, self.senders.domains, self.pages, self.heard.at, left_out)
        async for part in sweep.slices(self._audited_span):
            await fetching.fetch_unknown([key for key in part.ids if key not in self.seen])
        self.audited = True

    def progress(self) -> Progress:
        """Return what moves, whatever the visit reached."""
        claimed, heard = self.claimed, self.heard
        unseen, forgotten = self._unseen()
        is_whole = self.audited or (claimed.reconciled_at is None and self.owed is None and self.paid)
        return Progress(
            cursor=heard.cursor,
            watermark_at=heard.at,
            look_again_at=self._look_again(unseen, forgotten),
            reconciled_at=heard.at if is_whole else None,
            active_at=heard.at if heard.is_active else None,
            owed_from=self.owed.after if self.owed else None,
            owed_until=self.owed.before if self.owed else None,
            searched_senders_id=self.searched,
            histories_refused=heard.histories_refused,
            unseen=unseen[:MOST_UNSEEN],
            forgotten=forgotten,
        )

    def _unseen(self) -> tuple[list[ParkedEmail], list[str]]:
        """Return the ids to park because no search has shown them, and the parked ones that none showed in time."""
        again = self.heard.at + self.window.search_again_after
        hidden = sorted(self.heard.added - self.seen)
        new = [ParkedEmail(key, 0, None, again, Reason.UNSEEN) for key in hidden if key not in self._parked]
        if not self.looked:
            return new, []
        waited = [key for key, one in self._parked.items() if one.reason is Reason.UNSEEN and key not in self.seen]
        return new, [key for key in waited if not self._is_fresh(self._parked[key])]

    @property
    def _parked(self) -> dict[str, ParkedEmail]:
        return {} if self.fetching is None else dict(self.fetching.parked)

    def _is_fresh(self, unseen: ParkedEmail) -> bool:
        """Whether a search may still come too early for the id; a time further ahead than any pause is no time."""
        at, again = self.heard.at, self.window.search_again_after
        return unseen.next_at is not None and at < unseen.next_at <= at + again

    def _look_again(self, unseen: list[ParkedEmail], forgotten: list[str]) -> datetime | None:
        """When to come back: for what the searches did not show yet, and for downloads that failed."""
        at, before = self.heard.at, self.claimed.look_again_at
        waits = before is not None and before > at
        if self.fetching is None:
            return before if waits and not unseen else self._later() if unseen else None
        resting = [one.next_at for one in self._parked.values() if one.reason is Reason.FAILED]
        moments = [moment for moment in (*resting, *self.fetching.pauses) if moment is not None and moment > at]
        gone = {*forgotten, *self.seen}
        hidden = [key for key, one in self._parked.items() if one.reason is Reason.UNSEEN and key not in gone]
        if waits and before is not None and self.recent is None:
            moments.append(before)  # what is owed was searched, not what this waits for
        elif waits or unseen or hidden or self.heard.is_blind:
            moments.append(self._later())
        return min(moments, default=None)

    def _later(self) -> datetime:
        return self.heard.at + self.window.search_again_after

    def tell(self) -> None:
        """One line for what the audit found; what is not kept in the end is found, and told, again."""
        words = {"integration_id": self.claimed.id}
        if self.brought.missing:
            log.warning("import.emails_missing", emails=self.brought.missing, **words)
        if self.brought.unknown:
            log.warning("import.unknown_senders", emails=self.brought.unknown, **words)
