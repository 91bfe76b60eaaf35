"""When Google calls many grants of one batch invalid at once, it is hardly their owners: nothing is believed then.

Results that say invalid_grant are held back until the batch knows how many of its refreshes say so. More than a tenth,
and at least five: no state changes, one loud line, and they are asked again later, each at another time. Otherwise
they are written like all others.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from afpd.clock import day_of
from afpd.loops.doubt import Doubt
from afpd.loops.lines import tell_end
from afpd.loops.writing import Ended, Writing
from afpd.schedule import undecided
from afpd.store import visits

FEWEST = 5
SHARE = 10
MOST_HELD = 1000
# As spread as refreshes are, so that the next batch's share is that of all mailboxes and not of those that came back.
_AGAIN_AFTER = (6.0, 18.0)


@dataclass(slots=True)
class Holding:
    """Stands before the writing of one batch, and holds back what says invalid_grant."""

    writing: Writing
    doubt: Doubt
    chance: random.Random = field(default_factory=random.Random)
    renewed: int = 0
    refused: int = 0
    _held: list[Ended] = field(default_factory=list)
    _oldest: datetime | None = None

    async def write(self, group: Sequence[Ended]) -> None:
        """Write the results of a group but for those that are held back. Raises what writing raises."""
        self.renewed += sum(ended.result.tokens is not None and not ended.is_refusal for ended in group)
        held = [ended for ended in group if ended.is_refusal]
        if others := [ended for ended in group if not ended.is_refusal]:
            await self.writing.write(others)
        if held:
            self.refused += len(held)
            self._held += [await self._without_mails(ended) for ended in held]
            self._oldest = self._oldest or self._now()
        if len(self._held) >= MOST_HELD or self._is_late():
            await self._settle()

    async def end(self) -> None:
        """Write what is held back, now that the batch knows."""
        if self._held:
            await self._settle()
        elif self.renewed:
            self.doubt.look(self._now())

    async def _settle(self) -> None:
        held, self._held, self._oldest = self._held, [], None
        if self._is_doubtful():
            held = [self._postponed(ended) for ended in held]
            self.doubt.begin(self.refused, self.refused + self.renewed, max(_due(ended) for ended in held))
        else:
            self.doubt.look(self._now())
            for ended in held:
                tell_end(ended.claimed, ended.result.state, self.writing.batch_id, well=False)
        for start in range(0, len(held), 200):
            await self.writing.write(held[start : start + 200])

    async def _without_mails(self, ended: Ended) -> Ended:
        """Keep at once what the visit brought before the refusal: it is the last of it, and memory is bounded."""
        writing, mails = self.writing, ended.result.emails
        if not mails:
            return ended
        async with writing.parts.database.write() as connection:
            kept = await visits.keep_emails(
                connection,
                mails,
                owner=writing.parts.identity.owner,
                lease_until=ended.result.lease_until,
                batch_id=writing.batch_id,
                now=self._now(),
                today=day_of(self._now(), writing.settings.zone),
            )
        return replace(ended, result=replace(ended.result, emails=()), kept_before=ended.kept_before + kept)

    def _is_doubtful(self) -> bool:
        return self.refused >= FEWEST and self.refused * SHARE > self.refused + self.renewed

    def _postponed(self, ended: Ended) -> Ended:
        pause = self.writing.settings.gmail.confirm_revoked_after * self.chance.uniform(*_AGAIN_AFTER)
        again_at = max(self._now() + pause, self.writing.not_before + timedelta(microseconds=1))
        state = undecided(ended.claimed.standing, again_at)
        return replace(ended, result=replace(ended.result, state=state), is_skipped=True)

    def _is_late(self) -> bool:
        """Half of a lease is over: what is held back longer could be claimed by somebody else."""
        return self._oldest is not None and self._now() - self._oldest >= self.writing.settings.imports.lease / 2

    def _now(self) -> datetime:
        return self.writing.parts.clock.now()


def _due(ended: Ended) -> datetime:
    due = ended.result.state.next_run_at
    if due is None:
        raise ValueError("what is postponed has a time")
    return due
