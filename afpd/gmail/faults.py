"""One function that says what an answer of the Gmail API means, as an error of afpd."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

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
)
from afpd.gmail.methods import Method
from afpd.gmail.pauses import come_back_at, quota_day_turns_at
from afpd.gmail.transport import Answer
from afpd.gmail.words import quoted


class TooManyAtOnce(Unavailable):
    """More requests at once than Gmail allows for one mailbox: fewer at once, soon again."""


class TokenRefused(Unavailable):
    """The access token is expired or revoked: a new one decides."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The error object of an answer: reasons and status in lower case, its message, and the name of the limit.

    `remark` is the message as it may be repeated.
    """

    reasons: frozenset[str] = frozenset()
    message: str = ""
    limit: str = ""
    remark: str = ""

    def names(self, *reasons: str) -> bool:
        """Tell whether one of these reasons, written in lower case, is given."""
        return not self.reasons.isdisjoint(reasons)

    def begins(self, prefix: str) -> bool:
        """Tell whether a reason begins so; Google appends "Unreg" to some."""
        return any(reason.startswith(prefix) for reason in self.reasons)


def fault(method: Method, answer: Answer, now: datetime, rate_pause: timedelta) -> AfpdError:
    """Return what an answer other than 200 to `method` means (Gmail API, "Resolve errors").

    `now` is our time in UTC and `rate_pause` the shortest pause after a per-minute quota answer; both bound the
    `until` of what is returned. The message is one short line without addresses and tokens.
    """
    complaint = complaint_of(answer)
    if answer.status == 429:
        return _rate(answer, complaint or Complaint(), now, rate_pause)
    if answer.status == 401:
        return TokenRefused("Gmail does not accept the access token")
    if answer.status == 404 and method is Method.HISTORY:
        # Whoever says so: a resync costs a few units, believing wrongly that nothing happened would cost mail.
        return CursorExpired("Gmail no longer keeps the history since the last visit")
    if complaint is None or answer.status >= 500:
        # Without Google's error object it may be a proxy or a portal that speaks: that decides nothing.
        return Unavailable(f"Gmail failed with HTTP {answer.status}{complaint.remark if complaint else ''}")
    match answer.status:
        case 400:
            return _bad_request(complaint)
        case 403:
            return _forbidden(answer, complaint, now, rate_pause)
        case 404:
            return _not_found(method, complaint)
        case 408 | 409:
            return Unavailable(f"Gmail asks to try again{complaint.remark}")
        case _:
            return RequestRefused(f"Gmail refuses the request with HTTP {answer.status}{complaint.remark}")


def complaint_of(answer: Answer) -> Complaint | None:
    """Return the error object of a body, or None when the body holds none: HTML, empty, cut off, of another shape.

    Google's front ends sometimes wrap the object in a list.
    """
    body = answer.json()
    if isinstance(body, list):
        body = body[0] if body else None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        found = Complaint(frozenset({error.lower()}), _text(body.get("error_description")))
    elif isinstance(error, dict):
        found = _complaint(error)
    else:
        return None
    return replace(found, remark=quoted(answer.without_secrets(found.message)))


def _complaint(error: dict[str, Any]) -> Complaint:
    # The old format names reasons in `errors`, the new one in `status` and in `details` (google.rpc.ErrorInfo).
    entries = [entry for entry in _items(error.get("errors")) + _items(error.get("details")) if isinstance(entry, dict)]
    reasons = [_text(entry.get("reason")) for entry in entries] + [_text(error.get("status"))]
    message = _text(error.get("message")) or next((_text(e["message"]) for e in entries if e.get("message")), "")
    limit = next((_text(e["metadata"].get("quota_limit")) for e in entries if isinstance(e.get("metadata"), dict)), "")
    return Complaint(frozenset(reason.lower() for reason in reasons if reason), message, limit)


def _items(value: object) -> list[Any]:
    return value[:20] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _bad_request(complaint: Complaint) -> AfpdError:
    if complaint.names("failedprecondition", "failed_precondition"):
        return AccessDenied(f"Google has no Gmail mailbox for this account{complaint.remark}")
    return RequestRefused(f"Gmail calls our request invalid{complaint.remark}")


def _not_found(method: Method, complaint: Complaint) -> AfpdError:
    if method is Method.MESSAGE:
        return MessageGone("The message was deleted before it could be read")
    return RequestRefused(f"Gmail does not know what {method} asks for{complaint.remark}")


def _forbidden(answer: Answer, complaint: Complaint, now: datetime, rate_pause: timedelta) -> AfpdError:
    if _is_rate(complaint):
        return _rate(answer, complaint, now, rate_pause)
    if complaint.names(*_API_OFF):
        return ClientRejected(
            "The Gmail API is switched off for the Google project of client_file; switch it on in Google's console"
        )
    if complaint.names(*_SCOPE_MISSING):
        return AccessDenied("The user granted too little; sign in again and allow reading the mail")
    if complaint.names("domainpolicy"):
        return AccessDenied("The administrator of the user's domain does not allow afpd to read Gmail")
    if complaint.names("forbidden", "permission_denied"):
        return AccessDenied(f"Google forbids reading this mailbox{complaint.remark}")
    return Unavailable(f"Gmail refuses with HTTP 403{complaint.remark}")


_API_OFF = ("accessnotconfigured", "service_disabled", "consumer_suspended", "consumer_invalid", "billing_disabled")
_SCOPE_MISSING = ("insufficientpermissions", "insufficient_scope", "access_token_scope_insufficient")
_RATE = ("ratelimitexceeded", "quotaexceeded", "rate_limit_exceeded", "resource_exhausted")
_DAY = "dailylimitexceeded"
_OF_USER = "userratelimitexceeded"


def _is_rate(complaint: Complaint) -> bool:
    # Asked before any thought of permissions: whoever takes a rate for a refusal locks users out.
    return complaint.names(*_RATE) or complaint.begins(_DAY) or complaint.begins(_OF_USER)


_SAYS_DAY = re.compile(r"per ?day|daily", re.IGNORECASE)
_SAYS_PROJECT = re.compile(r"per ?project|limit '[^']*per minute'", re.IGNORECASE)


def _rate(answer: Answer, complaint: Complaint, now: datetime, rate_pause: timedelta) -> AfpdError:
    message = f"{complaint.message[:1000]} {complaint.limit[:200]}".strip()
    if "too many concurrent requests" in message.lower():
        return TooManyAtOnce("Gmail counts too many requests at once for this mailbox")
    of_user = complaint.begins(_OF_USER) or "user" in message.lower()
    if complaint.begins(_DAY) or (_SAYS_DAY.search(message) and not of_user):
        turn = quota_day_turns_at(answer, now)
        return QuotaExhausted("The Google project has used up its Gmail quota of the day", turn)
    until = come_back_at(answer, message, now, rate_pause)
    # A bare "Rate Limit Exceeded" may mean either; the narrower reading stops one mailbox instead of all.
    if _SAYS_PROJECT.search(message) and not of_user:
        return QuotaExhausted("The Google project has used up its Gmail quota of the minute", until)
    return RateLimited(f"Gmail asks this mailbox to slow down{complaint.remark}", until)
