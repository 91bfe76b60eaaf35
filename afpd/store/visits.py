"""Keeping what a visit brought: its mails, its cursor and its next state in one transaction.

A result counts only while its lease holds. Whoever suspends, removes or connects an integration takes the lease away;
the visit under way then keeps nothing, and since its cursor did not move either, nothing is lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.keyring import Keyring
from afpd.schedule import Next
from afpd.store.emails import SealedEmail, insert_emails
from afpd.store.habit import Habit, learnt
from afpd.store.parked import ParkedEmail, park, unpark
from afpd.store.progress import Progress, write_progress
from afpd.store.schema import integrations as table
from afpd.store.sealed import seal_token

__all__ = ["NewTokens", "Progress", "VisitResult", "finish", "keep_emails", "leases_of", "reset_counts"]


@dataclass(frozen=True, slots=True)
class NewTokens:
    """Tokens that Google gave during the visit, to be kept sealed."""

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class VisitResult:
    """All that is to be written at the end of a visit; `found` counts mails not kept before that it saw."""

    integration_id: int
    lease_until: datetime
    state: Next
    emails: Sequence[SealedEmail] = ()
    found: int = 0
    progress: Progress | None = None
    parked: Sequence[ParkedEmail] = ()
    unparked: Sequence[str] = ()
    tokens: NewTokens | None = None


async def leases_of(connection: AsyncConnection, owner: str, ids: Iterable[int]) -> dict[int, datetime]:
    """Return until when `owner` holds a lease of those of the integrations that it does.

    The time tells two leases of one owner apart: whoever took the first away may have made the integration due again.
    """
    query = select(table.c.id, table.c.lease_until).where(table.c.id.in_(list(ids)), table.c.lease_owner == owner)
    return {row.id: row.lease_until for row in await connection.execute(query)}


async def keep_emails(
    connection: AsyncConnection,
    emails: Sequence[SealedEmail],
    *,
    owner: str,
    lease_until: datetime,
    batch_id: int,
    now: datetime,
    today: date,
) -> int:
    """Keep mails in the middle of a long visit, without moving its cursor. Returns how many were new.

    Returns 0 when the lease is gone.
    """
    key = emails[0].integration_id if emails else 0
    if (await leases_of(connection, owner, [key])).get(key) != lease_until:
        return 0
    inserted = await insert_emails(connection, emails, batch_id=batch_id, now=now)
    await _count(connection, key, inserted, emails, found=0, today=today)
    return len(inserted)


async def finish(
    connection: AsyncConnection,
    results: Sequence[VisitResult],
    *,
    owner: str,
    batch_id: int,
    now: datetime,
    today: date,
    keyring: Keyring,
) -> list[int]:
    """Write the results of visits whose leases still hold; `today` is the day in the configured zone.

    Returns how many mails of each result were kept: none of one whose lease is gone.
    """
    leases = await leases_of(connection, owner, (result.integration_id for result in results))
    valid = [result for result in results if leases.get(result.integration_id) == result.lease_until]
    kept: dict[int, int] = {}
    for result in valid:
        inserted = await insert_emails(connection, result.emails, batch_id=batch_id, now=now)
        kept[id(result)] = len(inserted)
        if result.found or inserted:
            await _count(connection, result.integration_id, inserted, result.emails, found=result.found, today=today)
        await unpark(connection, result.integration_id, result.unparked)
        await park(connection, result.integration_id, result.parked, now=now)
    await _write_states(connection, valid, now)
    moved = [(result.integration_id, result.progress) for result in valid if result.progress is not None]
    await write_progress(connection, moved, now=now)
    await _write_tokens(connection, [result for result in valid if result.tokens], keyring)
    return [kept.get(id(result), 0) for result in results]


async def reset_counts(connection: AsyncConnection, today: date) -> None:
    """Begin today's counts anew on rows that still hold another day's, also on those that nobody visits."""
    counted = or_(table.c.emails_found_today > 0, table.c.emails_processed_today > 0)
    await connection.execute(
        update(table)
        .where(counted, table.c.stats_date != today.isoformat())
        .values(emails_found_today=0, emails_processed_today=0, stats_date=today.isoformat())
    )


async def _write_states(connection: AsyncConnection, results: Sequence[VisitResult], now: datetime) -> None:
    well = [_state_values(result) for result in results if result.state.error is None]
    badly = [
        _state_values(result) | {"last_error_message": result.state.error, "last_error_at": now}
        for result in results
        if result.state.error is not None
    ]
    statement = update(table).where(table.c.id == bindparam("key"))
    names = [name for name in _state_values_names if name != "key"]
    if well:
        await connection.execute(statement.values({name: bindparam(name) for name in names}), well)
    if badly:
        names += ["last_error_message", "last_error_at"]
        await connection.execute(statement.values({name: bindparam(name) for name in names}), badly)


_state_values_names = (
    "key",
    "import_status",
    "next_run_at",
    "failures_in_a_row",
    "suspend_until",
    "suspend_reason",
    "revoked_since",
    "lease_owner",
    "lease_until",
)


def _state_values(result: VisitResult) -> dict[str, Any]:
    state = result.state
    values = (
        result.integration_id,
        state.import_status.value,
        state.next_run_at,
        state.failures_in_a_row,
        state.suspend_until,
        state.suspend_reason,
        state.revoked_since,
        None,
        None,
    )
    return dict(zip(_state_values_names, values, strict=True))


async def _write_tokens(connection: AsyncConnection, results: Sequence[VisitResult], keyring: Keyring) -> None:
    for result in results:
        tokens, key = result.tokens, result.integration_id
        if tokens is None:
            continue
        values: dict[str, Any] = {
            "sealed_access_token": seal_token(keyring, key, "access_token", tokens.access_token),
            "access_token_expires_at": tokens.expires_at,
        }
        if tokens.refresh_token:
            values["sealed_refresh_token"] = seal_token(keyring, key, "refresh_token", tokens.refresh_token)
        await connection.execute(update(table).where(table.c.id == key).values(**values))


async def _count(
    connection: AsyncConnection,
    integration_id: int,
    inserted: set[str],
    emails: Sequence[SealedEmail],
    *,
    found: int,
    today: date,
) -> None:
    """Add to today's counts, starting anew when the row still holds another day's, and learn from the mails' times."""
    same_day = table.c.stats_date == today.isoformat()
    values: dict[str, Any] = {
        "emails_found_today": case((same_day, table.c.emails_found_today), else_=0) + found,
        "emails_processed_today": case((same_day, table.c.emails_processed_today), else_=0) + len(inserted),
        "stats_date": today.isoformat(),
        "emails_total": table.c.emails_total + len(inserted),
    }
    if inserted:
        known = [email for email in emails if email.email_message_id in inserted and not email.sender_is_unknown]
        missing = sum(email.found_by == "audit" for email in known)
        values["emails_missing"] = table.c.emails_missing + missing
        values |= asdict(learnt(await _habit(connection, integration_id), (email.received_at for email in known)))
    await connection.execute(update(table).where(table.c.id == integration_id).values(**values))


async def _habit(connection: AsyncConnection, integration_id: int) -> Habit:
    query = select(*(table.c[name] for name in Habit.__slots__)).where(table.c.id == integration_id)
    return Habit(*(await connection.execute(query)).one())
