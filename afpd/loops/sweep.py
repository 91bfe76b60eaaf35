"""Searching a span of time in slices, the newest first, so that a search of any size gets on from visit to visit.

Gmail tells ids without their times, so the time of a search says how far it came: a slice that has more pages than are
read at once is made narrower, and a slice counts only as a whole.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from afpd.gmail.query import bank_queries
from afpd.loops.turn import Mailbox

PAGES_AT_ONCE = 4
_NARROWER = 8
_NARROWEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A time in a mailbox, from `after` to `before`; without the latter to the open end."""

    after: datetime
    before: datetime | None = None

    def joined(self, other: "Span | None") -> "Span":
        """Return the span that holds both and what lies between them."""
        if other is None:
            return self
        ends = (self.before, other.before)
        return Span(min(self.after, other.after), None if None in ends else max(end for end in ends if end))


@dataclass(frozen=True, slots=True)
class Slice:
    """The ids of one slice, all of them; what of the span is older is still to be searched (`rest`)."""

    ids: Sequence[str]
    rest: Span | None


@dataclass(slots=True)
class Pages:
    """The pages that the searches of one visit may read. One slice is always finished, whatever it takes."""

    left: int

    @property
    def are_used_up(self) -> bool:
        """Whether the next slice is for the next visit."""
        return self.left <= 0


@dataclass(slots=True)
class Sweep:
    """One search over a span. `at` is Gmail's time now, which the open end is measured from."""

    mailbox: Mailbox
    senders: Sequence[str]
    pages: Pages
    at: datetime
    without: Sequence[str] = ()

    async def slices(self, span: Span) -> AsyncIterator[Slice]:
        """Yield slices, newest first, until the span or the pages are used up."""
        before, end = span.before, span.before or self.at
        width = max(end - span.after, _NARROWEST)
        while True:
            after = max(span.after, end - width)
            ids = await self._ids(Span(after, before), is_whole=width <= _NARROWEST)
            if ids is None:
                width = max(width / _NARROWER, _NARROWEST)
                continue
            rest = Span(span.after, after) if after > span.after else None
            yield Slice(ids, rest)
            if rest is None or self.pages.are_used_up:
                return
            before = end = after
            width *= 2

    async def _ids(self, span: Span, *, is_whole: bool) -> list[str] | None:
        """Return all ids of a slice, or None when there are too many and it can be narrower."""
        ids: dict[str, None] = {}
        for query in bank_queries(self.senders, span.after, span.before, without=self.without):
            token, read = None, 0
            while True:
                page = await self.mailbox.search(query, token)
                ids.update(dict.fromkeys(page.ids))
                self.pages.left -= 1
                read, token = read + 1, page.next_page_token
                if token is None:
                    break
                if read >= PAGES_AT_ONCE and not is_whole:
                    return None
        return list(ids)
