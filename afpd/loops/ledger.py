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
    day = quota_day(now).day
    async with database.write() as connection:
        governor.resume(await quota.spent_on(connection, day), await quota.counted_since(connection, now))
        refused = await quota.refused(connection)
        await quota.forget_old_days(connection, day)
    if refused is not None:
        gate.stay_shut(refused, now)
