"""Drift: what templates read is held against their own past, and a fall is told when it begins and when it ends."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from afpd.log import get
from afpd.loops.rates import KEEPS, Fall, Finding, findings
from afpd.store import clusters, drift, template_days
from afpd.store.database import Connection, Database
from afpd.store.transactions import bank_ids

Record = dict[str, Any]

log = get("parsing")


async def watch_rates(database: Database, now: datetime, zone: tzinfo) -> int:
    """Note which match rates have fallen by `now`, and say what is new; returns how many have.

    Days are those of `zone`. Raises StorageUnavailable.
    """
    today = now.astimezone(zone).date()
    async with database.read() as connection:
        before = await drift.noted(connection)
        rows = await template_days.load(connection, today - timedelta(days=KEEPS))
        codes = {key: code for code, key in (await bank_ids(connection)).items()}
    known = [_finding(record) for record in before]
    found = await asyncio.to_thread(findings, rows, today, known)
    if not found and not before:
        return 0
    async with database.write() as connection:
        after = [await _record(connection, one, codes, before) for one in found]
        await drift.note(connection, after)
    _tell(before, after)
    return len(after)


def _tell(before: Sequence[Record], after: Sequence[Record]) -> None:
    """Say what began and what ended: bank, template and the id of a mail, and nothing that stands in it."""
    was, now = {_key(one): one for one in before}, {_key(one): one for one in after}
    for key in now.keys() - was.keys():
        log.warning("parsing.drift", **_told(now[key]))
    for key in was.keys() - now.keys():
        log.info("parsing.drift_over", **_told(was[key]))


async def _record(connection: Connection, one: Finding, codes: dict[int, str], before: Sequence[Record]) -> Record:
    example = await clusters.newest_example(connection, one.bank_id)
    former = next((record for record in before if _key(record) == one.key), None)
    return {
        "kind": one.kind.value,
        "bank": codes.get(one.bank_id),
        "template": former["template"] if former else one.template,
        "rate": round(one.rate, 4),
        "usual_rate": round(former["usual_rate"] if former else one.usual_rate, 4),
        "since": one.since.isoformat(),
        "example_id": example,
        "bank_id": one.bank_id,
    }


def _finding(record: Record) -> Finding:
    kind, since = Fall(record["kind"]), date.fromisoformat(record["since"])
    return Finding(kind, record["bank_id"], record["template"], record["rate"], record["usual_rate"], since)


def _key(record: Record) -> tuple[str, int, str | None]:
    return _finding(record).key


def _told(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "bank_id"}
