"""Gmail's search box: which mail of the banks' senders came after a moment."""

import math
import re
from collections.abc import Iterable
from datetime import datetime

# Gmail documents no limit for q. An address of a request is safe below 8 kB on its way through the web, and encoding
# makes q a third longer; every further query costs the units of a search.
LONGEST_QUERY = 4000
# An address, or a domain with or without a leading @. Anything else could change what the query means.
_SENDER = re.compile(r"(?:[a-z0-9_][a-z0-9._%+=-]*@|@)?[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+", re.IGNORECASE | re.ASCII)


def bank_queries(
    senders: Iterable[str], after: datetime, before: datetime | None = None, *, without: Iterable[str] = ()
) -> list[str]:
    """Return queries of bounded length that together find all mail of `senders` (addresses or domains) in the time.

    Mail of `without` is left out, as far as half a query holds them; what is no address there stays out of the query.

    Both moments are aware; whole seconds are rounded outwards, because a second too much costs nothing and a second
    too little loses mail. Raises `ValueError` for a naive moment or for a sender that is neither address nor domain.
    """
    period = _period(after, before) + _left_out(without)
    queries: list[str] = []
    part: list[str] = []
    for sender in sorted({_checked(sender) for sender in senders}):
        if part and len(_query([*part, sender], period)) > LONGEST_QUERY:
            queries.append(_query(part, period))
            part = []
        part.append(sender)
    return [*queries, _query(part, period)] if part else queries


def _query(senders: list[str], period: str) -> str:
    return f"from:({' OR '.join(senders)}) {period}"


def _left_out(without: Iterable[str]) -> str:
    chosen: list[str] = []
    for sender in sorted({sender.lower() for sender in without if _is_sender(sender)}):
        if len(" OR ".join([*chosen, sender])) > LONGEST_QUERY // 2:
            break
        chosen.append(sender)
    return f" -from:({' OR '.join(chosen)})" if chosen else ""


def _period(after: datetime, before: datetime | None) -> str:
    if after.tzinfo is None or (before is not None and before.tzinfo is None):
        raise ValueError("the moments of a search must be aware")
    # Epoch seconds: plain dates mean midnight in Pacific time (Gmail API guide, "Search for messages").
    # One second more on either side, whether Gmail counts the moment itself or not.
    since = f"after:{max(0, math.floor(after.timestamp()) - 1)}"
    return since if before is None else f"{since} before:{math.ceil(before.timestamp()) + 1}"


def _checked(sender: str) -> str:
    if not _is_sender(sender):
        raise ValueError(f"{sender[:80]!r} is neither an address nor a domain")
    return sender.lower()


def _is_sender(sender: str) -> bool:
    return len(sender) <= 254 and _SENDER.fullmatch(sender) is not None
