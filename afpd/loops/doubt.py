"""Whether Google is believed when it calls grants invalid: many of them at once are hardly their owners' doing."""

from dataclasses import dataclass
from datetime import datetime

from afpd.log import get

log = get("gmail")


@dataclass(slots=True)
class Doubt:
    """Whether refusals of grants are doubted, and why. One loud line when that begins, one when it ends."""

    reason: str | None = None
    until: datetime | None = None

    def begin(self, refused: int, refreshes: int, until: datetime) -> None:
        """So many of a batch's refreshes were refused; they are asked again by `until`."""
        words = (
            f"{refused} of {refreshes} refreshes of a batch say invalid_grant: that is hardly their users. Is the "
            "consent screen in status Testing, or was the OAuth client made anew? No state changes; asked again later"
        )
        if self.reason is None:
            log.error("gmail.grants_doubted", reason=words)
        self.reason = words
        self.until = until if self.until is None else max(until, self.until)

    def look(self, now: datetime) -> None:
        """A batch had no reason to doubt: the episode is over, once those that were doubted were asked again."""
        if self.until is not None and now > self.until:
            log.warning("gmail.grants_believed")
            self.reason = self.until = None
