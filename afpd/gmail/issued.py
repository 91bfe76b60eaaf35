"""What the token endpoint issues: an access token, until when it is used, and what came with it."""

import random
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from afpd.errors import Unavailable
from afpd.gmail.transport import Answer

_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,4096}")
_USUAL_LIFE = timedelta(hours=1)
_LONGEST_LIFE = timedelta(days=1)
_LONGEST_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Issued:
    """What the token endpoint gave.

    `expires_at` (UTC) is when the token is no longer used: its end less a margin. `refresh_token` is None when the
    old one stays; `scopes` is None when the answer does not name them (then they are those that were asked for).
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    scopes: frozenset[str] | None = None


def read_issued(answer: Answer, now: datetime, chance: random.Random) -> Issued:
    """Return what a 200 gives, its life counted from `now` (UTC). Raises `Unavailable` when it holds no token."""
    body: Any = answer.json()
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not is_header_safe(token):
        raise Unavailable("No access token for now: the token endpoint's answer is cut off or holds none")
    life = _life(body.get("expires_in"))
    refresh_token, scope = body.get("refresh_token"), body.get("scope")
    return Issued(
        token,
        now + life - margin(life, chance),
        refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        frozenset(scope.split()) if isinstance(scope, str) else None,
    )


def is_header_safe(token: str) -> bool:
    """Tell whether a token can stand in a header: visible ASCII, of bounded length."""
    return _HEADER_SAFE.fullmatch(token) is not None


def margin(life: timedelta, chance: random.Random) -> timedelta:
    """Return how long before its end a token of this life is renewed: 10 to 20 % of it, about 5 minutes at most.

    The jitter keeps tokens that were issued together from ending together.
    """
    return min(life * chance.uniform(0.1, 0.2), _LONGEST_MARGIN * chance.uniform(0.8, 1.2))


def _life(stated: object) -> timedelta:
    """Read expires_in, seconds as a number or as text; RFC 6749 only recommends it."""
    try:
        seconds = float(stated) if isinstance(stated, int | float | str) else _USUAL_LIFE.total_seconds()
        return min(max(timedelta(seconds=seconds), timedelta(seconds=1)), _LONGEST_LIFE)
    except (ValueError, OverflowError):
        return _USUAL_LIFE
