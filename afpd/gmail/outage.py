"""When the token endpoint fails for everybody: one asks from time to time, and the others are spared the waiting."""

from datetime import UTC, datetime, timedelta

from afpd.clock import Clock
from afpd.errors import EndpointDown, Unavailable
from afpd.gmail.retries import LONGEST_BACKOFF_SECONDS
from afpd.log import get

# One mailbox may have a trouble of its own; so many different ones, and no success between them, have not.
GRANTS_THAT_TELL = 3
LONGEST_REST = timedelta(minutes=15)

log = get("gmail")


class Outage:
    """Watches the answers of the token endpoint. One loud line when an outage begins, one when it is over.

    `first_rest` is the pause before the first probe; it doubles up to 64 s, and Google's Retry-After may lengthen it
    up to a quarter of an hour.
    """

    def __init__(self, clock: Clock, first_rest: timedelta) -> None:
        self.reason: str | None = None
        self._clock = clock
        self._first_rest = first_rest.total_seconds()
        self._rest = 0.0
        self._until = 0.0
        self._probing: bytes | None = None
        self._failed: set[bytes] = set()

    def admit(self, key: bytes) -> None:
        """Let a grant ask; during an outage one at a time, when its pause is over. Raises `EndpointDown`."""
        if self.reason is None:
            return
        left = self._until - self._clock.monotonic()
        if left > 0 or self._probing not in (None, key):
            raise EndpointDown(self.reason, self._clock.now() + timedelta(seconds=max(left, 0.0)))
        self._probing = key

    def answered(self, key: bytes) -> None:
        """The endpoint decided something, whatever: it works."""
        self._leave(key)
        self._failed.clear()
        if self.reason is not None:
            log.warning("gmail.tokens_resumed", reason=self.reason)
            self.reason, self._rest = None, 0.0

    def failed(self, key: bytes, trouble: Unavailable) -> None:
        """A request of this grant failed for a reason that is nobody's own."""
        was_probe = self._probing == key
        self._leave(key)
        self._failed.add(key)
        if self.reason is None and len(self._failed) < GRANTS_THAT_TELL:
            return
        if self.reason is None:
            log.error("gmail.tokens_paused", reason=str(trouble))
        if self.reason is None or was_probe:
            self._rest = min(self._rest * 2 or self._first_rest, LONGEST_BACKOFF_SECONDS)
            self._until = self._clock.monotonic() + max(self._rest, self._asked_for(trouble))
        self.reason = str(trouble)
        self._failed.clear()

    def cut_off(self, key: bytes) -> None:
        """A request of this grant ended without telling anything."""
        self._leave(key)

    def _leave(self, key: bytes) -> None:
        if self._probing == key:
            self._probing = None

    def _asked_for(self, trouble: Unavailable) -> float:
        wanted = (trouble.until or datetime.min.replace(tzinfo=UTC)) - self._clock.now()
        return min(wanted, LONGEST_REST).total_seconds()
