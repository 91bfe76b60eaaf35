"""The nouns: what the rooms hand each other. Frozen, without behaviour beyond their own shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class ImportStatus(StrEnum):
    """State of an integration."""

    WAITING = "waiting"
    RUNNING = "running"
    SUSPENDED = "suspended"
    ERROR = "error"


class Credential(StrEnum):
    """How the mailbox of an integration is opened: a person signed in, or a service account reads for the domain."""

    OAUTH = "oauth"
    SERVICE_ACCOUNT = "service_account"


class BatchStatus(StrEnum):
    """State of a batch, a row of email_import_jobs."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Outcome(StrEnum):
    """How reading a mail ended; the parsing_status of its job."""

    PENDING = "pending"
    SUCCESS = "success"
    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    FAILED = "failed"
    QUARANTINED = "quarantined"


class Kind(StrEnum):
    """What sort of movement a transaction is."""

    PURCHASE = "purchase"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    DEPOSIT = "deposit"
    PAYMENT = "payment"
    FEE = "fee"
    REVERSAL = "reversal"
    OTHER = "other"


class Direction(StrEnum):
    """Debit leaves the customer's account or card, credit comes to it."""

    DEBIT = "debit"
    CREDIT = "credit"


class Status(StrEnum):
    """Whether the money moved. Declined and pending count nothing in a sum."""

    APPROVED = "approved"
    DECLINED = "declined"
    REVERSED = "reversed"
    PENDING = "pending"


class DatedBy(StrEnum):
    """Where the time of a transaction comes from."""

    BODY = "body"
    BODY_AND_RECEIVED = "body+received"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One movement as a mail tells it.

    `amount` is positive and carries as many decimals as the currency's minor unit; `currency` is ISO 4217;
    `occurred_at` is an aware datetime at the bank's offset, or a bare date where the mail has only a date;
    `account` holds the last four digits of the customer's own card or account.
    """

    kind: Kind
    direction: Direction
    status: Status
    amount: Decimal
    currency: str
    occurred_at: datetime | date
    dated_by: DatedBy
    merchant: str | None = None
    account: str | None = None
    reference: str | None = None
    authorization: str | None = None

    def as_record(self) -> dict[str, Any]:
        """Return the record that exports and `explain` print: plain text values, in a fixed order."""
        return {
            "kind": self.kind.value,
            "direction": self.direction.value,
            "status": self.status.value,
            "amount": format(self.amount, "f"),
            "currency": self.currency,
            "occurred_at": self.occurred_at.isoformat(),
            "dated_by": self.dated_by.value,
            "merchant": self.merchant,
            "account": self.account,
            "reference": self.reference,
            "authorization": self.authorization,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one mail gave: the outcome, in words why, and the transactions in the mail's order.

    `bank` is the code of a bank file, `template` its template's name and `template_version` that template's version.
    `has_unique_reference` is what the template declares: no other movement ever carries the same reference.
    `says_nothing` marks what failed on our side (a key, a body that is gone, a bug): it says nothing about the mail.
    A mail of a known sender that could not be read carries that `sender` and the mail's `shape`: two shapes are alike
    by the share of places at which they have the same letter.
    """

    outcome: Outcome
    why: str
    bank: str | None = None
    template: str | None = None
    template_version: int | None = None
    transactions: tuple[Transaction, ...] = ()
    has_unique_reference: bool = False
    says_nothing: bool = False
    sender: str | None = None
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Email:
    """A bank mail as it came from Gmail, ready to be kept.

    `email_message_id` is Gmail's id, `received_at` its internalDate (aware UTC), `raw` the RFC 822 bytes.
    `found_by` is visit, or audit for what a visit should have seen; `sender_is_unknown` marks an address of a bank's
    domain that no bank file knows.
    """

    email_message_id: str
    received_at: datetime
    raw: bytes
    subject: str = ""
    sender: str = ""
    rfc_message_id: str | None = None
    found_by: str = "visit"
    sender_is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class LoopState:
    """What a loop is doing, as /status tells it: times in UTC, durations in seconds.

    `last` is what the last tick that ended well had to tell; `last_error` says why the last tick failed, None after a
    good one; `next_at` is None before the loop started and after it stopped.
    """

    last_started_at: datetime | None = None
    last_finished_at: datetime | None = None
    next_at: datetime | None = None
    last_duration_seconds: float | None = None
    failures_in_a_row: int = 0
    last: Mapping[str, object] | None = None
    last_error: str | None = None
    running: bool = False


@dataclass(frozen=True, slots=True)
class IntegrationCounts:
    """How many integrations there are, inactive ones included: waiting + running + suspended + error = total.

    `active`, `stale`, `quiet` and `history_refused` overlap the four.
    """

    total: int = 0
    active: int = 0
    waiting: int = 0
    running: int = 0
    suspended: int = 0
    error: int = 0
    stale: int = 0
    quiet: int = 0
    history_refused: int = 0


@dataclass(frozen=True, slots=True)
class EmailCounts:
    """How many mails wait or could not be read, and how many were read today (`parsed_today` counts success).

    `missing` were found by audits, `unknown_sender` are of banks' domains, `poison` could not be downloaded; `clusters`
    are groups of unread mails that look alike. What somebody ignores counts in none of them.
    """

    pending_parsing: int = 0
    parsed_today: int = 0
    unmatched: int = 0
    failed: int = 0
    quarantined: int = 0
    missing: int = 0
    unknown_sender: int = 0
    poison: int = 0
    clusters: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What the database counts for /status. `last_batch` is the newest batch that ended, as plain values, or None.

    `troubles` tells why integrations are in trouble, those of one reason together, the commonest first.
    For readiness: `overdue` are stale and no person's to mend; `verified_at` is when any integration was verified last,
    `pending_since` when the oldest unread mail was kept; both are UTC, or None. `drift` are the match rates that fell.
    """

    integrations: IntegrationCounts
    emails: EmailCounts
    transactions_created_today: int = 0
    last_batch: Mapping[str, object] | None = None
    overdue: int = 0
    verified_at: datetime | None = None
    pending_since: datetime | None = None
    drift: tuple[Mapping[str, object], ...] = ()
    troubles: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Nobody is visited for now: why, in words, and the UTC moment until which, None where nobody knows.

    `kind` is "quota", which ends by itself, or "client", which somebody must mend.
    """

    kind: str
    reason: str
    until: datetime | None = None
