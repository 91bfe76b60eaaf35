"""Why a grant ended: Google does not say, but what is known of the grant makes one cause likelier than the others.

Source: Google Identity, "Using OAuth 2.0 to Access Google APIs", section "Refresh token expiration".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

_TESTING = (timedelta(days=6, hours=12), timedelta(days=8, hours=12))
_UNUSED = timedelta(days=180)
_POLICY = ("invalid_rapt", "rapt_required", "policy", "admin")
_SIGN_IN = "Let the user sign in again (`afpd integrations connect`): id and cursor stay, and the gap is filled."


@dataclass(frozen=True, slots=True)
class _Words:
    short: str
    advice: str


class Cause(Enum):
    """A likely cause; `short` ends a sentence about invalid_grant, `advice` says what to do about it."""

    TESTING = _Words(
        "most likely it ended after seven days, because the consent screen is in status Testing",
        "The grant was about seven days old. While the consent screen of the Google project is in status Testing, "
        "every grant ends after seven days: publish the app first (Google's console, Audience). ",
    )
    UNUSED = _Words(
        "most likely because it was unused for six months",
        "The grant was not used for six months, and Google ends such grants. ",
    )
    POLICY = _Words(
        "the administrator of the user's domain asks to sign in again, or no longer allows afpd",
        "The session control or a policy of the user's domain ended the grant. Its administrator can trust the app "
        "(Admin console, Security, API controls); otherwise this comes again. ",
    )
    WITHDRAWN = _Words(
        "most likely the user took the access away or changed the password",
        "The user took the access away (https://myaccount.google.com/connections) or changed the password, which ends "
        "every grant for Gmail; or more than a hundred grants of this client were made for the account. ",
    )

    @property
    def short(self) -> str:
        """The cause in a few words."""
        return self.value.short

    @property
    def advice(self) -> str:
        """What happened, and what to do about it."""
        return self.value.advice + _SIGN_IN


def likely_cause(
    told: str, *, granted_at: datetime | None, verified_at: datetime | None, refused_at: datetime
) -> Cause:
    """Return why a grant of `granted_at`, last used at `verified_at`, was refused at `refused_at` (all UTC).

    `told` is whatever Google said beside invalid_grant.
    """
    if any(word in told for word in _POLICY):
        return Cause.POLICY
    used_at = max(filter(None, (granted_at, verified_at)), default=None)
    if used_at is not None and refused_at - used_at >= _UNUSED:
        return Cause.UNUSED
    if granted_at is not None and _TESTING[0] <= refused_at - granted_at <= _TESTING[1]:
        return Cause.TESTING
    return Cause.WITHDRAWN


def words_for(told: str, cause: Cause) -> str:
    """Return the sentence for the row and the log; `told` is Google's error_subtype, or empty."""
    remark = f", {told}" if told else ""
    return f"Google no longer accepts the grant (invalid_grant{remark}): {cause.short}"
