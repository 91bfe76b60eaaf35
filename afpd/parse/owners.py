"""Whose mailbox it is, as far as a mail tells: the names of its recipients."""

from collections.abc import Iterable

import re2

_WORDS = re2.compile(r"[^\pL]+")


def names_of(recipients: Iterable[tuple[str, str]], owner: str | None) -> tuple[str, ...]:
    """Return the names of a mailbox's owner: given ones, display names, and the words of addresses."""
    found: list[str] = [owner] if owner else []
    for name, address in recipients:
        found.append(name if "@" not in name else "")
        found.append(_WORDS.sub(" ", address.partition("@")[0]).strip())
    return tuple(dict.fromkeys(filter(None, found)))
