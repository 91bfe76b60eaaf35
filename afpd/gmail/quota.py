"""What is spent of Google's quota, asked for before it is spent."""

import math
from datetime import timedelta
from typing import Protocol

from afpd.config.quota import Quota
from afpd.gmail.methods import Method

# The gap between two mails of a busy mailbox: forty a day, most of them in sixteen hours.
_BUSY_GAP = timedelta(minutes=24)


class Purse(Protocol):
    """What one visit may spend, asked before each request."""

    def take(self, units: int) -> None:
        """Take so many units. Raises `BudgetSpent`, or a `ProjectError`, and takes nothing, where there are too few."""
        ...

    def left(self) -> int:
        """Return how many units could be taken now."""
        ...


class Meter:
    """Counts quota units by a table, takes them from the visit's purse, and tells the meter of the whole daemon."""

    def __init__(self, quota: Quota, whole: "Meter | None" = None, purse: Purse | None = None) -> None:
        self.used = 0
        self._whole = whole
        self._purse = purse
        self._units = {
            Method.PROFILE: quota.profile,
            Method.HISTORY: quota.history,
            Method.SEARCH: quota.messages_list,
            Method.MESSAGE: quota.messages_get,
        }

    def charge(self, method: Method, times: int = 1) -> None:
        """Count requests that are about to be sent together; Google charges for those that it refuses, too.

        Raises what the purse raises; then nothing is counted, and the request must not be sent.
        """
        units = self._units[method] * times
        if self._purse is not None:
            self._purse.take(units)
        self.spend(units)

    def affordable(self, method: Method, most: int) -> int:
        """Return how many requests, up to `most`, the purse bears now; one at least, which then may be refused."""
        if self._purse is None or not self._units[method]:
            return most
        return max(1, min(most, self._purse.left() // self._units[method]))

    def spend(self, units: int) -> None:
        """Count so many units, here and for the whole daemon."""
        self.used += units
        if self._whole is not None:
            self._whole.spend(units)


def first_question(quota: Quota, elapsed: timedelta, silence: timedelta) -> Method:
    """Return the bell that costs less in the mean: getProfile, or history.list at once.

    getProfile is followed by history.list when something is new, so it pays while that is unlikely. How likely it is
    follows from the time `elapsed` since the last visit and the `silence` before that: a mailbox gets its next mail
    after about as long as it was silent, a busy one after some twenty minutes.
    """
    gap = max(silence, _BUSY_GAP)
    likely = 1.0 - math.exp(-max(elapsed, timedelta()) / gap)
    return Method.HISTORY if quota.history < quota.profile + likely * quota.history else Method.PROFILE
