"""Writing what the visits of a batch brought, in groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from afpd.clock import day_of
from afpd.config import Settings
from afpd.errors import StorageUnavailable
from afpd.log import get
from afpd.loops.parts import Parts
from afpd.loops.tally import Tally
from afpd.loops.terms import rules_of
from afpd.schedule import after_visit
from afpd.store import claims, quota, visits

log = get("import")


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of one visit. `kept_before` counts the mails that were kept while it ran; a bare one moves nothing.

    A refusal is a visit that ended with invalid_grant.
    """

    claimed: claims.Claimed
    result: visits.VisitResult
    kept_before: int
    is_skipped: bool
    is_bare: bool = False
    is_refusal: bool = False


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes results of one batch, and counts them in its tally. What waits is due after `not_before`."""

    parts: Parts
    settings: Settings
    batch_id: int
    not_before: datetime
    tally: Tally

    async def write(self, group: Sequence[Ended]) -> None:
        """Write a group of results in one transaction; one that cannot be written must not take the others along.

        Raises StorageUnavailable when the database refuses.
        """
        try:
            await self._write_together(group)
        except StorageUnavailable:
            raise
        except Exception as error:
            if len(group) == 1 and group[0].is_bare:
                raise
            log.exception("import.result_broke", integrations=len(group), batch_id=self.batch_id)
            for ended in group:
                await self.write([ended] if len(group) > 1 else [self._bare(ended, error)])

    def _bare(self, ended: Ended, error: Exception) -> Ended:
        """Return the end of a visit whose result is a bug of ours: nothing moves, it backs off."""
        now, rules = self.parts.clock.now(), rules_of(self.settings)
        state = after_visit(ended.claimed.standing, error, now, rules, not_before=self.not_before)
        bare = visits.VisitResult(ended.claimed.id, ended.claimed.lease_until, state)
        return Ended(ended.claimed, bare, ended.kept_before, ended.is_skipped, is_bare=True)

    async def _write_together(self, group: Sequence[Ended]) -> None:
        """Write a group of results in one transaction, and count what was really kept."""
        parts, now = self.parts, self.parts.clock.now()
        spent = parts.governor.unsaved()
        async with parts.database.write() as connection:
            kept = await visits.finish(
                connection,
                [ended.result for ended in group],
                owner=parts.identity.owner,
                batch_id=self.batch_id,
                now=now,
                today=day_of(now, self.settings.zone),
                keyring=parts.keyring,
            )
            await quota.add(connection, spent)
        parts.governor.saved(spent)
        for ended, count in zip(group, kept, strict=True):
            self._count(ended, count)

    def _count(self, ended: Ended, kept: int) -> None:
        if ended.is_skipped:
            self.tally.skipped += 1
            return
        processed = ended.kept_before + kept
        self.tally.add(
            ended.claimed.user_id,
            ended.result.integration_id,
            found=max(ended.result.found, processed),
            processed=processed,
            error=ended.result.state.error,
        )
