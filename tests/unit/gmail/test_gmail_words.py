"""A stranger's text inside an error message."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from afpd.gmail.words import harmless


@given(some.text(max_size=3000))
def test_whatever_comes_becomes_one_short_printable_line(text: str) -> None:
    line = harmless(text)
    assert len(line) <= 160
    assert line.isprintable()


@pytest.mark.parametrize(
    "secret",
    ["ya29.a0AfB_byC", "1//0gabc-DEF_x", "4/0AbCdEf", "GOCSPX-abcdef", "eyJhbGciOi.abc.def", "Bearer s3cret", "A" * 43,
     "ana.mora+x@example.com", "ana%40example.com", "https://host/path?token=1", "HTTP://x.example/"],
)  # fmt: skip
def test_secrets_addresses_and_links_are_replaced(secret: str) -> None:
    line = harmless(f"It says {secret}, and more")
    assert secret not in line
    assert line.startswith("It says (")
    assert line.endswith("more")


def test_ordinary_words_of_google_stay() -> None:
    words = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service"
    assert harmless(words) == words


def test_only_the_first_line_is_kept() -> None:
    assert harmless("\n\n first \r\nsecond") == "first"


def test_nothing_stays_nothing() -> None:
    assert harmless(" \n\x00 ") == ""
