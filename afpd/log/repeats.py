"""What is wrong for thousands of mailboxes at once is said once, and then how often."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]

_COLLAPSED = ("warning", "error", "critical")
_KINDS_AT_MOST = 1000


@dataclass(slots=True)
class _Episode:
    """One kind of event: until when it is only counted, how often it was, and the last one held back."""

    until: float
    held_back: int = 0
    last: Event | None = None


class Repeats:
    """Holds back a warning or error that was said already within `window` seconds.

    At the end of the window the last one held back is said, with repeats=N. Lines of level info and debug always pass.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        # Every window is of one length, so the order of arrival is the order in which they end.
        self._episodes: OrderedDict[tuple[str, ...], _Episode] = OrderedDict()

    def admit(self, event: Event, now: float) -> list[Event]:
        """Return what is to be written now that `event` came at the monotonic second `now`, in this order."""
        due = self._ended(now)
        if event.get("level") not in _COLLAPSED:
            return [*due, event]
        kind = tuple(str(event.get(name, "")) for name in ("logger", "level", "event", "error", "exception"))
        if episode := self._episodes.get(kind):
            episode.held_back += 1
            episode.last = event
            return due
        self._episodes[kind] = _Episode(now + self._window)
        return [*due, event]

    def flush(self) -> list[Event]:
        """Return everything held back, and begin anew."""
        return self._ended(float("inf"))

    def _ended(self, now: float) -> list[Event]:
        said: list[Event] = []
        while self._episodes:
            first = next(iter(self._episodes.values()))
            if first.until > now and len(self._episodes) <= _KINDS_AT_MOST:
                break
            self._episodes.popitem(last=False)
            if first.last is not None:
                said.append({**first.last, "repeats": first.held_back})
        return said
