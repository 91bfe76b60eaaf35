"""What the token endpoint refused a moment ago, so that it is not asked the same again at once."""

from collections import OrderedDict
from datetime import datetime, timedelta

from afpd.clock import Clock
from afpd.errors import AccessRevoked, AfpdError, Unavailable
from afpd.gmail.outage import LONGEST_REST

MOST_KEPT = 10_000


class Refusals:
    """The latest failures by grant, each for a moment, and no more than a bounded number of them.

    `moment` is how long; a refused grant is remembered for half of `confirm_after` at most, since the question whether
    it still is refused must reach Google.
    """

    def __init__(self, clock: Clock, moment: timedelta, confirm_after: timedelta) -> None:
        self._clock = clock
        self._moment = moment
        self._confirm_after = confirm_after
        self._kept: OrderedDict[bytes, tuple[AfpdError, float]] = OrderedDict()

    def check(self, key: bytes) -> None:
        """Raise what this grant was refused with, while that is fresh."""
        failure, until = self._kept.get(key, (None, 0.0))
        if failure is None:
            return
        if self._clock.monotonic() < until:
            raise failure.with_traceback(None)
        del self._kept[key]

    def note(self, key: bytes, failure: AfpdError) -> None:
        """Remember a refusal that says something about this grant; others are left to those who stop everybody."""
        seconds = self._seconds(failure)
        if seconds <= 0:
            return
        self._kept.pop(key, None)
        self._kept[key] = (failure, self._clock.monotonic() + seconds)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _seconds(self, failure: AfpdError) -> float:
        match failure:
            case AccessRevoked():
                return min(self._moment, self._confirm_after / 2).total_seconds()
            case Unavailable(until=datetime() as until):
                return max(self._moment, min(until - self._clock.now(), LONGEST_REST)).total_seconds()
            case Unavailable():
                return self._moment.total_seconds()
            case _:
                return 0.0
