"""What the token endpoint's refusals mean."""

import orjson
import pytest

from afpd.errors import AccessDenied, AccessRevoked, AfpdError, ClientRejected, Unavailable
from afpd.gmail.token_faults import redeem_fault, refresh_fault
from afpd.gmail.transport import Answer


def refusal(error: object, status: int = 400, **more: object) -> Answer:
    return Answer(status, {}, orjson.dumps({"error": error, "error_description": "Bad Request", **more}))


def refreshed(answer: Answer, *, client_works: bool = False) -> AfpdError:
    return refresh_fault(answer, client_works=client_works)


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
    assert type(refreshed(refusal(error, 401))) is ClientRejected


def test_a_grant_of_another_client_is_one_user_s_trouble_when_the_client_works_for_others() -> None:
    assert type(refreshed(refusal("unauthorized_client", 401), client_works=True)) is AccessDenied
    assert type(refreshed(refusal("invalid_client", 401), client_works=True)) is ClientRejected


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
    error = redeem_fault(refusal("invalid_grant"))
    assert type(error) is AccessDenied
    assert "start again" in str(error)


def test_a_redirect_that_does_not_fit_names_the_type_of_client_to_make() -> None:
    error = redeem_fault(refusal("redirect_uri_mismatch"))
    assert type(error) is ClientRejected
    assert "Desktop app" in str(error)


def test_hostile_words_of_the_endpoint_are_harmless() -> None:
    hostile = refusal("\x1b[2Jya29.secret-token ana@example.com", error_subtype="x" * 500)
    assert str(refreshed(hostile)).isprintable()
    assert "secret-token" not in str(refreshed(hostile))
    revoked = str(refreshed(refusal("invalid_grant", error_subtype="1//0token " * 50)))
    assert "0token" not in revoked
    assert len(revoked) < 300
