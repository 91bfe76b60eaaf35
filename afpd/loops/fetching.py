"""Downloading what a search found: each id is kept, gone or parked, and no message waits for another one."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from afpd.errors import MessageGone, MessageUnreadable, Unavailable
from afpd.gmail.shapes import RawMessage
from afpd.gmail.transport import OutOfTime
from afpd.log import get
from afpd.loops.turn import Brought, Mailbox, Shelf, Window
from afpd.model import Email
from afpd.parse.message import Message, read_message, slim
from afpd.schedule import backoff
from afpd.store.claims import Claimed
from afpd.store.emails import POISON_ATTEMPTS, ParkedEmail

CHUNK = 25
CHUNK_BYTES = 4 << 20
LONGEST_REST = timedelta(hours=24)
_FAILURES_THAT_MEAN_THE_MAILBOX = 3
_VISITS_THAT_MEAN_THE_MESSAGES = 3

log = get("import")


def is_due(moment: datetime | None, now: datetime) -> bool:
    """Tell whether a moment has come; None never comes."""
    return moment is not None and moment <= now


@dataclass(slots=True)
class Fetching:
    """Downloads ids that are not kept yet, in chunks that are kept as they fill.

    `parked` are the ids that failed in earlier visits; `reconciles` says that an audit searches, which counts what
    should have been seen before. Moments are Gmail's time.
    """

    claimed: Claimed
    mailbox: Mailbox
    shelf: Shelf
    window: Window
    brought: Brought
    parked: dict[str, tuple[int, datetime | None]]
    started_at: datetime
    reconciles: bool
    pauses: list[datetime] = field(default_factory=list)
    _doubtful: list[ParkedEmail] = field(default_factory=list)
    _done: set[str] = field(default_factory=set)
    _bytes: int = 0

    async def fetch(self, ids: Sequence[str]) -> None:
        """Download those of the ids that are neither kept nor resting.

        Raises Unavailable when so many fail together that it is the mailbox, and what the gmail room raises.
        """
        new = [key for key in dict.fromkeys(ids) if key not in self._done and not self._rests(key)]
        known = await self.shelf.known(new) if new else set()
        for key in new:
            self._done.add(key)
            if key not in known:
                self.brought.found += 1
                await self._fetch_one(key)
            elif key in self.parked:
                self.brought.unparked.append(key)

    async def finish(self) -> None:
        """Download the parked ids whose time has come, and park what failed on its own in this visit."""
        await self.fetch(list(self.parked))
        self._settle_doubts()

    def _rests(self, key: str) -> bool:
        """Whether the id is parked and its time has not come; no time lies further ahead than the longest rest."""
        if key not in self.parked or (next_at := self.parked[key][1]) is None:
            return False
        return self.started_at < next_at <= self.started_at + LONGEST_REST

    async def _fetch_one(self, key: str) -> None:
        if self.mailbox.units_used >= self.window.units_per_visit:
            raise OutOfTime("the mailbox's quota of this minute is nearly used; the next visit goes on")
        try:
            message = await self._download(key)
        except MessageGone:
            self.brought.gone += 1
            self._settle(key)
        except MessageUnreadable as error:
            self._park([self._parked(key, error)])
        except Unavailable as error:
            self._doubt(key, error)
        else:
            await self._take(message)
            self._settle(key)

    async def _download(self, key: str) -> RawMessage:
        """Get one message; one that never answers must not use up the visit's time."""
        try:
            async with asyncio.timeout(self.window.message_patience.total_seconds()):
                return await self.mailbox.raw(key)
        except TimeoutError:
            raise Unavailable("Gmail did not give this message in time") from None

    async def _take(self, message: RawMessage) -> None:
        raw = message.raw if len(message.raw) <= self.window.most_kept_bytes else slim(message.raw)
        email = _email(message, raw)
        if self.claimed.is_adopted and await self._is_known_otherwise(email.rfc_message_id):
            await self.shelf.remember([email.email_message_id])
            self.brought.found -= 1
            return
        if self.reconciles and self._should_have_been_seen(message):
            self.brought.missing += 1
        self.brought.emails.append(email)
        self._bytes += len(raw)
        if len(self.brought.emails) >= CHUNK or self._bytes >= CHUNK_BYTES:
            await _to_its_end(self._keep())

    async def _is_known_otherwise(self, message_id: str | None) -> bool:
        """Whether a job of the replaced system has the mail under its Message-ID, with or without the brackets."""
        if not message_id:
            return False
        bare = message_id.strip().removeprefix("<").removesuffix(">")
        return bool(await self.shelf.known([message_id, bare, f"<{bare}>"]))

    async def _keep(self) -> None:
        self.brought.kept += await self.shelf.keep(self.brought.emails)
        self.brought.emails, self._bytes = [], 0

    def _should_have_been_seen(self, message: RawMessage) -> bool:
        watermark = self.claimed.watermark_at
        if self.claimed.cursor is None or watermark is None or message.email_message_id in self.parked:
            return False
        return message.received_at < watermark - self.window.overlap

    def _settle(self, key: str) -> None:
        """The mailbox answered: what failed just before failed on its own."""
        if key in self.parked:
            self.brought.unparked.append(key)
        self._settle_doubts()

    def _settle_doubts(self) -> None:
        self._park(self._doubtful)
        self._doubtful = []

    def _doubt(self, key: str, error: Unavailable) -> None:
        """Set one failing message aside, unless so many fail together that it is the mailbox.

        When visit after visit fails so, it is the messages after all: they must not hold up the others for ever.
        """
        self._doubtful.append(self._parked(key, error))
        if len(self._doubtful) < _FAILURES_THAT_MEAN_THE_MAILBOX:
            return
        if self.claimed.standing.failures_in_a_row < _VISITS_THAT_MEAN_THE_MESSAGES:
            raise error
        self._settle_doubts()

    def _parked(self, key: str, error: Exception) -> ParkedEmail:
        attempts = self.parked.get(key, (0, None))[0] + 1
        rest = backoff(self.window.search_again_after, LONGEST_REST, attempts)
        return ParkedEmail(key, attempts, str(error), self.started_at + rest)

    def _park(self, emails: Sequence[ParkedEmail]) -> None:
        for email in emails:
            self.brought.parked.append(email)
            self.pauses.append(email.next_at)
            if email.attempts == POISON_ATTEMPTS:
                words = {"integration_id": self.claimed.id, "email_message_id": email.email_message_id}
                log.warning("import.message_unreadable", attempts=email.attempts, reason=email.error, **words)


def _email(message: RawMessage, raw: bytes) -> Email:
    """Return the mail as it is kept. One whose headers nobody can read is kept as well: reading it is parsing's."""
    headers = _headers(raw)
    if headers is None:
        return Email(message.email_message_id, message.received_at, raw)
    key, at = message.email_message_id, message.received_at
    return Email(key, at, raw, headers.subject, headers.sender, headers.message_id)


def _headers(raw: bytes) -> Message | None:
    try:
        return read_message(raw)
    except Exception as error:  # noqa: BLE001 - whatever a stranger writes, the mail is kept
        log.warning("import.headers_unreadable", error=type(error).__name__)
        return None


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await what the end of a visit must not cut in two: mails that were written must be counted as well."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: the mails are still in `brought` then
        raise
