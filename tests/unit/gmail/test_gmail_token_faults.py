"""What the token endpoint's refusals mean."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from afpd.errors import AccessDenied, AccessRevoked, AfpdError, ClientRejected, Unavailable
from afpd.gmail.token_faults import PartyRefused, assertion_fault, redeem_fault, refresh_fault
from afpd.gmail.transport import Answer

NOW = datetime(2026, 11, 12, 11, 0, tzinfo=UTC)


def refusal(error: object, status: int = 400, **more: object) -> Answer:
    return Answer(status, {}, orjson.dumps({"error": error, "error_description": "Bad Request", **more}))


def refreshed(answer: Answer) -> AfpdError:
    return refresh_fault(answer, NOW)


def claimed(error: str, description: str = "") -> AfpdError:
    return assertion_fault("example.com", refusal(error, error_description=description), NOW)


def test_only_invalid_grant_means_that_the_access_is_gone_and_names_the_likely_causes() -> None:
    error = refreshed(refusal("invalid_grant"))
    assert type(error) is AccessRevoked
    assert "password" in str(error)
    assert "Testing" in str(error)


def test_session_control_of_the_domain_is_told_in_words() -> None:
    error = refreshed(refusal("invalid_grant", error_subtype="invalid_rapt"))
    assert type(error) is AccessRevoked
    assert "session control" in str(error)
    assert "invalid_rapt" in str(error)


@pytest.mark.parametrize("error", ["invalid_client", "deleted_client", "disabled_client", "unauthorized_client"])
def test_a_rejected_client_is_the_operator_s_trouble_and_marks_no_user(error: str) -> None:
    assert isinstance(refreshed(refusal(error, 401)), ClientRejected)


def test_only_unauthorized_client_may_mean_one_grant_alone() -> None:
    words = {error: refreshed(refusal(error, 401)) for error in ("invalid_client", "unauthorized_client")}
    assert [bool(one.alone) for one in words.values() if isinstance(one, PartyRefused)] == [False, True]


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method", "example.com"),
        ("invalid_grant", "Invalid JWT Signature.", "service_account_file"),
        ("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes)", "clock"),
        ("invalid_grant", "Invalid grant: account not found", "service account"),
        ("invalid_client", "", "service_account_file"),
        ("invalid_scope", "Some requested scopes cannot be granted", "invalid_scope"),
    ],
)
def test_what_is_wrong_with_the_service_account_is_the_operator_s_and_marks_no_user(
    error: str, description: str, words: str
) -> None:
    found = claimed(error, description)
    assert type(found) is PartyRefused
    assert words in str(found)


def test_a_user_whom_the_domain_does_not_know_is_that_integration_s_trouble_in_words() -> None:
    found = claimed("invalid_grant", "Invalid email or User ID")
    assert type(found) is AccessRevoked
    assert "knows no user of this address" in str(found)


def test_other_trouble_of_a_claim_is_transient() -> None:
    assert type(claimed("internal_failure")) is Unavailable


def test_the_time_that_the_endpoint_names_is_kept() -> None:
    found = refresh_fault(Answer(429, {"Retry-After": "90"}, b"{}"), NOW)
    assert isinstance(found, Unavailable)
    assert found.until == NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, {}, b"<html>Bad Gateway</html>"),
        Answer(400, {}, b"<html>invalid_grant</html>"),
        Answer(503, {}, orjson.dumps({"error": "invalid_grant"})),
        Answer(500, {}, b""),
        Answer(400, {}, b"[]"),
        Answer(400, {}, b'{"error": {"status": "INVALID_ARGUMENT"}}'),
        Answer(429, {}, orjson.dumps({"error": "rate_limit_exceeded"})),
        Answer(302, {}, b""),
        refusal("invalid_request"),
        refusal("temporarily_unavailable"),
        refusal("something_new"),
    ],
)
def test_everything_else_is_transient_and_never_asks_a_user_to_sign_in(answer: Answer) -> None:
    assert type(refreshed(answer)) is Unavailable


def test_a_used_code_says_to_start_again() -> None:
    error = redeem_fault(refusal("invalid_grant"), NOW)
    assert type(error) is AccessDenied
    assert "start again" in str(error)


def test_a_redirect_that_does_not_fit_names_the_type_of_client_to_make() -> None:
    error = redeem_fault(refusal("redirect_uri_mismatch"), NOW)
    assert type(error) is ClientRejected
    assert "Desktop app" in str(error)


def test_hostile_words_of_the_endpoint_are_harmless() -> None:
    hostile = refusal("\x1b[2Jya29.secret-token ana@example.com", error_subtype="x" * 500)
    assert str(refreshed(hostile)).isprintable()
    assert "secret-token" not in str(refreshed(hostile))
    revoked = str(refreshed(refusal("invalid_grant", error_subtype="1//0token " * 50)))
    assert "0token" not in revoked
    assert len(revoked) < 300
