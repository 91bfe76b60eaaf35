"""One integration's turn: what a visit asks of Gmail and of the store, the times it obeys, and what it brings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from afpd.errors import AfpdError
from afpd.gmail.methods import Method
from afpd.gmail.shapes import History, Profile, RawMessage, SearchPage
from afpd.model import Email
from afpd.store.parked import ParkedEmail
from afpd.store.progress import Progress


@dataclass(frozen=True, slots=True)
class Senders:
    """Whose mail is looked for.

    `numbers` holds the addresses that bring transactions, each with its number in the order in which bank files
    brought them; `domains` are the banks' own; `silent` addresses are known to bring nothing.
    """

    numbers: Mapping[str, int]
    domains: Sequence[str] = ()
    silent: Sequence[str] = ()

    @property
    def newest(self) -> int:
        """The highest number; 0 without senders."""
        return max(self.numbers.values(), default=0)

    def after(self, number: int) -> list[str]:
        """Return the addresses that came after a number, all of them after 0."""
        return sorted(address for address, its in self.numbers.items() if its > number)


class Mailbox(Protocol):
    """What a visit asks of Gmail."""

    @property
    def server_time(self) -> datetime | None:
        """Gmail's own time at its latest answer."""
        ...

    @property
    def units_used(self) -> int:
        """Quota units that this visit has spent."""
        ...

    async def profile(self) -> Profile:
        """Whose mailbox this is, and its newest history id."""
        ...

    async def history(self, start_history_id: str, most_pages: int = ...) -> History:
        """What was added since a cursor."""
        ...

    async def search(self, query: str, page_token: str | None = None) -> SearchPage:
        """One page of the ids that a query finds, newest first."""
        ...

    async def raw(self, message_id: str) -> RawMessage:
        """One message as it arrived."""
        ...

    async def raws(self, message_ids: Sequence[str]) -> list[RawMessage | AfpdError]:
        """Messages as they arrived, fetched together, each in its place or the error that it met."""
        ...


class Shelf(Protocol):
    """What a visit asks of the store while it runs: what is known, and keeping a full chunk of mails."""

    async def known(self, keys: Sequence[str]) -> set[str]:
        """Those of the Gmail ids or Message-IDs that were kept before."""
        ...

    async def remember(self, keys: Sequence[str]) -> None:
        """Note Gmail ids that need no job of their own."""
        ...

    async def parked(self) -> dict[str, ParkedEmail]:
        """The parked ids."""
        ...

    async def unknown_senders(self, least: int) -> list[str]:
        """Addresses that no bank file knows, with so many kept mails at least."""
        ...

    async def keep(self, emails: Sequence[Email]) -> int:
        """Keep a full chunk; the number of new mails."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """The lengths of time, and the amounts, that a visit obeys.

    `may_linger` says that there is room for what can wait: first imports, the past of new senders, audits. `bell` is
    the question that comes first.
    """

    first_import: timedelta
    overlap: timedelta
    search_again_after: timedelta
    message_patience: timedelta
    fetched_together: int
    reconcile_every: timedelta
    reconcile_window: timedelta
    page_budget: int
    units_per_visit: int
    most_kept_bytes: int
    may_linger: bool = True
    bell: Method = Method.PROFILE


@dataclass(slots=True)
class Brought:
    """What a visit has so far. `emails` are the mails of the last, unfinished chunk; the others are kept already.

    `lingers` says that what it asks for now could wait: a first import, the past of new senders, an audit.
    """

    emails: list[Email] = field(default_factory=list)
    found: int = 0
    kept: int = 0
    gone: int = 0
    parked: list[ParkedEmail] = field(default_factory=list)
    unparked: list[str] = field(default_factory=list)
    missing: int = 0
    unknown: int = 0
    lingers: bool = False
    progress: Progress | None = None
