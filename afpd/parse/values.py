"""Strict reading of single values: amounts, currencies, the end of an account number.

An amount is read by the number style that its template declares, exactly or not at all.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from afpd.errors import BadValue
from afpd.parse.currencies import DOLLARS, MINOR_UNITS, currency_of
from afpd.parse.fold import fold
from afpd.parse.search import Encoded, Pattern

_MONEY = Pattern(r"^(?P<before>[^\d]*?)\s*(?P<number>\d[\d.,]*|[.,]\d{1,2})(?P<after>[^\d]*)$")
_BLANK_GROUPS = Pattern(r"^(?P<before>[^\d]*?)\s*(?P<number>\d{1,3}(?: \d{3})+(?:[.,]\d+)?)(?P<after>[^\d]*)$")
_INDIAN = Pattern(r"^\d{1,2}(?:,\d{2})*,\d{3}$")
_ABBREVIATED = ("rs.", "s/.")
_TAIL = Pattern(r"(?P<digits>(?:\d[- ]?){4,})[^\d]*$")
MAX_DIGITS = 15


class NumberStyle(StrEnum):
    """How a template's amounts are written: thousands mark, then decimal mark."""

    COMMA_POINT = "comma-point"
    POINT_COMMA = "point-comma"
    BLANK_COMMA = "blank-comma"
    INDIAN = "indian"
    EITHER = "either"


_MARKS = {  # decimal mark, thousands mark
    NumberStyle.COMMA_POINT: (".", ","),
    NumberStyle.INDIAN: (".", ","),
    NumberStyle.POINT_COMMA: (",", "."),
    NumberStyle.BLANK_COMMA: (",", " "),
}


def money(text: str, style: NumberStyle, signs: Mapping[str, str], named: str | None = None) -> tuple[str, str | None]:
    """Return the digits of an amount as written, and the ISO currency beside them or None.

    A bare $ says nothing where a currency that is written with $ is named beside it, or `named` elsewhere in the mail.
    Raises `BadValue` when the text holds anything else than one number and one currency.
    """
    folded = Encoded(_without_abbreviating_dot(fold(text).strip()))
    hit = _MONEY.search(folded)
    if hit is None and style is NumberStyle.BLANK_COMMA:
        hit = _BLANK_GROUPS.search(folded)
    if hit is None:
        raise BadValue(f"{text!r} is no amount")
    parts = hit.texts()
    number, before, after = parts["number"].rstrip(".,"), parts["before"].strip(" :.\t"), parts["after"].strip(" :\t")
    words = [word for word in (before, after.strip(" .,;")) if word]
    told = {named, *(currency_of(word, signs) for word in words if word != "$")}
    found = [_currency(word, signs, text) for word in words if word != "$" or DOLLARS.isdisjoint(told)]
    if len(set(found)) > 1 or not number:
        raise BadValue(f"{text!r} is no amount")
    return number, found[0] if found else None


def _without_abbreviating_dot(folded: str) -> str:
    """The dot of `Rs.50` belongs to the rupee, as that of `S/.50` to the sol: it is no decimal mark."""
    return folded.replace(".", " ", 1) if folded.startswith(_ABBREVIATED) else folded


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
    point, thousands = _MARKS[style]
    whole, mark, decimals = number.partition(point)
    plain = whole.isdigit() or (not whole and mark)
    grouped = _grouped(whole, thousands) and not _leading_zero(whole)
    indian = style is NumberStyle.INDIAN and _INDIAN.is_in(whole.encode())
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
        if not whole or whole.isdigit() or (_grouped(whole, other) and not _leading_zero(whole)):
            return whole, tail
    elif len(tail) == 3 and units < 3 and _grouped(number.replace(",", "."), ".") and not _leading_zero(number):
        return number, ""
    raise BadValue(f"{number!r} could be read in two ways")


def _grouped(whole: str, mark: str) -> bool:
    """Return whether digits stand in groups of three, of which the first may be shorter."""
    first, *others = whole.split(mark)
    return 1 <= len(first) <= 3 and all(len(one) == 3 for one in others) and "".join((first, *others)).isdigit()


def _leading_zero(whole: str) -> bool:
    return whole.startswith("0") and len(whole) > 1


def last_four(text: str) -> str | None:
    """Return the last four digits of a card, account or IBAN, masks and letters around them left out.

    None when fewer than four digits stand together at its end.
    """
    tail = text[-4:]
    if len(tail) == 4 and tail.isascii() and tail.isdigit():
        return tail
    hit = _TAIL.search(Encoded(fold(text)))
    return "".join(filter(str.isdigit, hit.texts()["digits"]))[-4:] if hit else None
