"""What transactions are to each other: a reversal and its original, one purchase told twice, two sides of a transfer.

Nothing is merged: every row stays, and points to another one. The rules are pure functions on two rows.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from afpd.model import Direction, Kind, Status

SAME_WITHIN = timedelta(hours=48)
_ALIKE_WITHIN = timedelta(minutes=10)
REVERSED_WITHIN = timedelta(days=180)
_LEAST_MERCHANT = 4


@dataclass(frozen=True, slots=True)
class Movement:
    """A row as the rules see it."""

    id: int
    user_id: str
    integration_id: int | None
    email_message_id: str | None
    bank_id: int | None
    kind: str
    direction: str
    status: str
    amount: Decimal
    currency: str
    occurred_at: str
    merchant: str | None
    account: str | None
    reference: str | None
    authorization: str | None
    has_unique_reference: bool
    reverses_id: int | None
    same_as_id: int | None
    looks_like_id: int | None = None
    counterpart_id: int | None = None

    @property
    def has_bare_date(self) -> bool:
        """Tell whether the mail tells a day and no time."""
        return len(self.occurred_at) <= len("2026-01-01")

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Return the earliest and latest moment (UTC) at which it may have happened: a bare date is a whole day."""
        if not self.has_bare_date:
            at = datetime.fromisoformat(self.occurred_at).astimezone(UTC)
            return at, at
        day = datetime.combine(date.fromisoformat(self.occurred_at), time(), UTC)
        return day - timedelta(hours=14), day + timedelta(hours=38)


def apart(one: Movement, other: Movement) -> timedelta:
    """Return the least time that may lie between two movements."""
    if one.has_bare_date and other.has_bare_date:  # days of one country: the next day is another one
        return abs(date.fromisoformat(one.occurred_at) - date.fromisoformat(other.occurred_at))
    (start, end), (other_start, other_end) = one.span, other.span
    return max(timedelta(0), start - other_end, other_start - end)


def is_reversal(one: Movement) -> bool:
    """Tell whether a movement undoes an earlier one."""
    return one.direction == Direction.CREDIT and (one.kind == Kind.REVERSAL or one.status == Status.REVERSED)


def reverses(one: Movement, original: Movement) -> bool:
    """Tell whether `one` undoes `original`: the same account, amount and currency, and a mark or the merchant.

    Never by amount and date alone, and never what came later.
    """
    return (
        is_reversal(one)
        and original.direction == Direction.DEBIT
        and original.status == Status.APPROVED
        and _same_place(one, original)
        and one.span[1] >= original.span[0]
        and apart(one, original) <= REVERSED_WITHIN
        and (same_mark(one, original) or _same_merchant(one, original))
    )


def is_told_twice(one: Movement, other: Movement) -> bool:
    """Tell whether two mails surely tell the same movement: both templates declare their reference unique.

    An authorization alone never proves it.
    """
    return (
        one.has_unique_reference
        and other.has_unique_reference
        and _is_common(one.reference, other.reference)
        and one.status == other.status
        and one.direction == other.direction
        and _same_place(one, other)
        and apart(one, other) <= SAME_WITHIN
    )


def looks_alike(one: Movement, other: Movement) -> bool:
    """Tell whether two mails perhaps tell the same movement, which a person decides: both keep counting.

    A mark that both carry and that differs says no; a mark in common says yes within two days; otherwise it is the
    merchant within ten minutes, for equal purchases twenty minutes apart are two.
    """
    alike = (
        one.status == other.status
        and one.direction == other.direction
        and (one.amount, one.currency) == (other.amount, other.currency)
        and (one.account is None or other.account is None or one.account == other.account)
    )
    if not alike or _differs(one.reference, other.reference) or _differs(one.authorization, other.authorization):
        return False
    if same_mark(one, other):
        return apart(one, other) <= SAME_WITHIN
    told = one.merchant is None or other.merchant is None or _same_merchant(one, other)
    return told and apart(one, other) <= _ALIKE_WITHIN


def are_two_sides(one: Movement, other: Movement) -> bool:
    """Tell whether money went from one account of a user to another one: a reference in common, opposite directions."""
    return (
        one.user_id == other.user_id
        and one.direction != other.direction
        and one.status == other.status == Status.APPROVED
        and _is_common(one.reference, other.reference)
        and (one.amount, one.currency) == (other.amount, other.currency)
        and (one.bank_id != other.bank_id or _differs(one.account, other.account))
        and not is_reversal(one)
        and not is_reversal(other)
        and apart(one, other) <= SAME_WITHIN
    )


def _same_place(one: Movement, other: Movement) -> bool:
    """Whether two movements are of one account, and of one sum; an account that is not told is none."""
    return (
        one.integration_id == other.integration_id
        and one.bank_id == other.bank_id
        and one.account is not None
        and (one.account, one.amount, one.currency) == (other.account, other.amount, other.currency)
    )


def same_mark(one: Movement, other: Movement) -> bool:
    """Whether they carry the same reference or authorization."""
    return _is_common(one.reference, other.reference) or _is_common(one.authorization, other.authorization)


def _is_common(one: str | None, other: str | None) -> bool:
    """Whether both carry the same mark; nothing but zeros is what banks write where there is none."""
    return one is not None and one == other and bool(one.strip("0 -"))


def _differs(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _same_merchant(one: Movement, other: Movement) -> bool:
    """Whether one name is the beginning of the other: banks cut names, and glue cities to them."""
    short, long = sorted((_bare(one.merchant), _bare(other.merchant)), key=len)
    return len(short) >= _LEAST_MERCHANT and long.startswith(short)


def _bare(name: str | None) -> str:
    return "".join(letter for letter in (name or "").casefold() if letter.isalnum())
