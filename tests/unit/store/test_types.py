"""What goes into a column comes out of it as it was: moments, money, user ids."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy.dialects import postgresql, sqlite

from afpd.store.types import Money, UserId, UtcDateTime, is_canonical_integer, utc_text

SQLITE, POSTGRESQL = sqlite.dialect(), postgresql.dialect()
_MOMENTS = some.datetimes(timezones=some.timezones(), min_value=datetime(1900, 1, 2), max_value=datetime(9999, 12, 30))


@given(_MOMENTS)
def test_a_moment_comes_back_as_the_same_moment_in_utc(moment):
    column = UtcDateTime()

    stored = column.process_bind_param(moment, SQLITE)
    found = column.process_result_value(stored, SQLITE)

    assert found == moment.astimezone(UTC)
    assert found.tzinfo is UTC


@given(_MOMENTS, _MOMENTS)
def test_texts_of_moments_sort_as_the_moments_do(first, second):
    assert (utc_text(first) < utc_text(second)) == (first.astimezone(UTC) < second.astimezone(UTC))


def test_a_moment_is_written_with_its_microseconds_even_when_there_are_none():
    moment = datetime(2026, 3, 1, 8, 0, tzinfo=timezone(timedelta(hours=-6)))

    assert UtcDateTime().process_bind_param(moment, SQLITE) == "2026-03-01 14:00:00.000000"
    assert UtcDateTime().process_bind_param(moment, POSTGRESQL) == moment


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        UtcDateTime().process_bind_param(datetime(2026, 3, 1), SQLITE)


@given(some.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_money_comes_back_exactly_with_its_decimals(amount):
    stored = Money().process_bind_param(amount, SQLITE)

    assert "e" not in stored.lower()
    found = Money().process_result_value(stored, SQLITE)
    assert (found, found.as_tuple().exponent) == (amount, amount.as_tuple().exponent)


def test_money_is_never_a_float():
    with pytest.raises(TypeError, match="never a float"):
        Money().process_bind_param(19.9, SQLITE)


def test_money_of_large_exponents_is_written_out():
    assert Money().process_bind_param(Decimal("1E+6"), SQLITE) == "1000000"


def test_an_amount_that_is_no_number_is_said_to_be_none():
    with pytest.raises(ValueError, match="no decimal number"):
        Money().process_result_value("twelve", SQLITE)


@pytest.mark.parametrize("text", ["0", "7", "-7", "9223372036854775807", "-9223372036854775808"])
def test_canonical_integers_are_bound_as_integers(text):
    assert UserId().process_bind_param(text, SQLITE) == int(text)
    assert UserId().process_result_value(int(text), SQLITE) == text
    assert UserId().process_bind_param(text, POSTGRESQL) == text


@pytest.mark.parametrize(
    "text",
    ["007", "+7", "-0", " 7", "7 ", "", "-", "1e3", "7.0", "٧", "9223372036854775808", "-9223372036854775809", "ana"],
)
def test_any_other_text_stays_text(text):
    assert not is_canonical_integer(text)
    assert UserId().process_bind_param(text, SQLITE) == text


@given(some.text())
def test_a_user_id_comes_back_as_it_was(text):
    assert UserId().process_result_value(UserId().process_bind_param(text, SQLITE), SQLITE) == text


@pytest.mark.parametrize("column", [UtcDateTime(), Money(), UserId()])
@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_nothing_stays_nothing(column, dialect):
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None
