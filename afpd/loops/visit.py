"""One visit of one integration: bell, search, download. It reads Gmail and returns what to keep; it writes no state.

    BELL ── nothing new, nothing due ─────────────────────────────► DONE
     │ no cursor, or history expired         │ history moved
     ▼                                       ▼
    SEARCH from search_from / watermark ◄── SEARCH from watermark - overlap
     │ page by page: ids that are not kept yet
     ▼
    FETCH ── each id: kept · gone (deleted meanwhile) · parked (failed on its own)
     │ all pages read, every id kept, gone or parked
     ▼
    DONE: cursor (taken before the search began), watermark (Gmail's own time at the bell)

Invariants: the cursor of the result was asked for before the search that covers it; a result carries progress only if
every id that the searches showed is kept, gone or parked; an error or a deadline on the way means no progress.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from afpd.errors import CursorExpired
from afpd.gmail.query import bank_queries
from afpd.gmail.shapes import Profile
from afpd.loops.fetching import Fetching, is_due
from afpd.loops.turn import Brought, Mailbox, Shelf, Window
from afpd.store.claims import Claimed
from afpd.store.visits import Progress

_CLOCK_NOISE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Sync:
    """The plan of one sync: the cursor to take at its end, and the search that leads there (None: no search).

    It is blind when no history tells what the search, which lags, should show.
    """

    cursor: str
    started_at: datetime
    search_after: datetime | None
    reconciles: bool = False
    is_blind: bool = False
    heard: frozenset[str] = frozenset()


async def visit(
    claimed: Claimed,
    mailbox: Mailbox,
    shelf: Shelf,
    window: Window,
    senders: Sequence[str],
    now: Callable[[], datetime],
    brought: Brought,
) -> None:
    """Visit one integration and fill `brought`; what was filled before an error is still good to keep.

    Raises the errors of the gmail room; `brought.progress` is set only when the sync is complete.
    """
    sync = await _listen(claimed, mailbox, window, now)
    seen: set[str] = set()
    parked = {} if sync.search_after is None else await shelf.parked()
    fetching = Fetching(claimed, mailbox, shelf, window, brought, parked, sync.started_at, sync.reconciles)
    if sync.search_after is not None:
        async for ids in _pages(mailbox, bank_queries(senders, after=sync.search_after)):
            seen.update(ids)
            await fetching.fetch(ids)
        await fetching.finish()
    brought.progress = Progress(
        cursor=sync.cursor,
        watermark_at=sync.started_at,
        look_again_at=_look_again(claimed, sync, window, seen, fetching),
        reconciled_at=sync.started_at if sync.reconciles else None,
        missing=brought.missing,
    )


async def _listen(claimed: Claimed, mailbox: Mailbox, window: Window, now: Callable[[], datetime]) -> _Sync:
    """Ring the bell: find out whether anything happened, and from where to search."""
    profile = await mailbox.profile()
    started_at = mailbox.server_time or now()
    if claimed.cursor is None:
        after = min(claimed.search_from or started_at - window.first_import, started_at - window.overlap)
        return _Sync(profile.history_id, started_at, after, reconciles=True, is_blind=True)
    reconciles = _is_audit_due(claimed, window, started_at)
    sync = await _what_happened(claimed, mailbox, window, profile, started_at)
    if reconciles or (sync.search_after is None and is_due(claimed.look_again_at, started_at)):
        after = sync.search_after or _overlapping(claimed, window, started_at)
        earliest = started_at - window.reconcile_window if reconciles else after
        return replace(sync, search_after=min(after, earliest), reconciles=reconciles)
    return sync


def _is_audit_due(claimed: Claimed, window: Window, started_at: datetime) -> bool:
    """Whether the last audit is long ago, or lies in the future of a server whose clock was wrong then."""
    last = claimed.reconciled_at
    return last is None or not started_at - window.reconcile_every < last <= started_at + _CLOCK_NOISE


async def _what_happened(
    claimed: Claimed, mailbox: Mailbox, window: Window, profile: Profile, started_at: datetime
) -> _Sync:
    after = _overlapping(claimed, window, started_at)
    if claimed.cursor is None or profile.history_id == claimed.cursor:
        return _Sync(profile.history_id, started_at, None)
    blind = _Sync(profile.history_id, started_at, after, is_blind=True)
    if not claimed.cursor.isdecimal() or int(profile.history_id) < int(claimed.cursor):
        return blind  # the mailbox began anew: what its old history would say is nothing
    try:
        history = await mailbox.history(claimed.cursor, window.page_budget)
    except CursorExpired:
        return blind
    if not history.complete:
        return blind
    return _Sync(history.cursor, started_at, after if history.added else None, heard=frozenset(history.added))


def _overlapping(claimed: Claimed, window: Window, started_at: datetime) -> datetime:
    """Where a search begins: well before the watermark, since Gmail's search lags behind its delivery."""
    watermark = claimed.watermark_at or claimed.search_from or started_at - window.first_import
    return min(watermark, started_at) - max(window.overlap, 2 * window.search_again_after)


async def _pages(mailbox: Mailbox, queries: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    for query in queries:
        token: str | None = None
        while True:
            page = await mailbox.search(query, token)
            yield page.ids
            token = page.next_page_token
            if token is None:
                break


def _look_again(claimed: Claimed, sync: _Sync, window: Window, seen: set[str], fetching: Fetching) -> datetime | None:
    """When to come back: for what the history told of and the search did not show yet, and for parked downloads."""
    resting = (next_at for _, next_at in fetching.parked.values())
    moments = [moment for moment in (*resting, *fetching.pauses) if moment is not None and moment > sync.started_at]
    if sync.is_blind or sync.heard - seen:
        moments.append(sync.started_at + window.search_again_after)
    elif claimed.look_again_at is not None and claimed.look_again_at > sync.started_at:
        moments.append(claimed.look_again_at)
    return min(moments, default=None)
