from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from afpd.config import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("90s", 90),
        ("5m", 300),
        ("6h", 21600),
        ("30d", 2592000),
        ("1h30m", 5400),
        ("0s", 0),
        ("1m5ms", 60.005),
    ],
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "m",
        "5 m",
        "-5m",
        "1.5h",
        "5M",
        "5m\n",
        "30m1h",
        "5m5m",
        "\N{ARABIC-INDIC DIGIT FIVE}m",
        "1e3s",
        "5min",
        "9" * 400 + "s",
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match='such as "500ms"'):
        parse_duration(text)


def test_a_duration_beyond_a_hundred_years_is_refused() -> None:
    with pytest.raises(ValueError, match='at most "36500d"'):
        parse_duration("99999999999999999d")


@given(some.integers(0, 36500 * 86_400_000))
def test_every_duration_survives_being_written_and_read(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@given(some.text(max_size=40))
def test_no_text_makes_reading_a_duration_or_size_fail_otherwise(text: str) -> None:
    for parse in (parse_duration, parse_size):
        with suppress(ValueError):
            assert parse(text) is not None


def test_a_duration_is_written_in_the_largest_unit_that_holds_it() -> None:
    written = [format_duration(timedelta(seconds=count)) for count in (0, 0.25, 90, 300, 5400, 86400)]
    assert written == ["0s", "250ms", "90s", "5m", "90m", "1d"]


@given(some.integers(0, 1 << 50))
def test_every_size_survives_being_written_and_read(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("text", ["", "64", "64MB", "64 MiB", "-1B", "1.5GiB", "64mib", "9" * 19 + "GiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_size(text)


def test_a_size_counts_in_powers_of_1024() -> None:
    assert [parse_size(text) for text in ("7B", "1KiB", "64MiB", "2GiB")] == [7, 1024, 64 << 20, 2 << 30]
