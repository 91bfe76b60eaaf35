"""The last line of defence: what must not stand in a log is taken out, whoever put it there."""

import re
from typing import Any

MASK = "[removed]"
_DEEPEST = 6

# fmt: off
_NAMES = frozenset({
    "token", "secret", "password", "authorization", "cookie", "code", "code_verifier", "headers",
    "body", "subject", "content", "raw", "text", "snippet",
    "address", "email", "sender", "recipient", "email_from", "email_account",
    "amount", "merchant", "account",
})
# fmt: on
_ENDINGS = (
    "_token",
    "_secret",
    "_password",
    "_body",
    "_subject",
    "_address",
    "_amount",
    "_authorization",
    "_email",
    "_cookie",
)

# Bounded repetitions throughout: a log line may hold hostile text, and `re` must not be slow on it.
_SECRETS = re.compile(
    r"ya29\.[\w.\-]+"  # access token of Google
    r"|\b1//[\w\-]{8,}"  # refresh token of Google
    r"|\b4/0[\w\-]{8,}"  # authorization code of Google
    r"|\bGOCSPX-[\w\-]+"  # client secret of Google
    r"|\beyJ[\w\-]{4,}\.[\w\-]+\.[\w\-]*"  # JSON web token
    r"|\b(?:Bearer|Basic)\s{1,8}[\w.~+/=\-]{4,}"
    r"|(?<=_token[=:])[^&\s\"']+|(?<=_secret[=:])[^&\s\"']+|(?<=\bcode[=:])[^&\s\"']{6,}"
    r"|(?:access_token|refresh_token|id_token|client_secret|code_verifier)[\"']?\s{0,4}[=:]\s{0,4}[\"']?[^&\s\"',}]+",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+%\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}")
# Line ends and escape sequences would let a mail write lines, or colours, of its own into a terminal.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))}
_CONTROLS_OF_ONE_LINE = {code: written for code, written in _CONTROLS.items() if code not in (0x09, 0x0A)}


def redact(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with secrets, addresses and what a mail says replaced by [removed]: by key, then by pattern."""
    return {key: _by_name(key, value, 0) for key, value in event.items()}


def redact_text(text: str) -> str:
    """Return `text` with everything that looks like a secret or an e-mail address replaced by [removed]."""
    return _ADDRESS.sub(MASK, _SECRETS.sub(MASK, text))


def _by_name(key: str, value: Any, depth: int) -> Any:
    name = key.lower().replace("-", "_")
    if value is not None and (name in _NAMES or name.endswith(_ENDINGS)):
        return MASK
    # A traceback keeps its lines.
    return _clean(value, depth, _CONTROLS_OF_ONE_LINE if key == "exception" else _CONTROLS)


def _clean(value: Any, depth: int, controls: dict[int, str]) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redact_text(value).translate(controls)
        case bytes() | bytearray() | memoryview():
            return f"[{len(value)} bytes]"
        case _ if depth >= _DEEPEST:
            return MASK
        case dict():
            return {
                _clean(str(key), depth + 1, controls): _by_name(str(key), inner, depth + 1)
                for key, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_clean(inner, depth + 1, controls) for inner in value]
    return redact_text(str(value)).translate(controls)
