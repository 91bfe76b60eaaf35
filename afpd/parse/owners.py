"""Whose mailbox it is, as far as a mail tells: the names of its recipients."""

from collections.abc import Callable, Iterable
from functools import cached_property

from afpd.parse.fold import fold_word


class Owners:
    """The names of a mailbox's owner: a given one, display names, and the words of addresses.

    Few templates ask for them, so the headers are read when the first one does.
    """

    def __init__(self, recipients: Callable[[], Iterable[tuple[str, str]]], given: str | None = None) -> None:
        self._recipients, self._given = recipients, given

    @cached_property
    def _names(self) -> tuple[set[str], ...]:
        found: list[str] = [self._given] if self._given else []
        for name, address in self._recipients():
            found.append(name if "@" not in name else "")
            found.append(_words(address.partition("@")[0]))
        return tuple(set(fold_word(name).replace("_", " ").replace(".", " ").split()) for name in found)

    def include(self, name: str) -> bool:
        """Return whether a person's name and one of the owner's share two words, or all words of the shorter."""
        words = set(fold_word(name).replace("_", " ").replace("/", " ").split())
        for own in self._names:
            shared = len(words & own)
            if shared and shared >= min(2, len(words), len(own)):
                return True
        return False


def _words(text: str) -> str:
    """Return the runs of letters in a text, a blank between them."""
    return "".join(char if char.isalpha() else " " for char in text)
