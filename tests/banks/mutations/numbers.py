"""Amounts in the number format of their mail: which numbers of a text are the amount, and how another is written."""

import random
import re
from dataclasses import dataclass
from decimal import Decimal

NUMBER = re.compile(
    r"(?<![0-9,/:#*•-])(?<![0-9]\.)(?:[0-9][0-9.,]*[0-9]|[0-9]|[.,][0-9]{1,2})(?![0-9/:%]|[.,][0-9]|-[0-9])"
)
_MONEY_BEFORE = re.compile(r"(?i)(?:[$₡¢€£₹¥]|\b(?:[a-z]{3}|rs\.?|s/|mn)|monto|valor|importe|total|：)[\s:]*$")
_MONEY_BEHIND = re.compile(r"(?i)^\s*(?:[$₡¢€£₹¥円]|[A-Z]{3}\b|colones|dolares|pesos|soles|m\.?n\b)")
WITHOUT_DECIMALS = ("CLP", "JPY", "PYG")


@dataclass(frozen=True)
class Format:
    """How a number is written: marks between groups (the first and the last may differ), and decimals."""

    thousands: str | None  # None: the number is too short to show it
    last_thousands: str | None
    point: str
    decimals: int
    indian: bool = False


def format_of(token: str, currency: str) -> tuple[Decimal, Format]:
    """Return the value of a number and the format that it shows."""
    at = max(token.rfind("."), token.rfind(","))
    tail = token[at + 1 :]
    whole, point, decimals = token, "", ""
    if at >= 0 and len(tail) in (1, 2) and currency not in WITHOUT_DECIMALS:
        whole, point, decimals = token[:at], token[at], tail
    marks = [char for char in whole if char in ".,"]
    digits = re.sub(r"[.,]", "", whole)
    groups = re.split(r"[.,]", whole)
    indian = any(len(group) == 2 for group in groups[1:])
    if marks:
        thousands, last = marks[0], marks[-1]
    else:
        thousands = last = "" if len(digits) > 3 else None
    return Decimal(f"{digits or '0'}.{decimals or '0'}"), Format(thousands, last, point, len(decimals), indian)


def is_amount(text: str, hit: re.Match[str], amount: Decimal, currency: str) -> bool:
    """Return whether a number of a text is this amount, and no day, count or key that looks like it."""
    token = hit.group()
    value, form = format_of(token, currency)
    if value != amount:
        return False
    if form.point or form.thousands:
        return True
    before, behind = text[max(0, hit.start() - 24) : hit.start()], text[hit.end() : hit.end() + 12]
    return bool(
        _MONEY_BEFORE.search(before.replace("&nbsp;", " ")) or _MONEY_BEHIND.search(behind.replace("&nbsp;", " "))
    )


def other_amount(dice: random.Random, forms: list[Format], country: str) -> Decimal:
    """Return an amount of one to nine integer digits that all these formats can write."""
    decimals = min(form.decimals for form in forms)
    longest = 9 if all(_thousands(form, forms, country) is not None for form in forms) else 3
    digits = dice.randint(1, longest)
    whole = dice.randint(10 ** (digits - 1), 10**digits - 1)
    return Decimal(whole) + (Decimal(dice.randint(0, 10**decimals - 1)).scaleb(-decimals) if decimals else 0)


def as_written(amount: Decimal, form: Format, forms: list[Format], country: str) -> str:
    """Return an amount in a format; what a short number does not show is taken from the others of the mail."""
    whole, _, decimals = f"{amount:.{form.decimals}f}".partition(".")
    mark = _thousands(form, forms, country) or ""
    last = form.last_thousands if form.last_thousands is not None else mark
    groups = _groups(whole, indian=form.indian or (country == "in" and mark == ","))
    text = mark.join(groups[:-1]) + (last if len(groups) > 1 else "") + groups[-1] if mark else whole
    return text + (form.point + decimals if form.decimals else "")


def _thousands(form: Format, forms: list[Format], country: str) -> str | None:
    if form.thousands is not None:
        return form.thousands
    known = [other.thousands for other in forms if other.thousands is not None and other.point == form.point]
    if known:
        return known[0]
    if form.point:
        return "." if form.point == "," else ","
    return {"cl": ".", "co": ".", "jp": ","}.get(country)


def _groups(whole: str, *, indian: bool) -> list[str]:
    groups, rest = [whole[-3:]], whole[:-3]
    width = 2 if indian else 3
    while rest:
        groups.insert(0, rest[-width:])
        rest = rest[:-width]
    return groups
