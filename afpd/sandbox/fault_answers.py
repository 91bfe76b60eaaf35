"""The answers that faults give, in the words Google was seen to use."""

from datetime import datetime, timedelta

import orjson

from afpd.sandbox.answers import Answer, Refusal, invalid_credentials, json_answer, not_found
from afpd.sandbox.faults import Fault, Strike
from afpd.sandbox.quota import daily_limit, rate_limit

_HTML = (
    b"<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error 502 (Server Error)!!1</title>\n"
    b"  <p><b>502.</b> <ins>That\xe2\x80\x99s an error.</ins>\n  <p>The server encountered a temporary error and could "
    b"not complete your request.<p>Please try again in 30 seconds. <ins>That\xe2\x80\x99s all we know.</ins>\n"
)
_API = "Gmail API has not been used in project 100000000001 before or it is disabled."


def answer_of(strike: Strike, now: datetime) -> Answer | None:
    """Return the answer that replaces the real one; None for faults that act on the real answer or the connection."""
    match strike.fault:
        case Fault.HTML_502:
            return Answer(502, _HTML, "text/html; charset=UTF-8")
        case Fault.LIST_503:
            return Answer(503, orjson.dumps([_server_error(503).body()]))
        case Fault.EMPTY_504:
            return Answer(504, b"", "text/html; charset=UTF-8")
        case Fault.INVALID_GRANT:
            return oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
        case Fault.INVALID_CLIENT:
            return oauth_error(401, "invalid_client", "The OAuth client was not found.")
        case Fault.UNAUTHORIZED_CLIENT:
            return oauth_error(401, "unauthorized_client", "Unauthorized")
        case Fault.RATE_429_HEADER:
            answer = _too_many("Too many requests.").answer()
            answer.headers["Retry-After"] = str(round(strike.seconds))
            return answer
    refusal = _refusal(strike, now)
    return refusal.answer() if refusal else None


def oauth_error(status: int, error: str, description: str) -> Answer:
    """Return an error of the token endpoint (RFC 6749, section 5.2)."""
    return json_answer({"error": error, "error_description": description}, status)


def _refusal(strike: Strike, now: datetime) -> Refusal | None:
    match strike.fault:
        case Fault.RATE_429:
            return _too_many("Resource has been exhausted (e.g. check quota).")
        case Fault.RATE_429_TIMED:
            return _too_many(f"User-rate limit exceeded.  Retry after {_stamp(now, strike.seconds)}")
        case Fault.CONCURRENT_429:
            return concurrent_requests()
        case Fault.SERVER_500:
            return _server_error(500)
        case Fault.SERVER_503:
            return _server_error(503)
        case Fault.EXPIRED_TOKEN_401:
            return invalid_credentials()
        case Fault.GONE | Fault.HISTORY_EXPIRED:
            return not_found()
        case Fault.PRECONDITION_400:
            return Refusal(400, "failedPrecondition", "Precondition check failed.", status="FAILED_PRECONDITION")
        case _:
            return _forbidden(strike.fault)


def _forbidden(fault: Fault) -> Refusal | None:
    match fault:
        case Fault.RATE_403:
            return rate_limit("Queries per minute")
        case Fault.USER_RATE_403:
            return Refusal(403, "userRateLimitExceeded", "User Rate Limit Exceeded", "usageLimits")
        case Fault.DAILY_403:
            return daily_limit()
        case Fault.NOT_CONFIGURED_403:
            return Refusal(403, "accessNotConfigured", _API, "usageLimits")
        case Fault.PERMISSIONS_403:
            return insufficient_scope()
        case Fault.DOMAIN_POLICY_403:
            return Refusal(403, "domainPolicy", "The domain administrators have disabled Gmail apps.")
        case _:
            return None


def insufficient_scope() -> Refusal:
    """Return the 403 of a token whose scope does not cover the call."""
    return Refusal(403, "insufficientPermissions", "Request had insufficient authentication scopes.")


def concurrent_requests() -> Refusal:
    """Return the 429 of too many calls of one user at the same time."""
    return _too_many("Too many concurrent requests for user")


def _too_many(message: str) -> Refusal:
    return Refusal(429, "rateLimitExceeded", message, "usageLimits")


def _server_error(code: int) -> Refusal:
    message = "Internal error encountered." if code == 500 else "The service is currently unavailable."
    return Refusal(code, "backendError", message)


def _stamp(now: datetime, seconds: float) -> str:
    return (now + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
