"""The audit: once a day a mailbox is searched over some days, and what is found is compared with what is kept.

Bank mail that a visit should have seen is missing: it is imported and counted. Mail from a bank's domain whose address
no bank file knows is imported as well, so that a bank that changes its address is seen.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from afpd.loops.turn import Senders

MOST_UNKNOWN = 20
"""Mails of unknown senders that one audit downloads at most."""

ENOUGH_OF_ONE = 50
"""Mails of one unknown sender, in all mailboxes together, after which audits leave it out: it is told of by then."""

_GOLDEN = (math.sqrt(5) - 1) / 2
_CLOCK_NOISE = timedelta(minutes=1)


def is_audit_due(integration_id: int, last: datetime | None, at: datetime, every: timedelta) -> bool:
    """Tell whether a mailbox's slot of the day has come since its last audit; both are Gmail's time.

    Slots are spread by the id (multiples of the golden ratio lie evenly between 0 and 1, however many there are), so
    that thousands that were added together are not audited together. One without an audit is due, and one whose last
    lies in the future of a server whose clock was wrong then.
    """
    if last is None or last > at + _CLOCK_NOISE:
        return True
    place = integration_id * _GOLDEN % 1
    return _slot(at, every, place) > _slot(last, every, place)


def _slot(moment: datetime, every: timedelta, place: float) -> int:
    return math.floor(moment.timestamp() / every.total_seconds() - place)


def is_unknown(sender: str, senders: Senders) -> bool:
    """Tell whether an address is of a bank's domain (or below it) and no bank file says a word about it."""
    address = sender.lower()
    if address in senders.numbers or address in _lower(senders.silent):
        return False
    domain = address.rpartition("@")[2]
    return any(domain == own or domain.endswith("." + own) for own in _lower(senders.domains))


def _lower(words: Iterable[str]) -> set[str]:
    return {word.lower() for word in words}
