"""`afpd transactions`: list and export what the mails told."""

import csv
import io
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import click

from afpd.cli import values
from afpd.cli.answer import answer_json, json_line, table
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading
from afpd.store import transactions as store
from afpd.store.database import Connection

Record = dict[str, Any]
COLUMNS = (
    "id",
    "user_id",
    "integration_id",
    "email_message_id",
    "bank",
    "template",
    "template_version",
    "revision",
    "kind",
    "direction",
    "status",
    "amount",
    "currency",
    "occurred_at",
    "dated_by",
    "merchant",
    "account",
    "reference",
    "authorization",
    "reverses_id",
    "same_as_id",
    "created_at",
    "looks_like_id",
    "counterpart_id",
    "counts",
)
"""The columns of the CSV export; new ones are only ever added at the end."""

_LISTED = ("id", "user_id", "occurred_at", "kind", "direction", "status", "amount", "currency", "merchant", "bank")
_OF_STRANGERS = ("merchant", "account", "reference", "authorization")
# Spreadsheets take such a cell for a formula (OWASP, "CSV Injection"); the wide forms are those of Japanese ones.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - meant
_user_option = click.option("--user", metavar="USER", help="Only those of a user.")


@verb("list")
@_user_option
@click.option("--limit", type=values.Checked("number", values.whole), metavar="N", help="Only the newest so many.")
def list_all(call: Call, user: str | None, limit: int | None) -> None:
    """List transactions.

    By id, the newest last. What was retracted is left out.
    """

    async def work(connection: Connection) -> list[Record]:
        newest = store.export(connection, user_id=user, limit=limit, newest_first=True)
        return [record async for record in newest][::-1]

    records = reading(call.settings(), work)
    if call.as_json:
        answer_json({"transactions": records})
    else:
        table(_LISTED, ([record[name] for name in _LISTED] for record in records))


@verb("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="How; csv unless --json is given.")
@_user_option
@click.option("--since", metavar="WHEN", help="Only those made or changed since: ISO 8601, or 36h for so long ago.")
@click.option(
    "--after-id", type=values.Checked("id", values.whole), default="0", metavar="ID", help="Only ids beyond this one."
)
def export(call: Call, form: str | None, user: str | None, since: str | None, after_id: int) -> None:
    """Write transactions as CSV or JSON lines.

    By id. In CSV a text of the mail that a spreadsheet would take for a formula begins with an apostrophe.
    """
    if form == "csv" and call.as_json:
        raise click.UsageError("--json means --format jsonl: give one of them.")
    settings = call.settings()
    start = None if since is None else values.gone(since, now=datetime.now(UTC), where=settings.zone)
    write = _write_lines if call.as_json or form == "jsonl" else _write_csv
    reading(settings, lambda c: write(store.export(c, user_id=user, after_id=after_id, since=start)))


async def _write_lines(records: AsyncIterator[Record]) -> None:
    async for record in records:
        sys.stdout.buffer.write(json_line(record))


async def _write_csv(records: AsyncIterator[Record]) -> None:
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    _pass_on(text)
    async for record in records:
        told = {name: _harmless(record[name]) for name in _OF_STRANGERS}
        rows.writerow(record | told | {"counts": str(record["counts"]).lower()})
        _pass_on(text)


def _pass_on(text: io.StringIO) -> None:
    sys.stdout.buffer.write(text.getvalue().encode("utf-8", "replace"))
    text.seek(0)
    text.truncate()


def _harmless(value: str | None) -> str | None:
    return f"'{value}" if value is not None and value.startswith(_FORMULA) else value
