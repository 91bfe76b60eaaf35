"""A model of one Gmail mailbox, in memory and without HTTP.

    mailbox = Mailbox("ana@example.com", "refresh-ana", clock)
    id = mailbox.deliver(raw)                        # in INBOX, UNREAD, with a history record
    mailbox.deliver(raw, indexed_after=30.0)         # search sees it only half a minute later
    mailbox.deliver(raw, labels=("SPAM",)); mailbox.rescue_from_spam(id)
    mailbox.delete(id); mailbox.add_label(id, "STARRED"); mailbox.expire_history()

Ids are 16 hexadecimal digits; history ids only grow, by uneven steps, and may lie beyond 2**63. `largest_page` cuts
the pages of searches and of the history to fewer entries than were asked for, as Gmail may.
"""

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import attrgetter

from afpd.clock import Clock
from afpd.sandbox.stored import Change, ChangeKind, StoredMessage

SYSTEM_LABELS = (
    "CHAT", "SENT", "INBOX", "IMPORTANT", "TRASH", "DRAFT", "SPAM", "CATEGORY_FORUMS", "CATEGORY_UPDATES",
    "CATEGORY_PERSONAL", "CATEGORY_PROMOTIONS", "CATEGORY_SOCIAL", "STARRED", "UNREAD",
)  # fmt: skip
GMAIL_SCOPE = "https://www.googleapis.com/auth/gmail.readonly"

_POSITION = attrgetter("position")
_HISTORY_ID = attrgetter("history_id")


class Mailbox:
    """One user's mail, labels and history, and what the user granted."""

    def __init__(
        self, email_address: str, refresh_token: str, clock: Clock, *, first_history_id: int = 1_000_003, seed: int = 0
    ) -> None:
        self.email_address = email_address
        self.refresh_token = refresh_token
        self.scope = GMAIL_SCOPE
        self.revoked = False
        self.messages: dict[str, StoredMessage] = {}
        self.delivered: list[StoredMessage] = []
        self.user_labels: dict[str, str] = {}
        self.largest_page = 500
        self.history_id = first_history_id
        self.changes: list[Change] = []
        self._clock = clock
        self._oldest_start = first_history_id
        self._order: list[StoredMessage] = []
        self._random = random.Random(f"{seed}:{email_address}")
        self._arrivals = 0

    def deliver(
        self,
        raw: bytes,
        *,
        message_id: str | None = None,
        received_at: datetime | None = None,
        labels: Iterable[str] = ("INBOX", "UNREAD"),
        indexed_after: float = 0.0,
        note: dict[str, object] | None = None,
    ) -> str:
        """Put an RFC 822 message into the mailbox and return its Gmail id: `message_id`, or one that is made up.

        `received_at` becomes internalDate (aware; now, if None). Search finds the message `indexed_after` seconds
        from now, the history tells it at once. `note` is kept for checkers and never shown to a client.
        Raises ValueError for an id that the mailbox has already.
        """
        if message_id in self.messages:
            raise ValueError(f"the mailbox has a message {message_id} already")
        now = self._clock.now()
        self._arrivals += 1
        date = int((received_at or now).timestamp() * 1000)
        message = StoredMessage(
            message_id or self._new_id(),
            raw,
            date,
            set(labels),
            now.timestamp() + indexed_after,
            sequence=self._arrivals,
        )
        message.note = dict(note or {})
        self.messages[message.id] = message
        self.delivered.append(message)
        insort(self._order, message, key=_POSITION)
        self._record(ChangeKind.ADDED, message)
        return message.id

    def delete(self, message_id: str) -> None:
        """Remove a message for ever. Raises KeyError when it is not there."""
        message = self.messages.pop(message_id)
        self._order.remove(message)
        self._record(ChangeKind.DELETED, message)

    def add_label(self, message_id: str, *labels: str) -> None:
        """Add labels to a message. Raises KeyError when it is not there."""
        message = self.messages[message_id]
        message.labels.update(labels)
        self._record(ChangeKind.LABEL_ADDED, message, labels)

    def remove_label(self, message_id: str, *labels: str) -> None:
        """Take labels from a message. Raises KeyError when it is not there."""
        message = self.messages[message_id]
        message.labels.difference_update(labels)
        self._record(ChangeKind.LABEL_REMOVED, message, labels)

    def rescue_from_spam(self, message_id: str) -> None:
        """Mark as not spam: the history tells it by labels alone, never as messageAdded."""
        self.remove_label(message_id, "SPAM")
        self.add_label(message_id, "INBOX")

    def expire_history(self, before: int | None = None) -> None:
        """Forget the history before that id; None forgets all there was, so that every cursor handed out is too old."""
        if before is None:
            before = self._next_history_id()
        self._oldest_start = before
        del self.changes[: bisect_left(self.changes, before, key=_HISTORY_ID)]

    def changes_after(self, start: int) -> list[Change] | None:
        """Return the history records after `start`, oldest first; None when `start` is too old."""
        if start < self._oldest_start:
            return None
        return self.changes[bisect_right(self.changes, start, key=_HISTORY_ID) :]

    def newest_first(self, before: tuple[int, int] | None = None) -> Iterator[StoredMessage]:
        """Yield the messages, newest first, beginning after the position `before`."""
        end = len(self._order) if before is None else bisect_left(self._order, before, key=_POSITION)
        for index in range(end - 1, -1, -1):
            yield self._order[index]

    def _new_id(self) -> str:
        while (message_id := f"{self._random.getrandbits(64) | 1 << 60:016x}") in self.messages:
            continue
        return message_id

    def _next_history_id(self) -> int:
        self.history_id += self._random.randrange(1, 60)
        return self.history_id

    def _record(self, kind: ChangeKind, message: StoredMessage, changed: Iterable[str] = ()) -> None:
        message.history_id = self._next_history_id()
        labels = tuple(sorted(message.labels))
        self.changes.append(
            Change(message.history_id, kind, message.id, message.thread_id, labels, tuple(sorted(changed)))
        )
