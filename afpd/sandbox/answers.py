"""What the sandbox answers with: bodies shaped as Google shapes them, before they become HTTP."""

from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json; charset=UTF-8"

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(slots=True)
class Answer:
    """A status, a body and its type; `cut_at` ends the connection after so many bytes of the promised body."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None


class Refusal(Exception):
    """Ends a call with an error of Google's shape."""

    def __init__(self, code: int, reason: str, message: str, domain: str = "global", status: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.domain = domain
        self.status = status

    def answer(self) -> Answer:
        """Return the error as an answer."""
        return Answer(self.code, orjson.dumps(self.body()))

    def body(self) -> dict[str, Any]:
        """Return the error object: {"error": {"code", "message", "errors": […], "status"}}."""
        entry = {"message": str(self), "domain": self.domain, "reason": self.reason}
        if self.code == 401:
            entry |= {"location": "Authorization", "locationType": "header"}
        status = self.status or _STATUS.get(self.code, "UNKNOWN")
        return {"error": {"code": self.code, "message": str(self), "errors": [entry], "status": status}}


def invalid_argument(message: str) -> Refusal:
    """Return the 400 of a request that is wrong in itself."""
    return Refusal(400, "invalidArgument", message)


def not_found() -> Refusal:
    """Return the 404 that Gmail gives for messages, labels and expired history alike."""
    return Refusal(404, "notFound", "Requested entity was not found.")


def invalid_credentials() -> Refusal:
    """Return the 401 of an access token that is missing, unknown or too old."""
    return Refusal(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
    )


def json_answer(value: object, status: int = 200) -> Answer:
    """Return `value` as a JSON answer."""
    return Answer(status, orjson.dumps(value))
