"""The times and amounts of the configuration that a visit and its schedule obey."""

from datetime import datetime, timedelta

from afpd.config import Settings
from afpd.config.quota import Quota
from afpd.gmail.methods import Method
from afpd.gmail.quota import first_question
from afpd.loops.turn import Window
from afpd.schedule import Cadence, Rules
from afpd.store.claims import Claimed

_MESSAGES_THAT_MAY_HANG = 4
_LEAST_PATIENCE = timedelta(milliseconds=500)


def window_of(settings: Settings) -> Window:
    """Return the lengths of time that a visit's searches obey."""
    imports = settings.imports
    return Window(
        first_import=imports.first_import,
        overlap=imports.overlap,
        search_again_after=imports.search_again_after,
        fetched_together=settings.gmail.batch_size,
        message_patience=max(settings.gmail.visit_deadline / _MESSAGES_THAT_MAY_HANG, _LEAST_PATIENCE),
        reconcile_every=imports.reconcile_every,
        reconcile_window=imports.reconcile_window,
        page_budget=imports.page_budget,
        units_per_visit=settings.gmail.budget.user_units_per_minute * 9 // 10,
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


def cadence_of(settings: Settings, stretch: float) -> Cadence:
    """Return the rule of how often mailboxes are visited, `stretch` times more rarely under pressure."""
    return Cadence(settings.imports.adaptive, settings.imports.idlest, stretch)


def bell_for(claimed: Claimed, quota: Quota, now: datetime) -> Method:
    """Return the first question of a visit. A grant newer than the last good visit must say whose mailbox it opens."""
    verified, granted, heard_at = claimed.last_verified_at, claimed.granted_at, claimed.watermark_at
    if verified is None or heard_at is None or (granted is not None and granted >= verified):
        return Method.PROFILE
    return first_question(quota, now - heard_at, heard_at - (claimed.active_at or heard_at))
