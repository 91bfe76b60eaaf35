"""Refresh tokens on their way in: from files and stdin, never from an argument, never echoed."""

import os
import stat
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
import orjson

from afpd.cli import values
from afpd.cli.answer import hint
from afpd.errors import AfpdError, SecretError
from afpd.keyring import read_secret
from afpd.model import Credential
from afpd.store.integrations import NewIntegration

STDIN = "-"
_LARGEST_LIST = 1 << 30
_KEYS = ("user", "email", "refresh_token", "every", "credential")
_FEW = 5


class BadLine(ValueError):
    """A line that names no integration; the sentence says why, without what the line holds."""


def read_token(source: str) -> str:
    """Return the refresh token in a file of mode 0600, or on stdin for "-".

    Raises SecretError when it is missing, unreadable, open to others, or no token.
    """
    if source == STDIN and sys.stdin.isatty():
        text = click.prompt("Refresh token", hide_input=True, err=True)
    else:
        text = _content(source, "the refresh token").decode("utf-8", "replace")
    try:
        return values.token(text)
    except ValueError as error:
        raise SecretError(f"{_name(source)}: {error}; give the file that holds only the token") from None


def read_list(source: str) -> list[NewIntegration]:
    """Return the integrations of a JSON-lines file, or of stdin for "-"; a file that others can read gets a hint.

    Raises AfpdError that names the first bad line and counts the others; SecretError for a file that is missing,
    unreadable or empty.
    """
    lines = _list_content(source).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    found: list[NewIntegration] = []
    seen: dict[tuple[str, str], int] = {}
    wrong: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_once(_integration(line), seen, number))
        except BadLine as error:
            wrong.append((number, str(error)))
    if wrong:
        raise AfpdError(_complaint(_name(source), wrong))
    if not found:
        raise AfpdError(f"{_name(source)}: holds no integration; write one JSON object a line: {_example()}")
    return found


def _integration(line: bytes) -> NewIntegration:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadLine(f"is not JSON; write {_example()}") from None
    if not isinstance(record, dict):
        raise BadLine(f"is no JSON object; write {_example()}")
    for key in record.keys() - set(_KEYS):
        raise BadLine(_unknown(key))
    every = None if record.get("every") is None else _checked(record, "every", values.every)
    return NewIntegration(
        user_id=_checked(record, "user", values.user),
        email_account=_checked(record, "email", values.address),
        refresh_token=_token(record),
        every=every,
    )


def _token(record: dict[str, Any]) -> str | None:
    """Return the refresh token of a line, None where a service account reads the mailbox."""
    how = record.get("credential", Credential.OAUTH.value)
    if how not in list(Credential):
        raise BadLine(f'"credential" must be {" or ".join(Credential)}')
    if how == Credential.OAUTH:
        token: str = _checked(record, "refresh_token", values.token)
        return token
    if record.get("refresh_token") is not None:
        raise BadLine('"refresh_token" and a service account exclude each other')
    return None


def _checked(record: dict[str, Any], key: str, check: Any) -> Any:
    value = record.get(key)
    if value is None:
        raise BadLine(f'"{key}" is missing')
    if key == "user" and type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise BadLine(f'"{key}" must be text')
    try:
        return check(value)
    except ValueError as error:
        raise BadLine(f'"{key}" {error}') from None


def _once(new: NewIntegration, seen: dict[tuple[str, str], int], number: int) -> NewIntegration:
    first = seen.setdefault((new.user_id, new.email_account.lower()), number)
    if first != number:
        raise BadLine(f"names the same user and address as line {first}; keep one of them")
    return new


def _unknown(key: str) -> str:
    # The key is not repeated: somebody may have put the token there.
    meant = get_close_matches(key, _KEYS, n=1)
    return f"has an unknown key{f'; did you mean {meant[0]!r}?' if meant else ''} (known: {', '.join(_KEYS)})"


def _complaint(name: str, wrong: list[tuple[int, str]]) -> str:
    (number, why), *others = wrong
    more = ", ".join(str(number) for number, _ in others[:_FEW]) + (", …" if len(others) > _FEW else "")
    rest = f" ({len(others)} more bad lines: {more})" if others else ""
    return f"{name}:{number}: {why}{rest}; nothing was added"


def _list_content(source: str) -> bytes:
    """The list is handed over once and is not a secret that stays: one that others can read is told, not refused."""
    if source == STDIN:
        return _content(source, "the list of integrations", _LARGEST_LIST)
    try:
        with Path(source).open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                hint(f"{source} holds tokens and others can read it: chmod 600 it, and delete it once it was added")
            return opened.read(_LARGEST_LIST)
    except OSError as error:
        raise SecretError(f"{source}: the list of integrations cannot be read ({error.strerror})") from None


def _content(source: str, what: str, largest: int = 1 << 20) -> bytes:
    if source != STDIN:
        return read_secret(Path(source), what, largest=largest)
    content = sys.stdin.buffer.read(largest + 1)
    if not content.strip() or len(content) > largest:
        raise SecretError(f"stdin: {what} is {'too large' if content.strip() else 'empty'}")
    return content


def _name(source: str) -> str:
    return "stdin" if source == STDIN else source


def _example() -> str:
    return '{"user": "17", "email": "ana@gmail.com", "refresh_token": "…", "every": "5m"}'
