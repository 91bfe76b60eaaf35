"""Integrations as an operator sees and changes them. Every change takes the lease away from a visit under way."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Update, bindparam, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.errors import AfpdError, NotFound
from afpd.keyring import Keyring
from afpd.model import Credential, ImportStatus
from afpd.store.claims import run_every
from afpd.store.schema import integrations as table
from afpd.store.schema import users
from afpd.store.sealed import seal_token


@dataclass(frozen=True, slots=True)
class Integration:
    """One integration as commands show it; no token is in it."""

    id: int
    user_id: str
    provider: str
    email_account: str
    is_active: bool
    import_status: str
    last_run_at: datetime | None
    next_run_at: datetime | None
    run_frequency_minutes: int
    run_every_seconds: float | None
    emails_processed_today: int
    emails_found_today: int
    stats_date: str | None
    emails_total: int
    emails_missing: int
    failures_in_a_row: int
    last_error_message: str | None
    last_error_at: datetime | None
    suspend_until: datetime | None
    suspend_reason: str | None
    last_sync: datetime | None
    last_verified_at: datetime | None
    last_mail_at: datetime | None
    created_at: datetime | None
    adopted_at: datetime | None
    credential: str
    granted_at: datetime | None
    revoked_since: datetime | None
    noticed_at: datetime | None

    @property
    def every(self) -> timedelta:
        """How often it is visited."""
        return run_every(self.run_frequency_minutes, self.run_every_seconds)


@dataclass(frozen=True, slots=True)
class NewIntegration:
    """What `add` and `connect` bring. The refresh token never shows in its repr; None: a service account reads."""

    user_id: str
    email_account: str
    refresh_token: str | None
    every: timedelta | None = None

    @property
    def credential(self) -> Credential:
        """How its mailbox is opened."""
        return Credential.SERVICE_ACCOUNT if self.refresh_token is None else Credential.OAUTH

    @property
    def key(self) -> tuple[str, str]:
        """User and address; the address regardless of case."""
        return self.user_id, self.email_account.lower()

    def __repr__(self) -> str:
        return f"NewIntegration(user_id={self.user_id!r})"


_KEYS_TOGETHER = 500
_COLUMNS = [table.c[name] for name in Integration.__slots__]
_NO_LEASE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
_NO_ERROR: dict[str, Any] = {
    "failures_in_a_row": 0,
    "last_error_message": None,
    "last_error_at": None,
    "revoked_since": None,
    "suspend_until": None,
    "suspend_reason": None,
}


async def add(connection: AsyncConnection, new: NewIntegration, *, keyring: Keyring, now: datetime) -> tuple[int, bool]:
    """Add one integration; see `add_all`."""
    return (await add_all(connection, [new], keyring=keyring, now=now))[0]


async def add_all(
    connection: AsyncConnection, news: Sequence[NewIntegration], *, keyring: Keyring, now: datetime
) -> list[tuple[int, bool]]:
    """Add integrations, or give a known (user, address) its new token. Returns the id of each, and whether it is new.

    A known one keeps id, cursor and history; its error is cleared and it is due at once, so the gap is filled.
    Raises AfpdError when an adopted database would change a user id (a number written in an unusual way).
    """
    known = await _find_all(connection, news)
    missing_ones = {new.key: new for new in news if new.key not in known}
    made = await _insert_all(connection, list(missing_ones.values()), now) if missing_ones else {}
    ids = {**known, **made}
    await _write_tokens(connection, [(ids[new.key], new) for new in news], keyring, now)
    return [(ids[new.key], new.key in made) for new in news]


def frequency(every: timedelta) -> dict[str, Any]:
    """Return the two columns that hold how often: exact seconds, and the minutes they round up to."""
    seconds = every.total_seconds()
    return {"run_every_seconds": seconds, "run_frequency_minutes": max(1, math.ceil(seconds / 60))}


async def suspend(
    connection: AsyncConnection, integration_id: int, *, reason: str, until: datetime | None, now: datetime
) -> None:
    """Suspend until a UTC moment, or (None) until somebody resumes it. Raises NotFound."""
    values = {
        "import_status": ImportStatus.SUSPENDED,
        "suspend_until": until,
        "suspend_reason": reason,
        "next_run_at": None,
        "updated_at": now,
    }
    await _change(connection, integration_id, update(table).values(**values, **_NO_LEASE))


async def resume(connection: AsyncConnection, integration_id: int, *, now: datetime) -> None:
    """Lead out of suspended and error; due at once. Raises NotFound."""
    values = {"import_status": ImportStatus.WAITING, "next_run_at": None, "updated_at": now}
    await _change(connection, integration_id, update(table).values(**values, **_NO_LEASE, **_NO_ERROR))


async def remove(connection: AsyncConnection, integration_id: int, *, now: datetime) -> None:
    """Deactivate and wipe the tokens; its jobs and transactions stay. Raises NotFound."""
    values = {
        "is_active": False,
        "import_status": ImportStatus.WAITING,
        "sealed_refresh_token": None,
        "sealed_access_token": None,
        "access_token_expires_at": None,
        "next_run_at": None,
        "run_now_at": None,
        "suspend_until": None,
        "suspend_reason": None,
        "noticed_at": None,
        "updated_at": now,
    }
    await _change(connection, integration_id, update(table).values(**values, **_NO_LEASE))


async def run_now(connection: AsyncConnection, integration_id: int, *, now: datetime) -> None:
    """Ask the daemon for a visit at once. Raises NotFound, or AfpdError where a visit would not be made."""
    integration = await find(connection, integration_id)
    if integration is None:
        raise _unknown(integration_id)
    if not integration.is_active:
        raise AfpdError(f"integration {integration_id} was removed: add it again first")
    if integration.import_status in (ImportStatus.SUSPENDED, ImportStatus.ERROR):
        raise AfpdError(
            f"integration {integration_id} is {integration.import_status}: `afpd integrations resume` it first"
        )
    await connection.execute(update(table).where(table.c.id == integration_id).values(run_now_at=now, updated_at=now))


async def wants_run_now(
    connection: AsyncConnection, *, now: datetime | None = None, only: Iterable[int] | None = None
) -> bool:
    """Tell whether somebody asked for a visit that was not begun yet: by `now`, of one of `only`, where given."""
    query = select(table.c.id).where(table.c.import_status == ImportStatus.WAITING, table.c.run_now_at.is_not(None))
    if now is not None:
        query = query.where(table.c.run_now_at <= now, table.c.is_active)
    if only is not None:
        query = query.where(table.c.id.in_(list(only)))
    hinted = query.with_hint(table, "INDEXED BY ix_integrations_run_now", "sqlite").limit(1)
    return (await connection.scalar(hinted)) is not None


async def find(connection: AsyncConnection, integration_id: int) -> Integration | None:
    """Return one integration, or None."""
    row = (await connection.execute(select(*_COLUMNS).where(table.c.id == integration_id))).one_or_none()
    return None if row is None else _integration(row)


async def list_integrations(
    connection: AsyncConnection, *, status: str | None = None, user_id: str | None = None, limit: int | None = None
) -> list[Integration]:
    """Return integrations by id, all or those of a status or a user."""
    query = select(*_COLUMNS).order_by(table.c.id)
    if status is not None:
        query = query.where(table.c.import_status == status)
    if user_id is not None:
        query = query.where(table.c.user_id == user_id)
    return [_integration(row) for row in await connection.execute(query.limit(limit))]


async def missing(connection: AsyncConnection, ids: Iterable[int]) -> list[int]:
    """Return those of the ids that no integration has."""
    wanted = set(ids)
    found = set((await connection.scalars(select(table.c.id).where(table.c.id.in_(wanted)))).all())
    return sorted(wanted - found)


async def _find_all(connection: AsyncConnection, news: Sequence[NewIntegration]) -> dict[tuple[str, str], int]:
    """Return the ids of those that are known; of several with the same key the oldest active one."""
    wanted = {new.key for new in news}
    found: dict[tuple[str, str], int] = {}
    user_ids = list(dict.fromkeys(new.user_id for new in news))
    for some in _portions(user_ids):
        query = (
            select(table.c.id, table.c.user_id, table.c.email_account)
            .where(table.c.user_id.in_(some))
            .order_by(table.c.is_active.desc(), table.c.id)
        )
        for row in await connection.execute(query):
            key = (row.user_id, row.email_account.lower())
            if key in wanted:
                found.setdefault(key, row.id)
    return found


async def _insert_all(
    connection: AsyncConnection, news: Sequence[NewIntegration], now: datetime
) -> dict[tuple[str, str], int]:
    people = [{"id": user_id, "created_at": now} for user_id in dict.fromkeys(new.user_id for new in news)]
    await connection.execute(sqlite_insert(users).on_conflict_do_nothing(), people)
    before = (await connection.scalar(select(func.max(table.c.id)))) or 0
    marks = {"is_active": True, "created_at": now, "adopted_at": now}
    rows = [{"user_id": new.user_id, "email_account": new.email_account, **marks} for new in news]
    await connection.execute(insert(table), rows)
    query = select(table.c.id, table.c.user_id).where(table.c.id > before).order_by(table.c.id)
    made = (await connection.execute(query)).all()
    for row, new in zip(made, news, strict=True):
        if row.user_id != new.user_id:
            raise AfpdError(
                f"this database would store user {new.user_id!r} as {row.user_id!r}: write it as {row.user_id!r}"
            )
    return {new.key: row.id for row, new in zip(made, news, strict=True)}


async def _write_tokens(
    connection: AsyncConnection, chosen: Sequence[tuple[int, NewIntegration]], keyring: Keyring, now: datetime
) -> None:
    """Seal the tokens in, clear every error, and make them due at once; a frequency that is not given stays."""
    same = {
        "is_active": True,
        "import_status": ImportStatus.WAITING,
        "next_run_at": None,
        "sealed_access_token": None,
        "access_token_expires_at": None,
        "granted_at": now,
        "updated_at": now,
        **_NO_LEASE,
        **_NO_ERROR,
    }
    for has_every in (True, False):
        rows = [
            {"key": key, "sealed": token and seal_token(keyring, key, "refresh_token", token), "how": new.credential}
            | (frequency(new.every) if new.every is not None else {})
            for key, new, token in ((key, new, new.refresh_token) for key, new in chosen)
            if (new.every is not None) is has_every
        ]
        if not rows:
            continue
        names = ("run_every_seconds", "run_frequency_minutes") if has_every else ()
        bound: dict[str, Any] = {"sealed_refresh_token": bindparam("sealed"), "credential": bindparam("how")}
        values = same | bound | {name: bindparam(name) for name in names}
        await connection.execute(update(table).where(table.c.id == bindparam("key")).values(values), rows)


def _portions(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _KEYS_TOGETHER):
        yield keys[start : start + _KEYS_TOGETHER]


async def _change(connection: AsyncConnection, integration_id: int, statement: Update) -> None:
    if not (await connection.execute(statement.where(table.c.id == integration_id))).rowcount:
        raise _unknown(integration_id)


def _unknown(integration_id: int) -> NotFound:
    return NotFound(f"no integration {integration_id}: `afpd integrations list` shows them")


def _integration(row: Row[Any]) -> Integration:
    return Integration(*tuple(row))
