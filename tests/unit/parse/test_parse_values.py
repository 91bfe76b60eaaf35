"""Amounts, currencies, masks: exactly, or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afpd.errors import BadValue
from afpd.parse.values import NumberStyle, amount, last_four, money

SIGNS = {"$": "USD"}


@pytest.mark.parametrize(
    ("text", "currency", "wanted"),
    [
        ("CRC 7,410.00", "CRC", "7410.00"),
        ("CRC 18.200", "CRC", "18200.00"),
        ("CRC 18.200,00", "CRC", "18200.00"),
        ("2480,00", "CRC", "2480.00"),
        ("₡ 141,905", "CRC", "141905.00"),
        ("12,5", "CRC", "12.50"),
        (".05", "CRC", "0.05"),
        ("$1.450,000", "CLP", "1450000"),
        ("2,910円", "JPY", "2910"),
        ("USD: 14.20", "USD", "14.20"),
        ("41,600.00 Colones", "CRC", "41600.00"),
        ("4275.00 CRC .", "CRC", "4275.00"),
    ],
)
def test_the_last_mark_decides(text: str, currency: str, wanted: str) -> None:
    number, _ = money(text, NumberStyle.EITHER, SIGNS)
    assert format(amount(number, currency, NumberStyle.EITHER), "f") == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("Rs.50", "50.00"), ("Rs.5", "5.00"), ("Rs. 50", "50.00"), ("Rs.5000.00", "5000.00"), ("S/.50", "50.00")],
)
def test_the_dot_of_an_abbreviation_is_no_decimal_mark(text: str, wanted: str) -> None:
    number, currency = money(text, NumberStyle.INDIAN, {})
    assert format(amount(number, currency or "", NumberStyle.INDIAN), "f") == wanted


@pytest.mark.parametrize("text", ["25.0000", "1,23,456.00", "0.500", "1.000.00", "1,0000", "00,12,3"])
def test_a_number_of_two_meanings_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        amount(text, "CRC", NumberStyle.EITHER)


@pytest.mark.parametrize("text", ["", "CRC", "5 CRC 6", "-5.00", "CRC 5.00 USD", "7 410.00", "CRC 5 x 3", "٣,٠٠"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        money(text, NumberStyle.COMMA_POINT, SIGNS)


@pytest.mark.parametrize(
    ("text", "style"),
    [("18.200", NumberStyle.COMMA_POINT), ("18,200.00", NumberStyle.POINT_COMMA), ("1.2,3", NumberStyle.COMMA_POINT)],
)
def test_a_declared_style_takes_no_other(text: str, style: NumberStyle) -> None:
    with pytest.raises(BadValue):
        amount(text, "CRC", style)


def test_three_decimals_are_ambiguous_for_a_currency_that_has_them() -> None:
    with pytest.raises(BadValue):
        amount("1.250", "KWD", NumberStyle.EITHER)
    assert amount("1.250", "KWD", NumberStyle.COMMA_POINT) == Decimal("1.250")


@given(st.integers(min_value=1, max_value=10**13), st.sampled_from(["comma-point", "point-comma"]))
def test_what_is_written_in_a_style_reads_back(cents: int, name: str) -> None:
    value = Decimal(cents) / 100
    written = f"{value:,.2f}"
    if name == "point-comma":
        written = written.translate(str.maketrans(",.", ".,"))
    for style in (NumberStyle(name), NumberStyle.EITHER):
        assert amount(written, "CRC", style) == value


@given(st.text(max_size=30))
def test_no_text_makes_money_or_amount_raise_anything_else(text: str) -> None:
    for style in NumberStyle:
        try:
            number, currency = money(text, style, SIGNS)
            assert amount(number, currency or "CRC", style) >= 0
        except BadValue:
            pass


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("XXXXXXXXXXX5524X", "5524"),
        ("4519-62**-****-4471", "4471"),
        ("CR21XXXXXXXXXXXX7740", "7740"),
        ("126-200-99990172-BCC", "0172"),
        ("*6642, ", "6642"),
        ("123", None),
        ("", None),
    ],
)
def test_the_last_four_digits_of_an_account(text: str, wanted: str | None) -> None:
    assert last_four(text) == wanted


@pytest.mark.parametrize(
    ("text", "named", "wanted"),
    [("$1,875.00", None, "DOP"), ("$0.45 USD", None, "USD"), ("$24.99", "USD", None)],
)
def test_a_bare_dollar_sign_gives_way_to_a_currency_that_is_written_with_it(
    text: str, named: str | None, wanted: str | None
) -> None:
    assert money(text, NumberStyle.COMMA_POINT, {"$": "DOP"}, named)[1] == wanted


@pytest.mark.parametrize("text", ["$24.99 CRC", "$24.99 ₡", "€24.99 USD"])
def test_other_signs_and_currencies_contradict(text: str) -> None:
    with pytest.raises(BadValue):
        money(text, NumberStyle.COMMA_POINT, {"$": "DOP"})
