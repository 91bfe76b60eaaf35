"""What was spent of Google's quota."""

from afpd.config.google import UnitSettings
from afpd.gmail.methods import Method


class Meter:
    """Counts quota units by the configured table, and passes them on to the meter of the whole daemon."""

    def __init__(self, units: UnitSettings, whole: "Meter | None" = None) -> None:
        self.used = 0
        self._whole = whole
        self._units = {
            Method.PROFILE: units.profile,
            Method.HISTORY: units.history,
            Method.SEARCH: units.messages_list,
            Method.MESSAGE: units.messages_get,
        }

    def charge(self, method: Method) -> None:
        """Count one request; Google charges for those that it refuses, too."""
        self.spend(self._units[method])

    def spend(self, units: int) -> None:
        """Count so many units, here and for the whole daemon."""
        self.used += units
        if self._whole is not None:
            self._whole.spend(units)
