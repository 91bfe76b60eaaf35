"""Raw values to transactions: parsed strictly, checked, and refused with the field's name when anything is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from afpd.errors import BadValue, Mismatch
from afpd.model import Direction, Kind, Status, Transaction
from afpd.parse.currencies import currency_of
from afpd.parse.dates import DateOrder, Moment, moment
from afpd.parse.extraction import Raw
from afpd.parse.fold import collapse, fold_word
from afpd.parse.owners import Owners
from afpd.parse.search import Encoded, Pattern
from afpd.parse.text import Text
from afpd.parse.values import NumberStyle, amount, last_four, money

_REFERENCE = Pattern(r"^(?:n(?:o|ro|um)?[.°\s]\s*)?[#°.\s]*(?P<key>[0-9a-z][0-9a-z._/-]{0,59})$")
_SPACED_KEY = Pattern(r"^(?P<key>(?:[a-z]{1,3}|[0-9a-z./-]*\d[0-9a-z./-]*)(?: [0-9a-z./-]*\d[0-9a-z./-]*){1,3})$")
_LONGEST_KEY = 60
_LATEST = timedelta(days=2)
_EARLIEST = timedelta(days=5 * 366)
_UTC_LEAVE = timedelta(minutes=30)
_MAX_NAME = 160


@dataclass(frozen=True, slots=True)
class Case:
    """A field (or subject, body) whose words set kind, direction or status."""

    field: str
    matches: Pattern
    kind: Kind | None
    direction: Direction | None
    status: Status | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a mail says besides its text: when it came (aware), its subject, and whose mailbox it is."""

    received: datetime
    subject: str
    owners: Owners


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a template's raw values are to be read."""

    numbers: NumberStyle
    orders: tuple[DateOrder, ...]
    undated: bool
    maybe_utc: bool
    zone: tzinfo
    currency: str | None
    signs: Mapping[str, str]
    kind: Kind | None
    direction: Direction | None
    status: Status
    required: frozenset[str]
    cases: tuple[Case, ...]
    merchant_else: tuple[str, ...]
    payer_copy: tuple[str, str] | None
    spaced: frozenset[str]
    labels: frozenset[str]

    def transaction(self, raw: Raw, text: Text, around: Surroundings) -> Transaction:
        """Return the transaction in raw values. Raises `Mismatch` for a missing field, `BadValue` for a wrong one."""
        if missing := sorted(name for name in self.required if not raw.get(name)):
            raise Mismatch(f"{', '.join(missing)} not found")
        number, currency = self._money(raw)
        when = self._moment(raw, around)
        kind, direction, status = self._sorted_by_words(raw, text, around)
        read = Transaction(
            kind=kind,
            direction=direction,
            status=status,
            amount=_positive(amount(number, currency, self.numbers)),
            currency=currency,
            occurred_at=when.at,
            dated_by=when.dated_by,
            merchant=self._merchant(raw),
            account=last_four(raw.get("account") or ""),
            reference=_key(raw.get("reference"), "reference" in self.spaced),
            authorization=_key(raw.get("authorization"), "authorization" in self.spaced),
        )
        return self._from_the_owners_side(read, raw, around)

    def _money(self, raw: Raw) -> tuple[str, str]:
        words = raw.get("currency")
        told = currency_of(fold_word(words), self.signs) if words else None
        number, beside = money(raw.get("amount") or "", self.numbers, self.signs, told)
        if words and told is None:
            raise BadValue(f"currency: {words!r} is unknown")
        if told and beside and told != beside:
            raise BadValue(f"currency: the mail says both {told} and {beside}")
        currency = told or beside or self.currency
        if currency is None:
            raise BadValue("currency: the mail names none")
        return number, currency

    def _moment(self, raw: Raw, around: Surroundings) -> Moment:
        day, clock = raw.get("date"), raw.get("time")
        if not day and not clock and not self.undated:
            raise Mismatch("date not found")
        when = moment(day, clock, self.orders, around.received, self.zone, raw.get("posted"))
        if self.maybe_utc and isinstance(when.at, datetime) and when.at > around.received + _UTC_LEAVE:
            when = replace(when, at=when.at.replace(tzinfo=UTC).astimezone(self.zone))
        on = when.at.date() if isinstance(when.at, datetime) else when.at
        received = around.received.astimezone(self.zone).date()
        if not received - _EARLIEST <= on <= received + _LATEST:
            raise BadValue(f"date: {on.isoformat()} does not go with a mail of {received.isoformat()}")
        return when

    def _sorted_by_words(self, raw: Raw, text: Text, around: Surroundings) -> tuple[Kind, Direction, Status]:
        kind, direction, status = self.kind, self.direction, self.status
        for field in dict.fromkeys(case.field for case in self.cases):
            case = self._case(field, raw, text, around)
            if case is not None:
                kind, direction, status = case.kind or kind, case.direction or direction, case.status or status
        if kind is None or direction is None:
            raise BadValue("kind and direction: the mail does not say them in known words")
        return kind, direction, status

    def _case(self, field: str, raw: Raw, text: Text, around: Surroundings) -> Case | None:
        """Return the first case of this field that fits; words of a field that fit no case are an error."""
        whole = field not in ("body", "subject")
        if field == "body":
            words = text.folded_flow.data
        else:
            words = fold_word(raw.get(field) or "" if whole else around.subject).encode("utf-8", "replace")
        for case in self.cases:
            if case.field == field and (case.matches.is_all_of(words) if whole else case.matches.is_in(words)):
                return case
        if words and whole:
            raise BadValue(f"{field}: {raw.get(field)!r} is unknown")
        return None

    def _merchant(self, raw: Raw) -> str | None:
        name = next((found for field in ("merchant", *self.merchant_else) if (found := raw.get(field))), None)
        name = collapse(name or "").strip(" \u3000,;:|")
        if not any(char.isalnum() for char in name):
            return None
        if len(name) > _MAX_NAME:
            raise BadValue(f"merchant: {len(name)} characters are no name")
        if fold_word(name).strip(" :") in self.labels:
            raise BadValue(f"merchant: {name!r} is a label")
        return name

    def _from_the_owners_side(self, read: Transaction, raw: Raw, around: Surroundings) -> Transaction:
        """Turn a transfer around when the mailbox belongs to the one who paid, and not to the one who is addressed."""
        if self.payer_copy is None:
            return read
        payer, reader = (raw.get(name) or "" for name in self.payer_copy)
        if not around.owners.include(payer) or around.owners.include(reader):
            return read
        return replace(read, direction=Direction.DEBIT, merchant=collapse(reader) or None, account=None)


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise BadValue("amount: it is not positive")
    return value


def _key(text: str | None, spaced: bool) -> str | None:
    """Return a reference or authorization as printed; what is none (a sentence, a dash) is null."""
    if not text:
        return None
    if text.isascii() and text.isalnum() and len(text) <= _LONGEST_KEY:
        return text
    folded = Encoded(fold_word(text))
    hit = _REFERENCE.search(folded) or (_SPACED_KEY.search(folded) if spaced else None)
    if hit is None:
        return None
    begin, end = hit.span("key")
    return collapse(text)[begin - end :]
