"""What an answer of the token endpoint means, as an error of afpd (RFC 6749, section 5.2, and Google's own words)."""

import re
from typing import Any

from afpd.errors import AccessDenied, AccessRevoked, AfpdError, ClientRejected, Unavailable
from afpd.gmail.transport import Answer

_CAUSES = (
    "the user took the access away or changed the password, it was unused for six months, "
    "or the consent screen is in status Testing (seven days)"
)
_CODE = re.compile(r"[a-z_]{1,40}")
_OF_THE_CLIENT = ("invalid_client", "deleted_client", "disabled_client")


def refresh_fault(answer: Answer, *, client_works: bool) -> AfpdError:
    """Return what a refused refresh means. Only invalid_grant speaks about the user; the unknown is transient.

    `client_works`: this OAuth client has renewed another user's token since start, so that `unauthorized_client`
    can only mean that this one grant was given to another client.
    """
    error, subtype = _words_of(answer)
    match error:
        case "invalid_grant":
            return AccessRevoked(_revoked_words(subtype))
        case "unauthorized_client" if client_works:
            return AccessDenied(
                "The grant was given to another OAuth client; the user must sign in again with this one"
            )
        case "unauthorized_client":
            return ClientRejected("Google does not let this OAuth client use its grants (unauthorized_client)")
        case _ if error in _OF_THE_CLIENT:
            return ClientRejected(f"Google does not accept the OAuth client of client_file ({error})")
        case _:
            return _unavailable(answer, error)


def redeem_fault(answer: Answer) -> AfpdError:
    """Return what a refused exchange of a consent's code means."""
    error, _ = _words_of(answer)
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
            return _unavailable(answer, error)


def _revoked_words(subtype: str) -> str:
    if subtype in ("invalid_rapt", "rapt_required"):
        return f"The administrator's session control asks the user to sign in again ({subtype})"
    remark = f", {subtype}" if subtype else ""
    return f"Google no longer accepts the grant (invalid_grant{remark}): {_CAUSES}"


def _unavailable(answer: Answer, error: str) -> Unavailable:
    remark = f" ({error})" if error else ""
    return Unavailable(f"No access token for now: Google's token endpoint answered HTTP {answer.status}{remark}")


def _words_of(answer: Answer) -> tuple[str, str]:
    """Return `error` and `error_subtype` of the answer, empty where they are missing or no codes.

    Words of a server that fails (5xx) are not taken: only a 4xx is a decision.
    """
    body: Any = answer.json()
    if not isinstance(body, dict) or not 400 <= answer.status < 500:
        return "", ""
    codes = [value if isinstance(value, str) and _CODE.fullmatch(value) else "" for value in _stated(body)]
    return answer.without_secrets(codes[0]), answer.without_secrets(codes[1])


def _stated(body: dict[str, Any]) -> tuple[object, object]:
    return body.get("error"), body.get("error_subtype")
