"""What an answer of the token endpoint means, as an error of afpd (RFC 6749, section 5.2, and Google's own words)."""

import re
from datetime import datetime
from typing import Any

from afpd.errors import AccessDenied, AccessRevoked, AfpdError, ClientRejected, Unavailable
from afpd.gmail.pauses import stated_moment
from afpd.gmail.transport import Answer

_CAUSES = (
    "the user took the access away or changed the password, it was unused for six months, "
    "or the consent screen is in status Testing (seven days)"
)
_CODE = re.compile(r"[a-z_]{1,40}")
_OF_THE_CLIENT = ("invalid_client", "deleted_client", "disabled_client")
_SESSION_CONTROL = ("invalid_rapt", "rapt_required")


class PartyRefused(ClientRejected):
    """Google refuses whoever asks, not the user. `alone` says what it means if it is about this one grant only."""

    def __init__(self, message: str, alone: str = "") -> None:
        super().__init__(message)
        self.alone = alone


def refresh_fault(answer: Answer, now: datetime) -> AfpdError:
    """Return what a refused refresh means. Only invalid_grant speaks about the user; the unknown is transient.

    `now` is our time in UTC.
    """
    error, subtype, _ = _words_of(answer)
    match error:
        case "invalid_grant":
            return AccessRevoked(_revoked_words(subtype), subtype)
        case "unauthorized_client":
            return PartyRefused(
                "Google does not let this OAuth client use its grants (unauthorized_client)",
                "The grant was given to another OAuth client (unauthorized_client): put that client's client_file in "
                "place, or let the user sign in with this one",
            )
        case _ if error in _OF_THE_CLIENT:
            return PartyRefused(f"Google does not accept the OAuth client of client_file ({error})")
        case _:
            return _unavailable(answer, error, now)


def assertion_fault(domain: str, answer: Answer, now: datetime) -> AfpdError:
    """Return what a refused claim of the service account means; `domain` is that of the user it was made for."""
    error, subtype, description = _words_of(answer)
    match error:
        case "unauthorized_client" | "access_denied":
            return PartyRefused(
                f"Google does not let the service account read in {domain} ({error}): its administrator must allow the "
                "client id of the account with the scope of gmail.scope (Admin console, Security, API controls, "
                "Domain-wide delegation)"
            )
        case "invalid_grant" if "jwt signature" in description:
            return PartyRefused(
                "Google does not accept the key of service_account_file: was it deleted? Make a new one"
            )
        case "invalid_grant" if "invalid jwt" in description:
            return PartyRefused("Google does not accept the time of a signed claim: is this machine's clock right?")
        case "invalid_grant" if "account not found" in description:
            return PartyRefused("Google does not know the service account of service_account_file any more")
        case "invalid_grant" if "email" in description:
            return AccessRevoked(
                "Google knows no user of this address (invalid_grant): was the account renamed or deleted?",
                subtype,
            )
        case "invalid_grant":
            return AccessRevoked(
                "Google does not let the service account read as this user (invalid_grant): suspended or deleted?",
                subtype,
            )
        case _ if error in ("invalid_scope", *_OF_THE_CLIENT):
            return PartyRefused(f"Google does not accept the service account of service_account_file ({error})")
        case _:
            return _unavailable(answer, error, now)


def redeem_fault(answer: Answer, now: datetime) -> AfpdError:
    """Return what a refused exchange of a consent's code means."""
    error, _, _ = _words_of(answer)
    match error:
        case "invalid_grant":
            return AccessDenied("Google does not accept this code: it was used before or is too old; start again")
        case "redirect_uri_mismatch":
            return ClientRejected('client_file is no client of type "Desktop app": make one in Google\'s console')
        case "unauthorized_client":
            return ClientRejected("Google does not let this OAuth client ask for grants (unauthorized_client)")
        case _ if error in _OF_THE_CLIENT:
            return ClientRejected(f"Google does not accept the OAuth client of client_file ({error})")
        case _:
            return _unavailable(answer, error, now)


def _revoked_words(subtype: str) -> str:
    if subtype in _SESSION_CONTROL:
        return f"The administrator's session control asks the user to sign in again (invalid_grant, {subtype})"
    remark = f", {subtype}" if subtype else ""
    return f"Google no longer accepts the grant (invalid_grant{remark}): {_CAUSES}"


def _unavailable(answer: Answer, error: str, now: datetime) -> Unavailable:
    remark = f" ({error})" if error else ""
    words = f"No access token for now: Google's token endpoint answered HTTP {answer.status}{remark}"
    return Unavailable(words, stated_moment(answer, now))


def _words_of(answer: Answer) -> tuple[str, str, str]:
    """Return `error`, `error_subtype` and `error_description` (in lower case: to look into, not to repeat).

    They are empty where they are missing or no codes. Words of a server that fails (5xx) are not taken: only a 4xx is
    a decision.
    """
    body: Any = answer.json()
    if not isinstance(body, dict) or not 400 <= answer.status < 500:
        return "", "", ""
    error, subtype = (_code(answer, body.get(name)) for name in ("error", "error_subtype"))
    description = body.get("error_description")
    return error, subtype, description[:200].lower() if isinstance(description, str) else ""


def _code(answer: Answer, value: object) -> str:
    return answer.without_secrets(value) if isinstance(value, str) and _CODE.fullmatch(value) else ""
