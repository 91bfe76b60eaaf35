"""Strict reading of single values: amounts, currencies, the end of an account number.

An amount is read by the number style that its template declares, exactly or not at all.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import re2

from afpd.errors import BadValue
from afpd.parse.currencies import MINOR_UNITS, currency_of
from afpd.parse.fold import fold

_MONEY = re2.compile(r"^([^\d]*?)\s*(\d[\d.,]*|[.,]\d{1,2})([^\d]*)$")
_BLANK_GROUPS = re2.compile(r"^([^\d]*?)\s*(\d{1,3}(?: \d{3})+(?:[.,]\d+)?)([^\d]*)$")
_GROUPED = {
    ",": re2.compile(r"^\d{1,3}(?:,\d{3})*$"),
    ".": re2.compile(r"^\d{1,3}(?:\.\d{3})*$"),
    " ": re2.compile(r"^\d{1,3}(?: \d{3})*$"),
}
_INDIAN = re2.compile(r"^\d{1,2}(?:,\d{2})*,\d{3}$")
_MIXED = re2.compile(r"^\d{1,3}(?:[.,]\d{3})+$")
_TAIL = re2.compile(r"((?:\d[- ]?){4,})[^\d]*$")
MAX_DIGITS = 15


class NumberStyle(StrEnum):
    """How a template's amounts are written: thousands mark, then decimal mark."""

    COMMA_POINT = "comma-point"
    POINT_COMMA = "point-comma"
    BLANK_COMMA = "blank-comma"
    INDIAN = "indian"
    EITHER = "either"


def money(text: str, style: NumberStyle, signs: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the digits of an amount as written, and the ISO currency beside them or None.

    Raises `BadValue` when the text holds anything else than one number and one currency.
    """
    folded = fold(text).strip()
    hit = _MONEY.search(folded)
    if hit is None and style is NumberStyle.BLANK_COMMA:
        hit = _BLANK_GROUPS.search(folded)
    if hit is None:
        raise BadValue(f"{text!r} is no amount")
    before, number, after = (group.strip(" :\t") for group in hit.groups())
    number, after = number.rstrip(".,"), after.strip(" .,;")
    found = [_currency(word, signs, text) for word in (before.strip(" :."), after) if word]
    if len(set(found)) > 1 or not number:
        raise BadValue(f"{text!r} is no amount")
    return number, found[0] if found else None


def _currency(word: str, signs: Mapping[str, str], text: str) -> str:
    code = currency_of(word, signs)
    if code is None:
        raise BadValue(f"{text!r}: {word!r} is no currency")
    return code


def amount(number: str, currency: str, style: NumberStyle) -> Decimal:
    """Return the exact amount with as many decimals as the currency's minor unit (ISO 4217).

    Raises `BadValue` for a number that the style does not allow, or finer than the currency is.
    """
    units = MINOR_UNITS.get(currency)
    if units is None:
        raise BadValue(f"{currency!r} is no currency")
    whole, decimals = _either(number, units) if style is NumberStyle.EITHER else _declared(number, style)
    digits = "".join(char for char in whole if char.isdigit())
    if len(decimals) > units or len(digits) > MAX_DIGITS:
        raise BadValue(f"{number!r} is no amount in {currency}")
    return Decimal(f"{digits or '0'}.{decimals:0<{units}}" if units else digits)


def _declared(number: str, style: NumberStyle) -> tuple[str, str]:
    point, thousands = {
        NumberStyle.COMMA_POINT: (".", ","),
        NumberStyle.INDIAN: (".", ","),
        NumberStyle.POINT_COMMA: (",", "."),
        NumberStyle.BLANK_COMMA: (",", " "),
    }[style]
    whole, mark, decimals = number.partition(point)
    plain = whole.isdigit() or (not whole and mark)
    grouped = bool(_GROUPED[thousands].search(whole)) and not _leading_zero(whole)
    indian = style is NumberStyle.INDIAN and bool(_INDIAN.search(whole))
    if not (plain or grouped or indian) or (mark and not decimals.isdigit()):
        raise BadValue(f"{number!r} is no number of the style {style}")
    return whole, decimals


def _either(number: str, units: int) -> tuple[str, str]:
    """The last mark is decimal if one or two digits follow, thousands if exactly three; else nothing is sure."""
    at = max(number.rfind("."), number.rfind(","))
    if at < 0:
        return number, ""
    whole, tail = number[:at], number[at + 1 :]
    other = "," if number[at] == "." else "."
    if len(tail) in (1, 2) and units > 0:
        if not whole or whole.isdigit() or (_GROUPED[other].search(whole) and not _leading_zero(whole)):
            return whole, tail
    elif len(tail) == 3 and units < 3 and _MIXED.search(number) and not _leading_zero(number):
        return number, ""
    raise BadValue(f"{number!r} could be read in two ways")


def _leading_zero(whole: str) -> bool:
    return whole.startswith("0") and len(whole) > 1


def last_four(text: str) -> str | None:
    """Return the last four digits of a card, account or IBAN, masks and letters around them left out.

    None when fewer than four digits stand together at its end.
    """
    hit = _TAIL.search(fold(text))
    return "".join(char for char in hit.group(1) if char.isdigit())[-4:] if hit else None
