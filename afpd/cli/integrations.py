"""`afpd integrations`: look at them and change them. `add` and `connect` have files of their own."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any

import click

from afpd.cli import values
from afpd.cli.answer import answer, answer_json, fields, moment, table
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading, writing
from afpd.config import Settings, format_duration
from afpd.errors import AfpdError, NotFound
from afpd.loops.causes import likely_cause
from afpd.model import Credential, ImportStatus
from afpd.schedule import Cadence
from afpd.store import integrations as store
from afpd.store.database import Connection
from afpd.store.integrations import Integration
from afpd.store.parked import list_parked, retry
from afpd.store.searches import audited_emails, searches_of, trouble_of_all
from afpd.store.silence import silent

Record = dict[str, Any]
_COLUMNS = ("id", "user", "address", "state", "every", "last verified", "next run", "mails today", "access", "remark")


@verb("list")
@click.option("--status", type=click.Choice([status.value for status in ImportStatus]), help="Only those in a state.")
@click.option("--user", metavar="USER", help="Only those of a user.")
@click.option("--stale", is_flag=True, help="Only those that were not verified in time.")
@click.option("--quiet", is_flag=True, help="Only those whose banks wrote regularly and stopped.")
@click.option("--missing", is_flag=True, help="Only those where an audit found mail that a visit had missed.")
def list_all(call: Call, status: str | None, user: str | None, stale: bool, quiet: bool, missing: bool) -> None:
    """List integrations."""
    settings = call.settings()

    async def work(connection: Connection) -> list[Record]:
        found = await store.list_integrations(connection, status=status, user_id=user)
        records = await _records(connection, settings, found)
        asked = [
            name for name, is_asked in (("stale", stale), ("quiet", quiet), ("emails_missing", missing)) if is_asked
        ]
        return [one for one in records if all(one[name] for name in asked)]

    records = reading(settings, work)
    if call.as_json:
        answer_json({"integrations": records})
    else:
        table(_COLUMNS, (_row(one, settings.zone) for one in records))


@verb("show")
@values.integration_id
def show(call: Call, integration_id: int) -> None:
    """Show everything about one integration.

    With its parked ids (unseen: no search shows it so far; failed: tried again at its time; poison: only audits and
    `run-now --retry-parked` try it), and the mails that audits found.
    """
    settings = call.settings()

    async def work(connection: Connection) -> Record:
        return await find(connection, settings, integration_id) | await _depths(connection, integration_id)

    record = reading(settings, work)
    record["advice"] = advice(record)
    if call.as_json:
        answer_json(record)
        return
    lists = {name: record.pop(name) for name in ("parked", "audited")}
    fields({name: _readable(value, settings.zone) for name, value in record.items()})
    for name, found in lists.items():
        answer(*(f"{name}  {_line(one, settings.zone)}" for one in found))


async def _depths(connection: Connection, integration_id: int) -> Record:
    """Return how far it is read, what is parked and what audits found."""
    searches = await searches_of(connection, integration_id)
    return {
        **(asdict(searches) if searches else {}),
        "trouble_of_all": await trouble_of_all(connection),
        "parked": [asdict(one) for one in await list_parked(connection, integration_id)],
        "audited": [asdict(one) for one in await audited_emails(connection, integration_id)],
    }


def _line(record: Record, where: tzinfo) -> str:
    told = {name: _readable(value, where) for name, value in record.items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in told.items())


@verb("suspend")
@values.integration_id
@click.option("--reason", metavar="TEXT", default="suspended by an operator", help="Why; shown with the integration.")
@click.option("--until", "until", metavar="WHEN", help="ISO 8601 (without offset: in the configured zone), or 90m.")
def suspend(call: Call, integration_id: int, reason: str, until: str | None) -> None:
    """Stop visiting an integration, until a time or for good."""
    settings, now = call.settings(), datetime.now(UTC)
    end = values.coming(until, now=now, where=settings.zone) if until is not None else None

    async def change(connection: Connection) -> None:
        await _require_active(connection, integration_id)
        await store.suspend(connection, integration_id, reason=reason, until=end, now=now)

    told = f"until {moment(end, settings.zone)}" if end else "until `afpd integrations resume`"
    _changed(call, settings, integration_id, change, f"suspended {told}")


@verb("resume")
@values.integration_id
def resume(call: Call, integration_id: int) -> None:
    """Lead an integration out of suspended or error."""

    async def change(connection: Connection) -> None:
        await _require_active(connection, integration_id)
        await store.resume(connection, integration_id, now=datetime.now(UTC))

    _changed(call, call.settings(), integration_id, change, "waiting for its next visit, which is due at once")


@verb("remove")
@values.integration_id
def remove(call: Call, integration_id: int) -> None:
    """Deactivate an integration and wipe its token.

    What was imported stays: its jobs and transactions.
    """

    async def change(connection: Connection) -> None:
        await store.remove(connection, integration_id, now=datetime.now(UTC))

    _changed(call, call.settings(), integration_id, change, "removed and its token wiped; its transactions stay")


@verb("run-now")
@values.integration_id
@click.option("--retry-parked", is_flag=True, help="Try parked downloads again in that visit, also those given up.")
def run_now(call: Call, integration_id: int, retry_parked: bool) -> None:
    """Ask the daemon for a visit at once."""

    async def change(connection: Connection) -> None:
        await store.run_now(connection, integration_id, now=datetime.now(UTC))
        if retry_parked:
            await retry(connection, integration_id)

    also = ", which tries its parked downloads again" if retry_parked else ""
    _changed(call, call.settings(), integration_id, change, f"will be visited at once by the running daemon{also}")


def advice(record: Record) -> str | None:
    """Return, for a lost grant, what the likely cause is and what to do about it; otherwise None."""
    told = record["last_error_message"] or ""
    refused_at = record["revoked_since"]
    if refused_at is None or "invalid_grant" not in told or record["credential"] != Credential.OAUTH:
        return None
    cause = likely_cause(
        told.partition("(")[2].partition(")")[0],
        granted_at=record["granted_at"],
        verified_at=record["last_verified_at"],
        refused_at=refused_at,
    )
    return cause.advice


async def find(connection: Connection, settings: Settings, integration_id: int) -> Record:
    """Return one integration as a record. Raises NotFound."""
    found = await store.find(connection, integration_id)
    if found is None:
        raise NotFound(f"no integration {integration_id}: `afpd integrations list` shows them")
    return (await _records(connection, settings, [found]))[0]


async def find_all(connection: Connection, settings: Settings) -> dict[int, Record]:
    """Return every integration as a record, by id."""
    records = await _records(connection, settings, await store.list_integrations(connection))
    return {record["id"]: record for record in records}


def _changed(
    call: Call, settings: Settings, integration_id: int, change: Callable[[Connection], Awaitable[None]], words: str
) -> None:
    async def work(connection: Connection) -> Record:
        await change(connection)
        return await find(connection, settings, integration_id)

    record = writing(settings, work)
    if call.as_json:
        answer_json(record)
    else:
        answer(f"integration {integration_id} of user {record['user_id']}: {words}")


async def _require_active(connection: Connection, integration_id: int) -> None:
    found = await store.find(connection, integration_id)
    if found is not None and not found.is_active:
        raise AfpdError(f"integration {integration_id} was removed: `afpd integrations add` brings it back")


async def _records(connection: Connection, settings: Settings, found: list[Integration]) -> list[Record]:
    imports = settings.imports
    stale, quiet = await silent(
        connection,
        now=datetime.now(UTC),
        stale_after=imports.stale_after,
        tick=imports.every,
        cadence=Cadence(imports.adaptive, imports.idlest),
    )
    return [
        {**asdict(one), "every": format_duration(one.every), "stale": one.id in stale, "quiet": one.id in quiet}
        for one in found
    ]


def _row(record: Record, where: tzinfo) -> tuple[object, ...]:
    state = record["import_status"] if record["is_active"] else "removed"
    remarks = [mark for mark in ("stale", "quiet") if record[mark]]
    in_trouble = record["failures_in_a_row"] or record["import_status"] == "error"
    remarks += filter(None, (record["suspend_reason"], record["last_error_message"] if in_trouble else None))
    return (
        record["id"],
        record["user_id"],
        record["email_account"],
        state,
        record["every"],
        moment(record["last_verified_at"], where),
        moment(record["next_run_at"], where),
        record["emails_processed_today"],
        record["credential"],
        "; ".join(remarks) or None,
    )


def _readable(value: object, where: tzinfo) -> object:
    return moment(value, where) if isinstance(value, datetime) else value
