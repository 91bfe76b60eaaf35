"""`afpd triage`: the mails of known senders that no template reads, grouped by how they look."""

import secrets
import sys
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import click

from afpd import banks
from afpd.cli.answer import answer, answer_json, fields, hint, moment, table
from afpd.cli.bankfiles import library_of
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading, writing
from afpd.config import Settings
from afpd.errors import AfpdError, NotFound, ReadingError
from afpd.keyring import Keyring
from afpd.parse.message import read_message
from afpd.parse.redaction.mail import redact
from afpd.parse.redaction.vocabulary import vocabulary
from afpd.parse.shape import masked
from afpd.store import emails
from afpd.store.clusters import Cluster, ignore, list_clusters
from afpd.store.database import Connection
from afpd.store.opening import keyring_of
from afpd.store.sealed import open_body

_COLUMNS = ("cluster", "bank", "sender", "mails", "outcome", "first", "last", "example", "looks like")
_MOST_LINES = 60
_MINUTES = 16

Record = dict[str, Any]


@verb("list")
@click.option("--all", "with_ignored", is_flag=True, help="Also those that somebody ignores.")
def list_all(call: Call, with_ignored: bool) -> None:
    """List the groups of unread mails, those with the most mails first.

    A group holds mails of one sender that look alike and that no template reads; a mail that is read after all leaves
    it. Subjects are shown with dots for what varies.
    """
    settings = call.settings()
    found = reading(settings, lambda connection: list_clusters(connection, with_ignored=with_ignored))
    if call.as_json:
        answer_json({"clusters": [_record(one) for one in found]})
        return
    table(_COLUMNS, (_row(one, settings.zone) for one in found))
    if found:
        hint("`afpd triage show CLUSTER` shows one of its mails; docs/adding-a-bank.md leads to a template.")


@verb("show")
@click.argument("cluster", metavar="CLUSTER", type=int)
@click.option("--whole", is_flag=True, help="The mail as it is, with headers, unredacted: the start of a bank file.")
def show(call: Call, cluster: int, whole: bool) -> None:
    """Show a group, and one of its mails with names, numbers and addresses replaced.

    With --whole the mail goes to stdout as it was received, as an .eml file: it is somebody's.
    """
    settings = call.settings()
    one, body = reading(settings, lambda connection: _found(connection, cluster))
    if body is None:
        raise AfpdError(f"cluster {cluster}: the text of its mails is no longer kept")
    raw = _opened(keyring_of(settings), body)
    if whole and not call.as_json and not sys.stdout.isatty():
        click.echo(raw, nl=False)
        return
    lines = list(raw.decode("utf-8", "replace").splitlines() if whole else _redacted(settings, raw))
    if call.as_json:
        answer_json({**_record(one), "mail": "\n".join(lines)})
        return
    words = {
        name: moment(value, settings.zone) if isinstance(value, datetime) else value
        for name, value in _record(one).items()
    }
    fields(words)
    answer("", *lines)


@verb("ignore")
@click.argument("cluster", metavar="CLUSTER", type=int)
@click.option("--undo", is_flag=True, help="Bring it back.")
def ignore_one(call: Call, cluster: int, undo: bool) -> None:
    """Let a group stay out of the list, of the counts of /status and of alarms, with the mails it gets from now on.

    For mails that need no template, such as an offer. They stay kept and are still read again when bank files change.
    """
    settings = call.settings()
    if not writing(settings, lambda connection: ignore(connection, cluster, zone=settings.zone, undo=undo)):
        raise _none(cluster)
    if call.as_json:
        answer_json({"id": cluster, "ignored": not undo})
    else:
        answer(f"cluster {cluster}: {'counts again' if undo else 'is ignored'}")


async def _found(connection: Connection, cluster: int) -> tuple[Cluster, emails.PendingEmail | None]:
    one = next(iter(await list_clusters(connection, only=cluster)), None)
    if one is None:
        raise _none(cluster)
    kept = [] if one.example_id is None else await emails.load_pending(connection, [one.example_id])
    return one, next((email for email in kept if email.body is not None), None)


def _none(cluster: int) -> NotFound:
    return NotFound(f"no cluster {cluster}: `afpd triage list --all` shows them")


def _opened(keyring: Keyring, email: emails.PendingEmail) -> bytes:
    assert email.body is not None
    return open_body(keyring, email.integration_id, email.email_message_id, email.body)


def _redacted(settings: Settings, raw: bytes) -> Iterator[str]:
    """Yield the lines of a mail as a template sees them, with nothing in them that is somebody's."""
    sources = banks.shipped()
    for folder in settings.banks.folders:
        sources += banks.in_folder(folder)
    try:
        message = read_message(redact(raw, library_of(settings), vocabulary(sources), secrets.token_bytes(32)).raw)
        lines = [message.subject, "", *next(iter(message.bodies())).body.split("\n")]
    except (ReadingError, StopIteration):
        message = read_message(raw)
        body = next(message.bodies(), None)
        lines = [masked(message.subject), "", *(map(masked, body.body.split("\n")) if body else ())]
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"… and {len(lines) - _MOST_LINES} lines more"


def _record(one: Cluster) -> Record:
    return {
        "id": one.id,
        "bank": one.bank,
        "sender": one.sender,
        "emails": one.emails,
        "outcome": one.outcome.value,
        "state": one.state,
        "first_email_at": one.first_email_at,
        "last_email_at": one.last_email_at,
        "example_id": one.example_id,
        "subject": masked(one.subject or ""),
    }


def _row(one: Cluster, where: tzinfo) -> list[object]:
    first, last = (moment(at, where)[:_MINUTES] for at in (one.first_email_at, one.last_email_at))
    mark = " (ignored)" if one.is_ignored else ""
    outcome = f"{one.outcome.value}{mark}"
    return [one.id, one.bank, one.sender, one.emails, outcome, first, last, one.example_id, masked(one.subject or "")]
