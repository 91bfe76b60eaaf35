"""What may be typed for an argument or an option, each with a sentence for what may not."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NoReturn, TypeVar

import click

from afpd.config import parse_duration

Found = TypeVar("Found")
LARGEST_ID = 2**63 - 1
SHORTEST_EVERY = timedelta(seconds=1)
# Only what can be no address at all is refused: Google decides the rest.
_ADDRESS = re.compile(r"[^\s@<>,;:\"\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\"\x00-\x1f\x7f]{1,255}")


class Checked(click.ParamType[Found]):
    """A value that a function reads from text; the ValueError of that function is the usage error's sentence."""

    def __init__(self, name: str, read: Callable[[str], Found]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Found:
        """Return what was typed, or end as a usage error."""
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}.", param, ctx)


def every(text: str) -> timedelta:
    """Return the frequency that `text` names. Raises ValueError with a sentence, also below one second."""
    duration = parse_duration(text)
    if duration < SHORTEST_EVERY:
        raise ValueError('must be at least "1s"')
    return duration


def whole(text: str) -> int:
    """Return a whole number from 0 up to the largest id. Raises ValueError with a sentence."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID):
        raise ValueError(f"must be a whole number from 0 to {LARGEST_ID}")
    return int(text)


def ids(text: str) -> frozenset[int]:
    """Return the ids between commas in `text`. Raises ValueError with a sentence."""
    parts = [part.strip() for part in text.split(",")]
    try:
        return frozenset(map(whole, parts))
    except ValueError:
        raise ValueError("must be ids of integrations between commas, such as 17,18") from None


def user(text: str) -> str:
    """Return a user id as it was given: opaque text. Raises ValueError where there is none, or it is no text."""
    if not text:
        raise ValueError("must not be empty")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must be UTF-8 text without NUL")
    return text


def address(text: str) -> str:
    """Return a mail address without blanks around it. Raises ValueError for what can be none."""
    bare = text.strip()
    if not _ADDRESS.fullmatch(bare) or len(bare) > 254:
        raise ValueError("must be a mail address, such as ana@gmail.com")
    return bare


def token(text: str) -> str:
    """Return a refresh token without blanks around it. Raises ValueError, without its text, for what can be none."""
    bare = text.strip()
    if not bare:
        raise ValueError("holds no refresh token")
    if not (bare.isascii() and bare.isprintable()) or any(character.isspace() for character in bare):
        raise ValueError("must hold one refresh token and nothing else")
    return bare


def coming(text: str, *, now: datetime, where: tzinfo) -> datetime:
    """Return the UTC moment of WHEN: a duration from `now` on, or ISO 8601, naive in the zone `where`.

    Ends as a usage error for anything else, and for the past.
    """
    found = _moment(text, now, where, ahead=True)
    if found <= now:
        _refuse(text, "lies in the past")
    return found


def gone(text: str, *, now: datetime, where: tzinfo) -> datetime:
    """Return the UTC moment of WHEN in the past: a duration back from `now`, or ISO 8601, naive in the zone `where`."""
    return _moment(text, now, where, ahead=False)


def _moment(text: str, now: datetime, where: tzinfo, *, ahead: bool) -> datetime:
    try:
        duration = parse_duration(text)
    except ValueError:
        duration = None
    try:
        if duration is not None:
            return now + duration if ahead else now - duration
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=where)).astimezone(UTC)
    except (ValueError, OverflowError):
        _refuse(text, "write a duration such as 90m, or a moment such as 2026-12-24T18:00")


def _refuse(text: str, why: str) -> NoReturn:
    raise click.UsageError(f"Invalid moment {text!r}: {why}.", click.get_current_context())


integration_id = click.argument("integration_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
WHOSE = "Whose it is: any text, as your application names the person."
user_option = click.option("--user", type=Checked("user", user), metavar="USER", help=WHOSE)
email_option = click.option(
    "--email", type=Checked("address", address), metavar="ADDRESS", help="The address of the mailbox."
)
service_account_option = click.option(
    "--service-account", is_flag=True, help="No token: the service account of the configuration reads the mailbox."
)
every_option = click.option(
    "--every", type=Checked("duration", every), metavar="DURATION", help="How often it is visited, such as 5m."
)
