"""Who asks for tokens: the OAuth client, or the service account for a domain. Which of them works, and which does not.

A party that Google refuses is the operator's trouble and marks no user. While nothing else works either, that stops
everybody; otherwise only what belongs to the party waits.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from afpd.clock import Clock
from afpd.errors import AfpdError, ClientRejected, EndpointDown
from afpd.log import get

# Tokens live for about an hour, so a party that works is heard of within one.
LATELY = timedelta(hours=1)
REST = timedelta(minutes=5)
_FEW_GRANTS = 3
_MOST_PARTIES = 1000

log = get("gmail")


@dataclass(slots=True)
class _Party:
    worked_at: float | None = None
    rests_until: float | None = None
    reason: str = ""
    refused: set[bytes] = field(default_factory=set)


class Parties:
    """The parties of this daemon, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parties: dict[str, _Party] = {}

    def admit(self, name: str) -> None:
        """Let a party ask. Raises `EndpointDown` while it rests."""
        party = self._parties.get(name)
        left = 0.0 if party is None or party.rests_until is None else party.rests_until - self._clock.monotonic()
        if party is not None and left > 0:
            raise EndpointDown(party.reason, self._clock.now() + timedelta(seconds=left))

    def worked(self, name: str) -> None:
        """A grant of this party was renewed."""
        party = self._party(name)
        if party.rests_until is not None:
            log.warning("gmail.party_resumed", reason=party.reason)
        party.worked_at, party.rests_until = self._clock.monotonic(), None
        party.refused.clear()

    def refused(self, name: str, reason: str) -> AfpdError:
        """Google refuses the party itself. Return what that means for the visit that met it."""
        if not any(self._works(other) for key, other in self._parties.items() if key != name):
            return ClientRejected(reason)
        party = self._party(name)
        if party.rests_until is None:
            log.error("gmail.party_paused", reason=reason)
        party.rests_until, party.reason = self._clock.monotonic() + REST.total_seconds(), reason
        return EndpointDown(reason, self._clock.now() + REST)

    def is_alone(self, name: str, key: bytes) -> bool:
        """Tell whether a grant that the party may not use is the only trouble.

        It is when the party renewed another one lately; unless several in a row are refused.
        """
        party = self._party(name)
        party.refused.add(key)
        if self._works(party) and len(party.refused) < _FEW_GRANTS:
            return True
        party.refused.clear()
        return False

    def _works(self, party: _Party) -> bool:
        return party.worked_at is not None and self._clock.monotonic() - party.worked_at < LATELY.total_seconds()

    def _party(self, name: str) -> _Party:
        if name not in self._parties and len(self._parties) >= _MOST_PARTIES:
            del self._parties[next(iter(self._parties))]
        return self._parties.setdefault(name, _Party())
