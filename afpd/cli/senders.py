"""`afpd banks senders`: whose mail is looked for, and who writes from a bank's domain without being known."""

from dataclasses import asdict
from datetime import tzinfo
from typing import Any

import click

from afpd.cli.answer import answer_json, moment, table
from afpd.cli.bankfiles import library_of
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading
from afpd.parse.library import Library
from afpd.store.senders import list_senders, list_unknown

Record = dict[str, Any]
_COLUMNS = ("address", "bank", "known since")
_UNKNOWN_COLUMNS = ("address", "bank", "mails", "mailboxes", "first", "last")


@verb("senders")
@click.option("--unknown", is_flag=True, help="Those of the banks' domains that no bank file knows, found by audits.")
def senders(call: Call, unknown: bool) -> None:
    """List the senders whose mail is looked for, and since when.

    A sender that a bank file brings is searched for in the past of every mailbox, as far as `import.first_import`.
    """
    settings = call.settings()
    library = library_of(settings)
    if unknown:
        found: list[Record] = [asdict(one) for one in reading(settings, list_unknown)]
    else:
        found = [asdict(one) for one in reading(settings, list_senders)]
    records = [{**one, "bank": _bank(library, one["address"])} for one in found]
    if call.as_json:
        answer_json({"senders": records})
        return
    where = settings.zone
    if unknown:
        names = ("address", "bank", "emails", "integrations")
        table(_UNKNOWN_COLUMNS, ([*(one[name] for name in names), *_times(one, where)] for one in records))
    else:
        table(_COLUMNS, ((one["address"], one["bank"], moment(one["known_since"], where)) for one in records))


def _times(record: Record, where: tzinfo) -> list[str]:
    return [moment(record[name], where) for name in ("first_email_at", "last_email_at")]


def _bank(library: Library, address: str) -> str | None:
    """Return the code of the bank whose address or whose domain it is."""
    domain = address.lower().rpartition("@")[2]
    for bank in library.banks:
        if address.lower() in (own.lower() for own in bank.senders):
            return bank.code
        if any(domain == own.lower() or domain.endswith("." + own.lower()) for own in bank.domains):
            return bank.code
    return None
