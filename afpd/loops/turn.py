"""One integration's turn: what a visit asks of Gmail and of the store, the times it obeys, and what it brings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from afpd.gmail.shapes import History, Profile, RawMessage, SearchPage
from afpd.model import Email
from afpd.store.emails import ParkedEmail
from afpd.store.visits import Progress


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


class Shelf(Protocol):
    """What a visit asks of the store while it runs: what is known, and keeping a full chunk of mails."""

    async def known(self, keys: Sequence[str]) -> set[str]:
        """Those of the Gmail ids or Message-IDs that were kept before."""
        ...

    async def remember(self, keys: Sequence[str]) -> None:
        """Note Gmail ids that need no job of their own."""
        ...

    async def parked(self) -> dict[str, tuple[int, datetime | None]]:
        """Parked ids, their failed attempts and the time of their next try."""
        ...

    async def keep(self, emails: Sequence[Email]) -> int:
        """Keep a full chunk; the number of new mails."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """The lengths of time, and the amounts, that a visit obeys."""

    first_import: timedelta
    overlap: timedelta
    search_again_after: timedelta
    message_patience: timedelta
    reconcile_every: timedelta
    reconcile_window: timedelta
    page_budget: int
    units_per_visit: int
    most_kept_bytes: int


@dataclass(slots=True)
class Brought:
    """What a visit has so far. `emails` are the mails of the last, unfinished chunk; the others are kept already."""

    emails: list[Email] = field(default_factory=list)
    found: int = 0
    kept: int = 0
    gone: int = 0
    parked: list[ParkedEmail] = field(default_factory=list)
    unparked: list[str] = field(default_factory=list)
    missing: int = 0
    progress: Progress | None = None
