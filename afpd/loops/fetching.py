"""Downloading what a search found: each id is kept, gone or parked, and no message waits for another one."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from afpd.errors import AfpdError, MessageGone, MessageUnreadable, Unavailable
from afpd.gmail.shapes import RawMessage
from afpd.gmail.transport import OutOfTime
from afpd.log import get
from afpd.loops.audit import MOST_UNKNOWN, is_unknown
from afpd.loops.turn import Brought, Mailbox, Senders, Shelf, Window
from afpd.model import Email
from afpd.parse.message import Message, read_message, slim
from afpd.schedule import backoff
from afpd.store.claims import Claimed
from afpd.store.parked import POISON_ATTEMPTS, ParkedEmail, Reason

CHUNK = 25
CHUNK_BYTES = 4 << 20
LONGEST_REST = timedelta(hours=24)
_FAILURES_THAT_MEAN_THE_MAILBOX = 3
_VISITS_THAT_MEAN_THE_MESSAGES = 3
_POISON_PER_AUDIT = 10

log = get("import")


def is_due(moment: datetime | None, now: datetime) -> bool:
    """Tell whether a moment has come; None never comes."""
    return moment is not None and moment <= now


@dataclass(slots=True)
class Fetching:
    """Downloads ids that are not kept yet, in chunks that are kept as they fill.

    `parked` are the ids that earlier visits set aside; `audits` says that an audit searches, which counts what should
    have been seen before. Moments are Gmail's time.
    """

    claimed: Claimed
    mailbox: Mailbox
    shelf: Shelf
    window: Window
    brought: Brought
    senders: Senders
    parked: Mapping[str, ParkedEmail]
    started_at: datetime
    audits: bool
    pauses: list[datetime] = field(default_factory=list)
    _doubtful: list[ParkedEmail] = field(default_factory=list)
    _done: set[str] = field(default_factory=set)
    _strangers: set[str] = field(default_factory=set)
    _retried: set[str] = field(default_factory=set)
    _bytes: int = 0
    _ahead: dict[str, RawMessage | AfpdError] = field(default_factory=dict)

    async def fetch(self, ids: Sequence[str]) -> None:
        """Download those of the ids that are neither kept nor resting, nor poison.

        Raises Unavailable when so many fail together that it is the mailbox, and what the gmail room raises.
        """
        new = [key for key in dict.fromkeys(ids) if key not in self._done and not self._rests(key)]
        known = await self.shelf.known(new) if new else set()
        await self._fetch_all([key for key in new if key not in known])
        self._done.update(new)
        self.brought.unparked += [key for key in new if key in known and key in self.parked]

    async def fetch_unknown(self, ids: Sequence[str]) -> None:
        """Download what an audit found at the banks' domains and no search for their senders shows; a bounded number.

        What is of an unknown sender is kept as such; what only looks like it is remembered, and no audit asks for it
        again. A search for its sender does, should a bank file bring that one day.
        """
        new = [key for key in ids if key not in self._done and key not in self.parked]
        known = await self.shelf.known([*new, *map(_looked_at, new)]) if new else set()
        for key in [key for key in new if known.isdisjoint((key, _looked_at(key)))][:MOST_UNKNOWN]:
            self._strangers.add(key)
            await self._fetch_all([key])
        self.settle_doubts()

    async def finish(self) -> None:
        """Download the parked ids whose time has come, and park what failed on its own in this visit.

        An audit tries some of the poison again, too: nothing is given up for ever.
        """
        failed = [key for key, one in self.parked.items() if one.reason is Reason.FAILED]
        await self.fetch(failed)
        if self.audits:
            poison = [key for key, one in self.parked.items() if one.reason is Reason.POISON]
            chosen = sorted(poison, key=lambda key: self.parked[key].attempts)[:_POISON_PER_AUDIT]
            self._retried.update(chosen)
            await self.fetch(chosen)
        self.settle_doubts()

    def _rests(self, key: str) -> bool:
        """Whether the id is parked and its time has not come; no time lies further ahead than the longest rest."""
        match self.parked.get(key):
            case ParkedEmail(reason=Reason.POISON):
                return key not in self._retried
            case ParkedEmail(reason=Reason.FAILED, next_at=datetime() as next_at):
                return self.started_at < next_at <= self.started_at + LONGEST_REST
            case _:
                return False

    async def _fetch_all(self, keys: Sequence[str]) -> None:
        """Download ids that nobody has; several at a time, each settled by itself in its turn."""
        together = self.window.fetched_together
        for start in range(0, len(keys), together):
            some = keys[start : start + together]
            if len(some) > 1:
                await self._look_ahead(some)
            for key in some:
                self._done.add(key)
                self.brought.found += 1
                await self._fetch_one(key)

    async def _look_ahead(self, keys: Sequence[str]) -> None:
        """Fetch several messages together. What does not come in time is asked for again by itself."""
        self._refuse_when_spent()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.window.message_patience.total_seconds()):
                self._ahead = dict(zip(keys, await self.mailbox.raws(keys), strict=True))

    def _refuse_when_spent(self) -> None:
        if self.mailbox.units_used >= self.window.units_per_visit:
            raise OutOfTime("the mailbox's quota of this minute is nearly used; the next visit goes on")

    async def _fetch_one(self, key: str) -> None:
        ahead = self._ahead.pop(key, None)
        if ahead is None:
            self._refuse_when_spent()
        try:
            if isinstance(ahead, AfpdError):
                raise ahead
            message = ahead or await self._download(key)
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
        if await self._is_nobodys(email):
            key = email.email_message_id
            await self.shelf.remember([_looked_at(key) if key in self._strangers else key])
            self.brought.found -= 1
            return
        self.brought.emails.append(self._marked(email))
        self._bytes += len(raw)
        if len(self.brought.emails) >= CHUNK or self._bytes >= CHUNK_BYTES:
            await _to_its_end(self._keep())

    async def _is_nobodys(self, email: Email) -> bool:
        """Whether the mail needs no job: an adopted job has it, or it only looked like one of a bank's domain."""
        if email.email_message_id in self._strangers:
            return email.sender.lower() not in self.senders.numbers and not is_unknown(email.sender, self.senders)
        return self.claimed.is_adopted and await self._is_known_otherwise(email.rfc_message_id)

    def _marked(self, email: Email) -> Email:
        """Return the mail with what an audit found out about it, and count that."""
        if email.email_message_id in self._strangers and is_unknown(email.sender, self.senders):
            self.brought.unknown += 1
            return replace(email, found_by="audit", sender_is_unknown=True)
        if self.audits and self._should_have_been_seen(email):
            self.brought.missing += 1
            return replace(email, found_by="audit")
        return email

    async def _is_known_otherwise(self, message_id: str | None) -> bool:
        """Whether a job of the replaced system has the mail under its Message-ID, with or without the brackets."""
        if not message_id:
            return False
        bare = message_id.strip().removeprefix("<").removesuffix(">")
        return bool(await self.shelf.known([message_id, bare, f"<{bare}>"]))

    async def _keep(self) -> None:
        self.brought.kept += await self.shelf.keep(self.brought.emails)
        self.brought.emails, self._bytes = [], 0

    def _should_have_been_seen(self, email: Email) -> bool:
        watermark = self.claimed.watermark_at
        if self.claimed.cursor is None or watermark is None or email.email_message_id in self.parked:
            return False
        return email.received_at < watermark - self.window.overlap

    def _settle(self, key: str) -> None:
        """The mailbox answered: what failed just before failed on its own."""
        if key in self.parked:
            self.brought.unparked.append(key)
        self.settle_doubts()

    def settle_doubts(self) -> None:
        """Park what failed on its own so far."""
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
        self.settle_doubts()

    def _parked(self, key: str, error: Exception) -> ParkedEmail:
        before = self.parked.get(key)
        attempts = 1 + (before.attempts if before else 0)
        if attempts >= POISON_ATTEMPTS:
            return ParkedEmail(key, attempts, str(error), None, Reason.POISON)
        rest = backoff(self.window.search_again_after, LONGEST_REST, attempts)
        return ParkedEmail(key, attempts, str(error), self.started_at + rest)

    def _park(self, emails: Sequence[ParkedEmail]) -> None:
        for email in emails:
            self.brought.parked.append(email)
            if email.next_at is not None:
                self.pauses.append(email.next_at)
            if email.attempts == POISON_ATTEMPTS:
                words = {"integration_id": self.claimed.id, "email_message_id": email.email_message_id}
                log.warning("import.message_unreadable", attempts=email.attempts, reason=email.error, **words)


def _looked_at(key: str) -> str:
    """Return what audits remember of a message that they need not look at again, and nobody else goes by."""
    return f"looked at: {key}"


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
