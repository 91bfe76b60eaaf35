"""What a daemon takes over of Google's quota from the one before it."""

from datetime import datetime

from afpd.loops.gate import Gate
from afpd.loops.governor import Governor
from afpd.loops.spending import quota_day
from afpd.store import quota
from afpd.store.database import Database


async def take_over_quota(database: Database, governor: Governor, gate: Gate, now: datetime) -> None:
    """Go on counting Google's day where the process before stopped, and stay away for as long as it was refused.

    Raises StorageUnavailable when the database refuses.
    """
    await resume_counting(database, governor, now)
    async with database.write() as connection:
        refused = await quota.refused(connection)
        await quota.forget_old_days(connection, quota_day(now).day)
    if refused is not None:
        gate.stay_shut(refused, now)


async def resume_counting(database: Database, governor: Governor, now: datetime) -> None:
    """Count Google's day of `now` on: at the start, and when the clock came back, which may have told another day.

    Raises StorageUnavailable when the database refuses.
    """
    async with database.write() as connection:
        spent = await quota.spent_on(connection, quota_day(now).day)
        governor.resume(spent, await quota.counted_since(connection, now))
