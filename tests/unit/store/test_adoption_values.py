"""Words, times and amounts of the replaced system in our terms."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from afpd.clock import zone as zone_of
from afpd.store.adoption.values import (
    batch_status_of,
    currency_of,
    exact_amount,
    kind_of,
    moment_of,
    outcome_of,
    status_of,
    utc_of,
)

COSTA_RICA = ZoneInfo("America/Costa_Rica")


@given(some.decimals(min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=2))
def test_every_amount_of_up_to_fifteen_digits_survives_its_time_as_a_float(amount):
    text, negative = exact_amount(float(amount), "CRC")

    assert Decimal(text) == abs(amount)
    assert text == format(abs(amount), "f").removeprefix("-")
    assert negative == (amount < 0)


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (19.9, "CRC", "19.90"),
        (0.1 + 0.2, "USD", "0.30"),
        (1.1 * 3, "USD", "3.30"),
        (5, "USD", "5.00"),
        ("5.5", "USD", "5.50"),
        (100.0, "JPY", "100"),
        (100.5, "CLP", "100.5"),
        (2.5, "BHD", "2.500"),
        (1e-7, "USD", "0.0000001"),
        (0.0, "USD", "0.00"),
        (-0.0, "XXX", "0.00"),
    ],
)
def test_an_amount_is_written_with_the_minor_units_of_its_currency(value, currency, text):
    assert exact_amount(value, currency)[0] == text


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "twelve", None])
def test_what_is_no_number_is_no_amount(value):
    with pytest.raises(ValueError, match="."):
        exact_amount(value, "USD")


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-03-01 08:30:00.000000", "2026-03-01 14:30:00.000000"),
        ("2026-03-01T08:30:00", "2026-03-01 14:30:00.000000"),
        ("2026-03-01", "2026-03-01 06:00:00.000000"),
        ("2026-03-01 08:30:00+00:00", "2026-03-01 08:30:00.000000"),
        ("2026-03-01T08:30:00Z", "2026-03-01 08:30:00.000000"),
        (1772354400, "2026-03-01 08:40:00.000000"),
        (1772354400000, "2026-03-01 08:40:00.000000"),
        ("0001-01-01 00:00:00", "0001-01-01 05:36:13.000000"),  # local mean time
        ("9999-12-31 23:00:00", None),
        ("soon", None),
        ("", None),
        (None, None),
        (1e300, None),
    ],
)
def test_times_of_every_shape_become_utc(value, utc):
    assert utc_of(value, COSTA_RICA) == utc


def test_the_machines_own_zone_serves_too():
    assert moment_of("2026-03-01 08:30:00", zone_of("local")) == datetime(2026, 3, 1, 8, 30).astimezone(UTC)


@pytest.mark.parametrize(
    ("word", "kind", "direction"),
    [
        ("expense", "purchase", "debit"),
        ("GASTO", "purchase", "debit"),
        ("Depósito", "deposit", "credit"),
        ("transferencia recibida", "transfer", "credit"),
        ("transfer-out", "transfer", "debit"),
        ("transfer", "transfer", "debit"),
        ("Comisión", "fee", "debit"),
        ("devolución", "reversal", "credit"),
        ("Crédito", "other", "credit"),
        ("?", "other", "debit"),
        (None, "other", "debit"),
    ],
)
def test_the_old_types_are_read_in_both_languages(word, kind, direction):
    assert kind_of(word) == (kind, direction)


def test_money_that_never_moved_is_declined():
    assert status_of("Rechazada") == "declined"
    assert status_of("verified") == status_of(None) == "approved"


def test_a_word_of_a_batch_decides_before_anything_else_on_its_row():
    assert batch_status_of("running", error=None, ended=True) == "interrupted"
    assert batch_status_of("Success", error="x", ended=True) == "completed"
    assert batch_status_of("odd", error="x", ended=True) == "failed"
    assert batch_status_of("odd", error=None, ended=True) == "completed"
    assert batch_status_of(None, error=None, ended=False) == "interrupted"


def test_a_booked_job_is_never_read_again():
    assert outcome_of("processing", booked=True) == "success"
    assert outcome_of("in progress", booked=False) == "pending"


@pytest.mark.parametrize(
    ("value", "code"), [("crc", "CRC"), (" USD", "USD"), (None, "XXX"), ("₡", "XXX"), ("CR1", "XXX")]
)
def test_a_currency_is_a_code_or_none(value, code):
    assert currency_of(value) == code
