"""How long a rate limit lasts."""

from datetime import UTC, datetime, timedelta

import pytest

from afpd.gmail.pauses import come_back_at, quota_day_turns_at
from afpd.gmail.transport import Answer

NOW = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)
PAUSE = timedelta(seconds=60)


def wait(message: str = "", now: datetime = NOW, **headers: str) -> timedelta:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return come_back_at(Answer(429, names, b""), message, now, PAUSE) - now


def test_seconds_in_the_header_are_kept_to() -> None:
    assert wait(Retry_After="300") == timedelta(minutes=5)


def test_a_date_in_the_header_is_kept_to() -> None:
    assert wait(Retry_After="Thu, 12 Nov 2026 11:07:00 GMT") == timedelta(minutes=7)


def test_the_later_of_header_message_and_own_pause_wins() -> None:
    message = "User-rate limit exceeded.  Retry after 2026-11-12T11:16:42.247Z"
    assert wait(message, Retry_After="30") == timedelta(minutes=16, seconds=42.247)
    assert wait(message, Retry_After="3600") == timedelta(hours=1)
    assert wait("Retry after 2026-11-12T11:00:10Z", Retry_After="5") == PAUSE


@pytest.mark.parametrize(
    "message",
    [
        "Retry after 2026-11-12T10:00:00Z",
        "Retry after 1970-01-01T00:00:00.000Z",
        "Retry after 2026-13-45T99:00:00Z",
        "Retry after tomorrow",
        "Retry after ",
        "",
    ],
)
def test_moments_in_the_past_and_nonsense_leave_our_own_pause(message: str) -> None:
    assert wait(message) == PAUSE


@pytest.mark.parametrize(
    "header", ["-5", "soon", "", "1e9", "Thu, 99 Nov 2026 11:07:00 GMT", "Wed, 01 Jan 2025 0:0:0 GMT", "٣"]
)
def test_a_nonsense_header_leaves_our_own_pause(header: str) -> None:
    assert wait(Retry_After=header) == PAUSE


@pytest.mark.parametrize(
    ("message", "header"), [("Retry after 9999-12-31T23:59:59Z", ""), ("", "99999999999999999999"), ("", "90000")]
)
def test_no_pause_is_longer_than_a_day(message: str, header: str) -> None:
    assert wait(message, Retry_After=header) == timedelta(hours=24)


@pytest.mark.parametrize("wrong_by", [timedelta(days=1), -timedelta(days=1)])
def test_a_wrong_clock_of_ours_does_not_change_how_long_we_wait(wrong_by: timedelta) -> None:
    message = "Retry after 2026-11-12T11:10:00Z"
    assert wait(message, NOW + wrong_by, Date="Thu, 12 Nov 2026 11:00:00 GMT") == timedelta(minutes=10)


def test_the_quota_day_turns_at_midnight_pacific_by_google_s_clock() -> None:
    answer = Answer(403, {"Date": "Thu, 12 Nov 2026 11:00:00 GMT"}, b"")
    assert quota_day_turns_at(answer, NOW) - NOW == timedelta(hours=21)
    assert quota_day_turns_at(answer, NOW + timedelta(days=3)) - NOW == timedelta(days=3, hours=21)
