"""Every row of the error table of the Gmail API, and the shapes in which Google sends it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from afpd.errors import (
    AccessDenied,
    AfpdError,
    ClientRejected,
    CursorExpired,
    MessageGone,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    Unavailable,
    VisitError,
)
from afpd.gmail.faults import TokenRefused, TooManyAtOnce, fault
from afpd.gmail.methods import Method
from afpd.gmail.transport import Answer

NOW = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)
PAUSE = timedelta(seconds=60)
QUOTA = "Quota exceeded for quota metric 'Queries' and limit '{}' of service 'gmail.googleapis.com' for consumer 'p:1'."
TIMED = "User-rate limit exceeded.  Retry after 2026-11-12T11:16:42.247Z"
HTML = b"<!DOCTYPE html><title>Error (Not Found)!!1</title>"


def error_body(
    message: str = "No.", reason: str | None = None, status: str | None = None, domain: str = "global", **more: Any
) -> bytes:
    error: dict[str, Any] = {"code": 0, "message": message, **more}
    if reason:
        error["errors"] = [{"message": message, "domain": domain, "reason": reason}]
    if status:
        error["status"] = status
    return orjson.dumps({"error": error})


def read(status: int, body: bytes, method: Method = Method.PROFILE, headers: dict[str, str] | None = None) -> AfpdError:
    return fault(method, Answer(status, headers or {}, body), NOW, PAUSE)


def until_of(error: AfpdError) -> datetime | None:
    assert isinstance(error, RateLimited | QuotaExhausted)
    return error.until


@pytest.mark.parametrize(
    ("status", "body", "method", "meaning"),
    [
        (400, error_body(reason="invalidArgument", status="INVALID_ARGUMENT"), Method.SEARCH, RequestRefused),
        (400, error_body(reason="badRequest"), Method.HISTORY, RequestRefused),
        (400, error_body(reason="failedPrecondition", status="FAILED_PRECONDITION"), Method.PROFILE, AccessDenied),
        (400, error_body(status="FAILED_PRECONDITION"), Method.PROFILE, AccessDenied),
        (401, error_body(reason="authError", status="UNAUTHENTICATED"), Method.PROFILE, TokenRefused),
        (401, b"", Method.PROFILE, TokenRefused),
        (403, error_body(reason="rateLimitExceeded", domain="usageLimits"), Method.SEARCH, RateLimited),
        (403, error_body(reason="userRateLimitExceeded", domain="usageLimits"), Method.SEARCH, RateLimited),
        (403, error_body(reason="userRateLimitExceededUnreg"), Method.SEARCH, RateLimited),
        (403, error_body(reason="quotaExceeded", status="PERMISSION_DENIED"), Method.SEARCH, RateLimited),
        (403, error_body(reason="rateLimitExceeded", status="PERMISSION_DENIED"), Method.SEARCH, RateLimited),
        (403, error_body(QUOTA.format("Queries per minute"), "rateLimitExceeded"), Method.SEARCH, QuotaExhausted),
        (403, error_body(QUOTA.format("Queries per minute per user"), "rateLimitExceeded"), Method.SEARCH, RateLimited),
        (403, error_body(reason="dailyLimitExceeded", domain="usageLimits"), Method.PROFILE, QuotaExhausted),
        (403, error_body(reason="dailyLimitExceededUnreg"), Method.PROFILE, QuotaExhausted),
        (403, error_body(reason="accessNotConfigured", domain="usageLimits"), Method.PROFILE, ClientRejected),
        (403, error_body(details=[{"reason": "SERVICE_DISABLED"}], status="PERMISSION_DENIED"), Method.PROFILE,
         ClientRejected),
        (403, error_body(reason="insufficientPermissions"), Method.PROFILE, AccessDenied),
        (403, error_body(details=[{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}], status="PERMISSION_DENIED"),
         Method.PROFILE, AccessDenied),
        (403, error_body(reason="domainPolicy"), Method.PROFILE, AccessDenied),
        (403, error_body(reason="forbidden"), Method.PROFILE, AccessDenied),
        (403, error_body(status="PERMISSION_DENIED"), Method.PROFILE, AccessDenied),
        (403, error_body(reason="somethingNew"), Method.PROFILE, Unavailable),
        (404, error_body(reason="notFound"), Method.HISTORY, CursorExpired),
        (404, error_body(reason="notFound"), Method.MESSAGE, MessageGone),
        (404, error_body(reason="notFound"), Method.PROFILE, RequestRefused),
        (404, error_body(reason="notFound"), Method.SEARCH, RequestRefused),
        (409, error_body(status="ABORTED"), Method.SEARCH, Unavailable),
        (413, error_body(), Method.SEARCH, RequestRefused),
        (429, error_body("Too many concurrent requests for user", "rateLimitExceeded"), Method.MESSAGE, TooManyAtOnce),
        (429, error_body(TIMED), Method.SEARCH, RateLimited),
        (429, error_body(status="RESOURCE_EXHAUSTED"), Method.MESSAGE, RateLimited),
        (429, error_body(QUOTA.format("Queries per minute")), Method.SEARCH, QuotaExhausted),
        (429, error_body(QUOTA.format("Queries per day"), status="RESOURCE_EXHAUSTED"), Method.MESSAGE, QuotaExhausted),
        (429, b"<html>sorry</html>", Method.MESSAGE, RateLimited),
        (500, error_body(reason="backendError"), Method.PROFILE, Unavailable),
        (502, HTML, Method.PROFILE, Unavailable),
        (503, b"[" + error_body(reason="backendError") + b"]", Method.PROFILE, Unavailable),
        (504, b"", Method.PROFILE, Unavailable),
        (302, b"", Method.PROFILE, Unavailable),
        (204, b"", Method.PROFILE, Unavailable),
    ],
)  # fmt: skip
def test_an_answer_means_its_row_of_the_table(
    status: int, body: bytes, method: Method, meaning: type[AfpdError]
) -> None:
    assert type(read(status, body, method)) is meaning


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("body", [HTML, b"", b"[]", b"[1]", b'"text"', b'{"error": 7}', b'{"error": {"mess', b"null"])
def test_a_refusal_without_google_s_error_object_decides_nothing(status: int, body: bytes) -> None:
    """A proxy's 404 must not make a mail disappear, and its 403 must not send a user to sign in again."""
    assert type(read(status, body, Method.MESSAGE)) is Unavailable


def test_a_404_of_the_history_is_an_expired_cursor_whatever_its_body() -> None:
    assert type(read(404, HTML, Method.HISTORY)) is CursorExpired


def test_an_error_object_in_a_list_is_read() -> None:
    assert type(read(403, b"[" + error_body(reason="rateLimitExceeded") + b"]")) is RateLimited


def test_hostile_shapes_inside_the_error_object_are_survived() -> None:
    odd = {"message": 5, "errors": [None, 3, {"reason": 4}], "details": {"a": 1}, "status": ["x"]}
    assert type(read(403, orjson.dumps({"error": odd}))) is Unavailable
    assert type(read(429, orjson.dumps({"error": {**odd, "details": [{"metadata": 3}]}}))) is RateLimited


def test_an_expired_cursor_is_no_trouble_of_the_account() -> None:
    error = read(404, error_body(reason="notFound"), Method.HISTORY)
    assert isinstance(error, VisitError)
    assert not isinstance(error, AccessDenied | Unavailable)


def test_the_name_of_the_limit_tells_user_from_project() -> None:
    def limited(limit: str) -> bytes:
        details = [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": limit}}]
        return error_body("Quota exceeded.", status="RESOURCE_EXHAUSTED", details=details)

    assert type(read(429, limited("defaultPerMinutePerUser"))) is RateLimited
    assert type(read(429, limited("defaultPerMinutePerProject"))) is QuotaExhausted


def test_a_bare_rate_limit_stops_one_mailbox_and_not_the_project() -> None:
    assert type(read(403, error_body("Rate Limit Exceeded", "rateLimitExceeded"))) is RateLimited


def test_a_rate_limit_lasts_at_least_the_configured_pause() -> None:
    assert until_of(read(403, error_body("User Rate Limit Exceeded", "userRateLimitExceeded"))) == NOW + PAUSE


def test_the_time_in_the_message_is_kept_to() -> None:
    error = read(429, error_body(TIMED))
    assert until_of(error) == datetime(2026, 11, 12, 11, 16, 42, 247000, tzinfo=UTC)


def test_a_quota_of_the_day_lasts_until_midnight_in_california() -> None:
    error = read(403, error_body("Daily Limit Exceeded", "dailyLimitExceeded"))
    assert until_of(error) == datetime(2026, 11, 13, 8, 0, tzinfo=UTC)


def test_an_api_that_is_off_names_the_place_to_switch_it_on() -> None:
    error = read(403, error_body(reason="accessNotConfigured"))
    assert isinstance(error, ClientRejected)
    assert error.until is None
    assert "console" in str(error)


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500])
def test_no_message_repeats_tokens_addresses_links_or_control_characters(status: int, method: Method) -> None:
    hostile = (
        "\x1b[31mfor ana.mora@example.com\u202e see https://evil.example/?q=1 token ya29.a0AbCd "
        "1//0gRefresh <script> Bearer abc.def-ghi " + "Z" * 400 + "\nsecond line"
    )
    for reason in ("rateLimitExceeded", "forbidden", "failedPrecondition", "backendError"):
        text = str(read(status, error_body(hostile, reason), method))
        assert 0 < len(text) < 260
        assert text.isprintable()
        for secret in ("ana.mora", "evil", "ya29", "Refresh", "abc.def", "ZZZZ", "<", "second", "\x1b"):
            assert secret not in text
