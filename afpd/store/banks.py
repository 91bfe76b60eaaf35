"""The banks' rows: one for each bank file, with its statistics."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnClause, insert, inspect, literal_column, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.store.schema import banks as table


@dataclass(frozen=True, slots=True)
class BankRow:
    """A bank's statistics. Rows of the replaced system that no bank file claims have no code."""

    id: int
    code: str | None
    name: str
    country: str | None
    emails_seen: int
    emails_success: int
    transactions_created: int
    last_email_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownBank:
    """What the bank files tell of a bank: enough to find its row, also in an adopted database."""

    code: str
    name: str
    country: str
    domains: tuple[str, ...]


async def sync_banks(connection: AsyncConnection, known: Iterable[KnownBank]) -> None:
    """Give each bank file its row. A row of the replaced system with the same name or domain becomes that bank's."""
    rows = {row.code: (row.name, row.country) for row in await list_banks(connection) if row.code}
    unclaimed = await connection.run_sync(_unclaimed)
    for bank in known:
        values = {"name": bank.name, "country": bank.country}
        if rows.get(bank.code) == (bank.name, bank.country):
            continue
        if bank.code in rows:
            await connection.execute(update(table).where(table.c.code == bank.code).values(**values))
        elif (key := _match(bank, unclaimed)) is not None:
            unclaimed.pop(key)
            await connection.execute(
                update(table).where(table.c.id == key).values(code=bank.code, country=bank.country)
            )
        else:
            await connection.execute(insert(table).values(code=bank.code, **values))


async def list_banks(connection: AsyncConnection) -> list[BankRow]:
    """Return all banks by code."""
    query = select(*(table.c[name] for name in BankRow.__slots__)).order_by(table.c.code)
    return [BankRow(*row) for row in await connection.execute(query)]


def _match(bank: KnownBank, unclaimed: dict[int, tuple[str, str]]) -> int | None:
    for key, (name, domain) in unclaimed.items():
        if name == bank.name.casefold() or domain in bank.domains:
            return key
    return None


def _unclaimed(connection: Connection) -> dict[int, tuple[str, str]]:
    """Rows without a code: id -> name and domain, the latter a column that only the replaced system has."""
    columns = {column["name"] for column in inspect(connection).get_columns("banks")}
    domain: ColumnClause[str | None] = literal_column("domain" if "domain" in columns else "''")
    query = select(table.c.id, table.c.name, domain).where(table.c.code.is_(None))
    return {key: (name.casefold(), (found or "").casefold()) for key, name, found in connection.execute(query)}
