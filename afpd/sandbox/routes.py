"""Calls of the API as values, and which method a path means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from afpd.sandbox.answers import invalid_argument

Query = Mapping[str, Sequence[str]]

_STANDARD = frozenset(
    ("$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser",
     "upload_protocol", "uploadType", "userIp")
)  # fmt: skip
PARAMETERS = {
    "getProfile": frozenset[str](),
    "messages.list": frozenset(("q", "maxResults", "pageToken", "labelIds", "includeSpamTrash")),
    "messages.get": frozenset(("format", "metadataHeaders")),
    "messages.attachments.get": frozenset[str](),
    "history.list": frozenset(("startHistoryId", "historyTypes", "maxResults", "pageToken", "labelId")),
    "labels.list": frozenset[str](),
    "labels.get": frozenset[str](),
}
"""The methods that are served, and the query parameters of each."""


class Route(NamedTuple):
    """A method of the API, whose mailbox it names, and the id of its object."""

    method: str
    user_id: str
    object_id: str | None = None
    inner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One GET of the API, alone or as a part of a batch."""

    verb: str
    path: str
    query: Query
    authorization: str

    @classmethod
    def to(cls, verb: str, target: str, authorization: str) -> "Call":
        """Return the call that a request line names; `target` is a path with its query, or a whole URL."""
        parts = urlsplit(target)
        return cls(verb, parts.path, parse_qs(parts.query, keep_blank_values=True), authorization)

    @property
    def access_token(self) -> str:
        """Return the bearer token, from the header or the query."""
        scheme, _, token = self.authorization.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else one(self.query, "access_token")


def route_of(call: Call) -> Route | None:
    """Return the method that a call means, or None."""
    if call.verb != "GET":
        return None
    match [unquote(part) for part in call.path.split("/")[1:]]:
        case ["gmail", "v1", "users", user, "profile"]:
            return Route("getProfile", user)
        case ["gmail", "v1", "users", user, "messages"]:
            return Route("messages.list", user)
        case ["gmail", "v1", "users", user, "messages", message]:
            return Route("messages.get", user, message)
        case ["gmail", "v1", "users", user, "messages", message, "attachments", part]:
            return Route("messages.attachments.get", user, message, part)
        case ["gmail", "v1", "users", user, "history"]:
            return Route("history.list", user)
        case ["gmail", "v1", "users", user, "labels"]:
            return Route("labels.list", user)
        case ["gmail", "v1", "users", user, "labels", label]:
            return Route("labels.get", user, label)
        case _:
            return None


def check_parameters(method: str, query: Query) -> None:
    """Raise `Refusal` (400), as Google does, for a parameter that the method does not have."""
    for name in query:
        if name not in PARAMETERS[method] and name not in _STANDARD:
            raise invalid_argument(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                "Field could not be found in request message."
            )


def one(query: Query, name: str, default: str = "") -> str:
    """Return the last value of a parameter."""
    values = query.get(name)
    return values[-1] if values else default


def positive(query: Query, name: str, default: int, most: int) -> int:
    """Return a count between 1 and `most` (more is cut to it). Raises `Refusal` (400) for what is no number."""
    text = one(query, name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise invalid_argument(f"Invalid value at '{name}' (TYPE_UINT32), \"{text}\"")
    return min(int(text) or default, most)
