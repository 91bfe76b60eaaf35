"""Links as they are written: several tellings, links let go, and what export tells of it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from afpd.store import transactions
from afpd.store.database import Database
from afpd.store.linking import link
from afpd.store.schema import transactions as table

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PURCHASE: dict[str, Any] = {
    "user_id": "ana", "integration_id": 1, "bank_id": 1, "template": "card", "ordinal": 0, "kind": "purchase",
    "direction": "debit", "status": "approved", "amount": Decimal("7845.00"), "currency": "CRC", "account": "4471",
    "occurred_at": "2026-10-14T21:17:00-06:00", "merchant": "PANADERIA EL TRIGAL", "revision": 1, "created_at": NOW,
}  # fmt: skip
UNIQUE = {"reference": "2026101415", "has_unique_reference": True}
REVERSAL = {"kind": "reversal", "direction": "credit", "occurred_at": "2026-10-15T10:00:00-06:00"}


@pytest.fixture
async def connection(path: Path, run_upgrade: Callable[..., object]) -> AsyncIterator[AsyncConnection]:
    run_upgrade()
    async with Database(path) as database, database.write() as connection:
        yield connection


async def put(connection: AsyncConnection, *rows: dict[str, Any]) -> None:
    """Insert rows with the ids 1, 2 … and link them one after the other."""
    for key, row in enumerate(rows, 1):
        await connection.execute(table.insert().values(**{**PURCHASE, "id": key, "email_message_id": f"m{key}", **row}))
        await link(connection, [key], [], NOW)


async def correct(connection: AsyncConnection, key: int, now: datetime = NOW, **values: Any) -> None:
    await connection.execute(table.update().where(table.c.id == key).values(**values))
    await link(connection, [], [key], now)


async def column(connection: AsyncConnection, name: str) -> list[int | None]:
    return list((await connection.scalars(select(table.c[name]).order_by(table.c.id))).all())


async def test_of_three_tellings_the_second_counts_when_the_first_is_retracted(connection: AsyncConnection) -> None:
    await put(connection, UNIQUE, UNIQUE, UNIQUE)
    assert await column(connection, "same_as_id") == [None, 1, 1]

    await correct(connection, 1, retracted_at=NOW)
    assert await column(connection, "same_as_id") == [None, None, 2]

    await correct(connection, 1, retracted_at=None)
    assert await column(connection, "same_as_id") == [None, 1, 1]


async def test_of_three_look_alikes_the_others_stay_flagged(connection: AsyncConnection) -> None:
    await put(connection, {}, {}, {})
    await correct(connection, 1, retracted_at=NOW)
    assert await column(connection, "looks_like_id") == [None, None, 2]


async def test_a_row_that_counts_again_is_exported_as_changed(connection: AsyncConnection) -> None:
    await put(connection, UNIQUE, UNIQUE)
    later = NOW + timedelta(days=1)

    await correct(connection, 1, later, retracted_at=later, updated_at=later)

    told = [record async for record in transactions.export(connection, since=later)]
    assert [(record["id"], record["counts"]) for record in told] == [(2, True)]


@pytest.mark.parametrize("mark", [UNIQUE, {"authorization": "318842"}, {}], ids=["unique", "mark", "look-alike"])
async def test_a_reversal_that_is_told_twice_takes_no_second_purchase(
    connection: AsyncConnection, mark: dict[str, Any]
) -> None:
    earlier = {"occurred_at": "2026-10-01T10:00:00-06:00"}
    await put(connection, earlier, {}, REVERSAL | mark, REVERSAL | mark)
    assert await column(connection, "reverses_id") == [None, None, 2, None]


async def test_a_reversal_whose_marked_purchase_is_taken_takes_no_other(connection: AsyncConnection) -> None:
    earlier = {"occurred_at": "2026-10-01T10:00:00-06:00", "authorization": "111111"}
    mark = {"authorization": "318842"}
    again = REVERSAL | mark | {"occurred_at": "2026-10-20T10:00:00-06:00"}
    await put(connection, earlier, mark, REVERSAL | mark, again)
    assert await column(connection, "reverses_id") == [None, None, 2, None]


async def test_the_two_sides_of_a_transfer_point_to_each_other_alone(connection: AsyncConnection) -> None:
    sent = {"kind": "transfer", "reference": "2026101415"}
    await put(connection, sent, sent | {"direction": "credit", "bank_id": 2, "account": "7777"}, sent)
    assert await column(connection, "counterpart_id") == [2, 1, None]


async def test_sums_and_references_of_other_users_are_not_linked(connection: AsyncConnection) -> None:
    other = {"user_id": "bo", "integration_id": 2}
    await put(connection, UNIQUE, UNIQUE | other, REVERSAL | other | UNIQUE)
    assert await column(connection, "same_as_id") == [None] * 3
    assert await column(connection, "counterpart_id") == [None] * 3
    assert await column(connection, "reverses_id") == [None, None, 2]


async def test_a_new_row_is_compared_with_few_of_many_equal_sums(
    connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {
            **PURCHASE,
            "id": key,
            "email_message_id": f"m{key}",
            "occurred_at": (began + timedelta(hours=key)).isoformat(),
        }
        for key in range(1, 2001)
    ]
    await connection.execute(table.insert(), rows)
    compared = 0

    def looks_alike(*_: object) -> bool:
        nonlocal compared
        compared += 1
        return False

    monkeypatch.setattr("afpd.store.linking.looks_alike", looks_alike)
    await link(connection, [1000], [], NOW)
    assert compared < 400
