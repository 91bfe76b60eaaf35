"""What must be kept: the model of one mailbox beside the importer. It knows of mails what a person could have seen."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from model.universe import Universe

from afpd.sandbox.mailbox import Mailbox
from afpd.sandbox.stored import StoredMessage

HIDDEN = {"SPAM", "TRASH"}
LATE_SECONDS = 60
VISITS_TO_REST = 40


@dataclass
class Story:
    """The mails of one mailbox: all that a bank sent, those that were hidden for a time, those that were kept."""

    world: Universe
    address: str
    hidden: set[str] = field(default_factory=set)
    ever_kept: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    verified: int = 0

    @property
    def mailbox(self) -> Mailbox:
        return self.world.sandbox.mailboxes[self.address]

    def bank_mails(self) -> list[StoredMessage]:
        """Return all mails that banks ever sent, also those that are deleted by now."""
        return [message for message in self.mailbox.delivered if message.note.get("bank")]

    def hide(self, mail: str, label: str) -> None:
        """Put a mail where no search looks."""
        self.mailbox.remove_label(mail, "INBOX")
        self.mailbox.add_label(mail, label)
        self.hidden.add(mail)

    async def sign_in(self) -> None:
        """Let the user connect anew, where that is needed."""
        if self.mailbox.revoked or self.world.row(self.address)["import_status"] == "error":
            self.mailbox.revoked = False
            await self.world.here.connect(self.address)

    async def visit(self) -> None:
        """Tick, and hold the visit to what it promises: what a completed one could see is kept, parked or owed."""
        began = self.world.clock.now()
        due, cursor = self._shown_in_time(began), self._row("cursor")
        await self.world.tick()
        kept, verified_at = set(self.world.kept(self.address)), _moment(self._row("last_verified_at"))
        assert self.ever_kept <= kept, "a kept mail is gone"
        self.ever_kept = kept
        is_verified = verified_at is not None and verified_at >= began
        self.verified += is_verified
        if is_verified or self._row("cursor") != cursor:
            there = {mail for mail in due if mail in self.mailbox.messages and not self._is_owed(mail)}
            passed = there - kept - self.world.parked(self.address)
            assert passed == set(), "a visit moved the cursor past a mail"
            self.late.update(m.id for m in self.bank_mails() if m.indexed_at > began.timestamp())

    async def comes_to_rest(self) -> None:
        """Let all trouble end and days pass, until nothing waits to be done; then read the mails."""
        self.world.sandbox.faults.clear()
        await self.sign_in()
        quiet_from = self.world.clock.now() + timedelta(hours=2)
        for _ in range(VISITS_TO_REST):
            self.world.clock.elapsed += 25 * 3600 if self._row("search_from") is None else 600
            await self.visit()
            if self._rests(quiet_from):
                break
        else:
            raise AssertionError(f"{VISITS_TO_REST} visits after all trouble something waits: {self._state()}")
        await self.world.parse()

    def compare(self) -> None:
        """Hold what is stored against the mailbox."""
        kept = self.world.kept(self.address)
        shown = {message.id for message in self.bank_mails() if self._is_shown(message)}
        assert {mail for mail, rows in kept.items() if len(rows) > 1} == set(), "a mail is kept twice"
        assert (shown | self.ever_kept) - set(kept) == set(), "a mail is lost"
        assert set(kept) - {message.id for message in self.bank_mails()} == set(), "a mail is kept that no bank wrote"
        assert self._row("cursor") == str(self.mailbox.history_id), "the cursor is not where the mailbox is"
        assert self._row("emails_missing") <= self._surprises(), "the audit found what a visit should have found"
        self._compare_books(kept)

    def _compare_books(self, kept: dict[str, list[str]]) -> None:
        told = {message.id: message.note for message in self.bank_mails() if message.id in kept}
        expected = sorted(mail for mail, note in told.items() for _ in note["transactions"])
        assert self.world.booked(self.address) == expected, "a transaction is missing, doubled or invented"
        wrong = {mail for mail, note in told.items() if note["transactions"] and kept[mail] != [note["outcome"]]}
        assert wrong == set(), "a mail was not read as it should"

    async def does_nothing_more(self) -> None:
        """See that a visit of a mailbox where nothing is new downloads nothing."""
        gets = self.world.sandbox.traffic.requests["messages.get"]
        self.world.clock.elapsed += 300
        await self.visit()
        assert self.world.sandbox.traffic.requests["messages.get"] == gets, "a mail was downloaded again"

    def told(self) -> dict[str, int]:
        """Return what the story was made of, in numbers."""
        return {
            "stories": 1,
            "bank mails": len(self.bank_mails()),
            "requests": self.world.sandbox.traffic.requests.total(),
            "completed visits": self.verified,
            "faults": self.world.sandbox.faults.struck.total(),
            "deaths": self.world.deaths,
            "refused ticks": self.world.refused,
        }

    def _is_owed(self, mail: str) -> bool:
        """Whether the mail lies in the time that the integration knows it still has to search."""
        at = datetime.fromtimestamp(self.mailbox.messages[mail].internal_date / 1000, UTC)
        after, before = _moment(self._row("search_from")), _moment(self._row("search_until"))
        return after is not None and after <= at and (before is None or at <= before)

    def _rests(self, quiet_from: datetime) -> bool:
        audited = _moment(self._row("reconciled_at"))
        return (
            self._state() == ("waiting", 0, None, None)
            and not self.world.parked(self.address)
            and audited is not None
            and audited > quiet_from
        )

    def _state(self) -> tuple[Any, ...]:
        return tuple(self._row(name) for name in ("import_status", "failures_in_a_row", "look_again_at", "search_from"))

    def _row(self, name: str) -> Any:
        return self.world.row(self.address)[name]

    def _surprises(self) -> int:
        """Return how many mails may be the audit's to find: those hidden for a time, or shown late by the search."""
        late = {m.id for m in self.bank_mails() if m.indexed_at - m.internal_date / 1000 > LATE_SECONDS}
        return len(self.hidden | late)

    def _shown_in_time(self, now: datetime) -> set[str]:
        """Return what a visit that begins now must find: shown, and not after a visit that could only hear of it."""
        return {
            message.id
            for message in self.bank_mails()
            if self._is_shown(message)
            and message.id not in self.hidden
            and message.indexed_at <= now.timestamp()
            and message.id not in self.late
        }

    def _is_shown(self, message: StoredMessage) -> bool:
        return message.id in self.mailbox.messages and not HIDDEN & message.labels


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
