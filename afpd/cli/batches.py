"""`afpd batches`: what each import tick did."""

from dataclasses import asdict
from datetime import datetime

import click

from afpd.cli.answer import answer, answer_json, fields, hint, moment, table
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading
from afpd.cli.values import LARGEST_ID
from afpd.errors import NotFound
from afpd.store.batches import Batch, find_batch, list_batches
from afpd.store.database import Connection

_COLUMNS = ("id", "started", "status", "integrations", "found", "kept", "errors", "seconds", "remark")


@verb("list")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="The newest so many.",
)
def list_all(call: Call, limit: int) -> None:
    """List batches, the newest first."""
    settings = call.settings()
    found = reading(settings, lambda connection: list_batches(connection, limit=limit))
    if call.as_json:
        answer_json({"batches": [asdict(batch) for batch in found]})
        return
    table(_COLUMNS, ((batch.id, moment(batch.started_at, settings.zone), *_figures(batch)) for batch in found))
    if len(found) == limit:
        hint(f"the newest {limit}; --limit shows more")


@verb("show")
@click.argument("batch_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
def show(call: Call, batch_id: int) -> None:
    """Show one batch with its results by user."""
    settings = call.settings()

    async def work(connection: Connection) -> Batch:
        batch = await find_batch(connection, batch_id)
        if batch is None:
            raise NotFound(f"no batch {batch_id}: `afpd batches list` shows them; old ones are cleaned up")
        return batch

    batch = reading(settings, work)
    if call.as_json:
        answer_json(asdict(batch))
        return
    record = asdict(batch) | {"user_results": None}
    record.pop("user_results")
    fields(
        {name: moment(value, settings.zone) if isinstance(value, datetime) else value for name, value in record.items()}
    )
    for user, results in (batch.user_results or {}).items():
        answer(f"  {user}: {_result(results)}")


def _figures(batch: Batch) -> tuple[object, ...]:
    return (
        batch.status,
        batch.batch_size,
        batch.total_emails_found,
        batch.total_emails_processed,
        batch.errors,
        batch.processing_duration_seconds,
        batch.error_message,
    )


def _result(results: object) -> str:
    if not isinstance(results, dict):
        return str(results)
    errors = [
        f"integration {key}: {one['error']}"
        for key, one in results.get("integrations", {}).items()
        if isinstance(one, dict) and one.get("error")
    ]
    kept = f"{results.get('emails_processed', 0)} of {results.get('emails_found', 0)} mails kept"
    return "; ".join([kept, *errors])
