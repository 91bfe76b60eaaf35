"""`afpd replay`: read kept mails again with the bank files of now; show what would change, or change it."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import click

from afpd.cli import values
from afpd.cli.answer import answer_json, hint, table
from afpd.cli.bankfiles import library_of
from afpd.cli.call import Call, verb
from afpd.clock import SystemClock
from afpd.config import Settings
from afpd.errors import NotFound
from afpd.loops.replaying import Difference, Replaying
from afpd.model import Outcome
from afpd.parse.library import Library
from afpd.parse.trust import policy_of
from afpd.store.bookings import Change
from afpd.store.database import Database
from afpd.store.opening import keyring_of, open_for_verb
from afpd.store.replays import Wanted

_AT_ONCE = 200
_OUTCOMES = [outcome.value for outcome in Outcome if outcome is not Outcome.PENDING]
_SUMMED = ("emails", "different", "added", "changed", "lost", "unreadable")

Record = dict[str, Any]


@verb("replay")
@click.option("--bank", metavar="CODE", help="Only mails of a bank, and those that would become its.")
@click.option("--since", metavar="WHEN", help="Only mails received since: ISO 8601, or 36h for so long ago.")
@click.option(
    "--outcome", multiple=True, type=click.Choice(_OUTCOMES), help="Only mails that ended so. May be repeated."
)
@click.option("--diff", is_flag=True, help="Show what would change and change nothing. So it is without --apply.")
@click.option("--apply", "applies", is_flag=True, help="Change it: ids stay, former states are kept as revisions.")
def replay(
    call: Call, bank: str | None, since: str | None, outcome: tuple[str, ...], diff: bool, applies: bool
) -> None:
    """Read kept mails again with the bank files of now.

    Shows the transactions that would be added, changed and lost, with their fields. With --apply they are: the id of
    a transaction stays, its revision counts up, and what no template finds any more is retracted. Mails whose text is
    no longer kept cannot be read again.
    """
    if diff and applies:
        raise click.UsageError("--diff changes nothing and --apply does: give one of them.")
    settings = call.settings()
    library = library_of(settings)
    if bank is not None and bank not in {one.code for one in library.banks}:
        raise NotFound(f"--bank: no bank {bank}: `afpd banks list` shows them")
    start = None if since is None else values.gone(since, now=datetime.now(UTC), where=settings.zone)
    wanted = Wanted([Outcome(one) for one in outcome or _OUTCOMES], bank, start)
    sums, found = asyncio.run(_replayed(settings, library, wanted, applies))
    _answer(call, sums, found, applies)


async def _replayed(
    settings: Settings, library: Library, wanted: Wanted, applies: bool
) -> tuple[dict[str, int], list[Record]]:
    open_for_verb(settings, creates=False)
    keyring = keyring_of(settings)
    sums, found = dict.fromkeys(_SUMMED, 0), list[Record]()
    policy = policy_of(settings.banks)
    async with Database(settings.database.sqlite_path) as database:
        node, zone = settings.daemon.node_name, settings.zone
        replaying = Replaying(database, keyring, library, policy, node, SystemClock(), zone)
        async with aclosing(replaying.pages(wanted, applies=applies, at_once=_AT_ONCE)) as pages:
            async for page in pages:
                sums["emails"] += page.seen
                sums["unreadable"] += page.unreadable
                sums["different"] += len(page.different)
                for one in page.different:
                    found.append(_record(one))
                    for change in one.changes:
                        sums[change.kind] += 1
    return sums, found


def _record(one: Difference) -> Record:
    kept, reading = one.kept, one.reading
    return {
        "email_parsing_job_id": kept.email.id,
        "integration_id": kept.email.integration_id,
        "email_message_id": kept.email.email_message_id,
        "bank": [kept.bank, reading.bank],
        "template": [kept.template, reading.template],
        "outcome": [kept.outcome.value, reading.outcome.value],
        "why": reading.why,
        "transactions": [_change(change, reading.has_unique_reference) for change in one.changes],
    }


def _change(change: Change, has_unique_reference: bool) -> Record:
    """Return a change with the fields that it concerns: of what is changed, [before, after] each."""
    told = None if change.told is None else change.told.as_record()
    fields: Record = told or {}
    if change.kind == "changed" and told is not None:
        after = told | {"has_unique_reference": str(has_unique_reference)}
        fields = {name: [_plain(former), after[name]] for name, former in change.before.items() if name in after}
    return {"change": change.kind, "id": change.id, "fields": fields}


def _plain(value: object) -> object:
    return None if value is None else str(value)


def _answer(call: Call, sums: dict[str, int], found: list[Record], applies: bool) -> None:
    if call.as_json:
        answer_json({"applied": applies, **sums, "differences": found})
        return
    rows = [_row(record, change) for record in found for change in record["transactions"] or [None]]
    table(("job", "bank", "outcome", "change", "id", "fields"), rows)
    read = f"{sums['emails']} mails read again, {sums['different']} differently"
    hint(f"{read}: {sums['added']} transactions added, {sums['changed']} changed, {sums['lost']} lost.")
    if sums["unreadable"]:
        hint(f"{sums['unreadable']} could not be read: the log says why.")
    if found and not applies:
        hint("Nothing was changed: --apply does it.")


def _row(record: Record, change: Record | None) -> list[object]:
    before, after = record["outcome"]
    outcome = after if before == after else f"{before} → {after}"
    start = [record["email_parsing_job_id"], record["bank"][1] or record["bank"][0], outcome]
    if change is None:
        return [*start, None, None, None]
    return [*start, change["change"], change["id"], _in_words(change)]


def _in_words(change: Record) -> str:
    if change["change"] != "changed":
        shown = ("amount", "currency", "merchant", "occurred_at")
        return " ".join(str(change["fields"][name]) for name in shown if change["fields"].get(name))
    return ", ".join(f"{name}: {before} → {after}" for name, (before, after) in change["fields"].items())
