"""The same mail with other values: amount, name, date, account and keys, wherever they stand in it, and its record.

What is not found where it must stand stays as it is; `changed` tells what was replaced.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import escape
from html.entities import codepoint2name
from typing import Any

from banks.mutations.days import dates_replaced, times_replaced
from banks.mutations.letters import Letter
from banks.mutations.names import another
from banks.mutations.numbers import NUMBER, Format, as_written, format_of, is_amount, other_amount

_FIRST_SLOT = 0xF0000  # private use: nothing of a mail, and nothing that any replacement looks for
TAGS = re.compile(r"(?s)(<style.*?</style>|<script.*?</script>|<!--.*?-->|<[^<>]*>)")
_GAP = r"(?:\s|&nbsp;|&#160;|\u00a0|\u3000|_)+"


@dataclass
class Draft:
    """A letter under change: its texts, the first of them the subject, and what stands in for each new value."""

    letter: Letter
    texts: list[str]
    html: list[bool]
    slots: list[str] = field(default_factory=list)

    def slot(self, value: str) -> str:
        self.slots.append(value.replace("&nbsp;", "\u00a0"))
        return chr(_FIRST_SLOT + len(self.slots) - 1)

    def replaced(self, change: Callable[[str], str], *, across_tags: bool = False) -> bool:
        """Change every text; return whether each one that has content was changed."""
        before = list(self.texts)
        self.texts = [
            change(text) if across_tags or not html else _outside_tags(text, change)
            for text, html in zip(self.texts, self.html, strict=True)
        ]
        filled = [not leaf.is_blank for leaf in self.letter.leaves]
        whole = all(a != b for a, b, there in zip(before[1:], self.texts[1:], filled, strict=True) if there)
        if not whole:
            self.texts = before
        return whole and any(filled)

    def finished(self) -> Letter:
        def told(text: str, html: bool) -> str:
            def value(char: str) -> str:
                number = ord(char) - _FIRST_SLOT
                if not 0 <= number < len(self.slots):
                    return char
                return escape(self.slots[number], quote=False) if html else self.slots[number]

            return "".join(value(char) if char >= "\U000f0000" else char for char in text)

        texts = [told(text, html) for text, html in zip(self.texts, self.html, strict=True)]
        leaves = tuple(replace(leaf, text=text) for leaf, text in zip(self.letter.leaves, texts[1:], strict=True))
        return replace(self.letter, subject=texts[0], leaves=leaves)


def with_other_values(letter: Letter, dice: random.Random) -> tuple[Letter, frozenset[str]]:
    """Return the letter and its record with other values, and the names of the fields that changed."""
    record: dict[str, Any] = {**letter.record, "transactions": [dict(one) for one in letter.record["transactions"]]}
    draft = Draft(
        letter,
        [letter.subject, *(leaf.text for leaf in letter.leaves)],
        [False, *(leaf.is_html for leaf in letter.leaves)],
    )
    changed: set[str] = set()
    done: dict[tuple[str, str], str] = {}  # of several transactions, those of one card share its new number
    for told in record["transactions"]:
        for name, change in CHANGES.items():
            old = told.get(name)
            if old and (name, old) in done and name != "amount":
                told[name] = done[name, old]
            elif old and change(draft, told, dice):
                done[name, old] = told[name]
                changed.add(name)
    received = letter.received
    if record["transactions"]:
        shifted = _shifted(draft, record["transactions"], dice)
        received, changed = (shifted, changed | {"occurred_at"}) if shifted else (received, changed)
    return replace(draft.finished(), record=record, received=received), frozenset(changed)


def _amount(draft: Draft, told: dict[str, Any], dice: random.Random) -> bool:
    old, currency, country = Decimal(told["amount"]), told["currency"], draft.letter.bank[:2]
    forms: list[Format] = []

    def look(text: str) -> str:
        forms.extend(
            format_of(hit.group(), currency)[1] for hit in NUMBER.finditer(text) if is_amount(text, hit, old, currency)
        )
        return text

    draft.replaced(look)
    if not forms:
        return False
    new = other_amount(dice, forms, country)

    def write(text: str) -> str:
        def one(hit: re.Match[str]) -> str:
            if not is_amount(text, hit, old, currency):
                return hit.group()
            return draft.slot(as_written(new, format_of(hit.group(), currency)[1], forms, country))

        return NUMBER.sub(one, text)

    if not draft.replaced(write):
        return False
    told["amount"] = str(new)
    return True


def _merchant(draft: Draft, told: dict[str, Any], dice: random.Random) -> bool:
    old = told["merchant"]
    if len(old) < 5:
        return False
    shop = told["kind"] in ("purchase", "withdrawal", "payment", "reversal", "fee")
    new = another(dice, old, person=not shop)
    pattern = re.compile(_spelled(old))

    def one(hit: re.Match[str]) -> str:
        return draft.slot(new.replace(" ", "_") if "_" in hit.group() and "_" not in old else new)

    if not draft.replaced(lambda text: pattern.sub(one, text)):
        return False
    told["merchant"] = new if shop else new.replace("_", " ")
    return True


def _spelled(name: str) -> str:
    words = [word for word in re.split(r"[ \u3000]+", name) if word]
    return _GAP.join("".join(map(_letter, word)) for word in words)


def _letter(char: str) -> str:
    ways = {char, f"&#{ord(char)};", f"&#x{ord(char):x};", f"&#x{ord(char):X};"}
    if ord(char) in codepoint2name:
        ways.add(f"&{codepoint2name[ord(char)]};")
    return f"(?:{'|'.join(map(re.escape, sorted(ways)))})" if not char.isalnum() or not char.isascii() else char


def _key(name: str) -> Callable[[Draft, dict[str, Any], random.Random], bool]:
    def change(draft: Draft, told: dict[str, Any], dice: random.Random) -> bool:
        old = told[name]
        if len(old) < 4:
            return False
        new = "".join(_another_letter(char, dice) for char in old)
        pattern = re.compile(rf"(?<![0-9]){re.escape(old)}(?![0-9A-Za-z])")
        if not draft.replaced(lambda text: pattern.sub(lambda _: draft.slot(new), text)):
            return False
        told[name] = new
        return True

    return change


def _account(draft: Draft, told: dict[str, Any], dice: random.Random) -> bool:
    old = told["account"]
    new = f"{dice.randint(0, 9999):04}"
    pattern = re.compile(rf"(?<![0-9]{{9}}){old}(?![0-9]|[.,/][0-9])")
    if not draft.replaced(lambda text: pattern.sub(lambda _: draft.slot(new), text)):
        return False
    told["account"] = new
    return True


def _another_letter(char: str, dice: random.Random) -> str:
    if char.isdigit():
        return str(dice.randint(0, 9))
    if char.isalpha():
        letter = dice.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return letter if char.isupper() else letter.lower()
    return char


# Long keys first: an account may be the end of one.
CHANGES: dict[str, Callable[[Draft, dict[str, Any], random.Random], bool]] = {
    "merchant": _merchant,
    "reference": _key("reference"),
    "authorization": _key("authorization"),
    "amount": _amount,
    "account": _account,
}


def _shifted(draft: Draft, transactions: list[dict[str, Any]], dice: random.Random) -> datetime | None:
    """Move all transactions and the receive time by the same days, and a lone one by a time of day as well."""
    moments = [_moment(told["occurred_at"]) for told in transactions]
    days, minutes = timedelta(days=dice.randint(-700, 300)), timedelta()
    by_body = transactions[0]["dated_by"] != "received"
    has_time = any(isinstance(one, datetime) for one in moments)
    if has_time and len(transactions) == 1:
        old = moments[0]
        assert isinstance(old, datetime)
        minutes = timedelta(minutes=dice.randint(0, 1439) - old.hour * 60 - old.minute)
    if by_body and not _rewritten(draft, moments, days, minutes, transactions[0]["dated_by"]):
        return None
    for told, moment in zip(transactions, moments, strict=True):
        told["occurred_at"] = _moved(moment, days, minutes, draft.letter).isoformat()
    received = _moved(draft.letter.received, days, minutes, draft.letter)
    assert isinstance(received, datetime)
    return received


def _rewritten(draft: Draft, moments: list[Any], days: timedelta, minutes: timedelta, dated_by: str) -> bool:
    dates = {_day(one): _day(one) + days for one in moments}
    times = {one.time(): (one + minutes).time() for one in moments if isinstance(one, datetime)}
    month_first = draft.letter.bank in ("do-qik", "us-becu", "us-bofa")
    # Charges of mx-banorte tell the day twice, and only once with its year.
    loose = dated_by == "body+received" or draft.letter.bank == "mx-banorte"
    kept = list(draft.texts)

    def new_dates(text: str) -> str:
        return dates_replaced(text, dates, draft.slot, month_first=month_first, without_year=loose)

    dated = draft.replaced(new_dates)
    timed = not times or draft.replaced(lambda text: times_replaced(text, times, draft.slot))
    if timed and (dated or (loose and times)):
        return True
    draft.texts = kept
    return False


def _moment(told: str) -> datetime | date:
    return datetime.fromisoformat(told) if "T" in told else date.fromisoformat(told)


def _day(moment: datetime | date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _moved(moment: datetime | date, days: timedelta, minutes: timedelta, letter: Letter) -> datetime | date:
    """Move in local time: a change of the clock in between changes the offset."""
    if not isinstance(moment, datetime):
        return moment + days
    return (moment.replace(tzinfo=None) + days + minutes).replace(tzinfo=letter.received.tzinfo)


def _outside_tags(source: str, change: Callable[[str], str]) -> str:
    pieces = TAGS.split(source)
    return "".join(piece if number % 2 else change(piece) for number, piece in enumerate(pieces))
