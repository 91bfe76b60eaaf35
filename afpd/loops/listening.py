"""The first half of a visit: what happened in the mailbox since the cursor, and what is therefore to be searched."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from afpd.errors import CursorExpired
from afpd.gmail.methods import Method
from afpd.gmail.shapes import Profile
from afpd.log import get
from afpd.loops.audit import is_audit_due
from afpd.loops.sweep import Span
from afpd.loops.turn import Mailbox, Window
from afpd.store.claims import Claimed
from afpd.store.counts import HISTORIES_REFUSED as REFUSED_OFTEN

log = get("import")


@dataclass(frozen=True, slots=True)
class Heard:
    """What the bell and the history told. `cursor` was asked for at `at`, before any search; `at` is Gmail's time.

    `added` are the ids that the history told of; `is_blind` says that no history tells what a search should show;
    `gap` is what must then be searched. `is_active` says that there may be new mail.
    """

    cursor: str
    at: datetime
    added: frozenset[str] = frozenset()
    gap: Span | None = None
    is_active: bool = False
    histories_refused: int = 0

    @property
    def is_blind(self) -> bool:
        """Whether no history tells what the search, which lags, should show."""
        return self.gap is not None


async def listen(claimed: Claimed, mailbox: Mailbox, window: Window, now: Callable[[], datetime]) -> Heard:
    """Ring the bell, and where it rang ask the history, but one that was refused often only when an audit is due.

    The cursor that it returns lies before everything that is not heard of here.
    """
    if window.bell is Method.HISTORY and (heard := await _history_at_once(claimed, mailbox, window, now)):
        return heard
    profile = await mailbox.profile()
    at = mailbox.server_time or now()
    if claimed.cursor is None:
        return Heard(profile.history_id, at, gap=_everything(claimed, window, at), is_active=True)
    if profile.history_id == claimed.cursor:
        return Heard(profile.history_id, at, histories_refused=claimed.histories_refused)
    return await _what_happened(claimed, claimed.cursor, mailbox, window, profile, at)


async def _history_at_once(
    claimed: Claimed, mailbox: Mailbox, window: Window, now: Callable[[], datetime]
) -> Heard | None:
    """Ask the history without a bell; None where it does not tell everything, and the profile has to be asked."""
    if claimed.cursor is None or not claimed.cursor.isdecimal() or claimed.histories_refused:
        return None
    with suppress(CursorExpired):
        history = await mailbox.history(claimed.cursor, window.page_budget)
        if history.complete:
            at = mailbox.server_time or now()
            return Heard(history.cursor, at, frozenset(history.added), is_active=bool(history.added))
    return None


def overlapping(claimed: Claimed, window: Window, at: datetime) -> datetime:
    """Return where a search begins: well before the watermark, since Gmail's search lags behind its delivery."""
    watermark = claimed.watermark_at or claimed.search_from or at - window.first_import
    return min(watermark, at) - max(window.overlap, 2 * window.search_again_after)


def _everything(claimed: Claimed, window: Window, at: datetime) -> Span:
    """The span of a first search; it may be under way already, from before a token was changed."""
    after = min(claimed.search_from or at - window.first_import, at - window.overlap)
    return Span(after)


async def _what_happened(
    claimed: Claimed, cursor: str, mailbox: Mailbox, window: Window, profile: Profile, at: datetime
) -> Heard:
    refused = claimed.histories_refused
    gap = Span(overlapping(claimed, window, at))
    blind = Heard(profile.history_id, at, gap=gap, is_active=True, histories_refused=refused)
    if not cursor.isdecimal() or int(profile.history_id) < int(cursor):
        return blind  # the mailbox began anew: what its old history would say is nothing
    is_due = is_audit_due(claimed.id, claimed.reconciled_at, at, window.reconcile_every)
    if refused >= REFUSED_OFTEN and not is_due:
        return blind
    try:
        history = await mailbox.history(cursor, window.page_budget)
    except CursorExpired:
        return _refused(claimed, blind)
    if refused >= REFUSED_OFTEN:
        log.info("import.history_back", integration_id=claimed.id)
    if not history.complete:
        return Heard(profile.history_id, at, gap=gap, is_active=True)
    return Heard(history.cursor, at, frozenset(history.added), is_active=bool(history.added))


def _refused(claimed: Claimed, blind: Heard) -> Heard:
    """Count one more history that was refused; a mailbox whose fresh cursors are refused again and again is told of."""
    refused = claimed.histories_refused + 1
    if refused == REFUSED_OFTEN:
        log.warning("import.history_refused", integration_id=claimed.id, times=refused)
    return Heard(blind.cursor, blind.at, gap=blind.gap, is_active=True, histories_refused=refused)
