"""Why integrations are in trouble: the reasons on their rows, in the words of the log, each with how many it meets."""

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.model import ImportStatus
from afpd.store.schema import integrations as table

MOST_REASONS = 10


async def troubles(connection: AsyncConnection) -> list[dict[str, object]]:
    """Return the commonest reasons of active integrations that failed last or are in error.

    Each with its state, how many integrations it meets, and when it met one last (UTC).
    """
    is_troubled = or_(table.c.failures_in_a_row > 0, table.c.import_status == ImportStatus.ERROR)
    number = func.count().label("integrations")
    query = (
        select(
            table.c.last_error_message.label("reason"),
            table.c.import_status.label("state"),
            number,
            func.max(table.c.last_error_at, type_=table.c.last_error_at.type).label("last_at"),
        )
        .where(and_(table.c.is_active, is_troubled, table.c.last_error_message.is_not(None)))
        .group_by(table.c.last_error_message, table.c.import_status)
        .order_by(number.desc(), table.c.last_error_message)
        .limit(MOST_REASONS)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]
