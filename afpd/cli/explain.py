"""`afpd explain`: mails from disk, read the way the daemon reads them, with the reasons."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from afpd.cli.answer import answer, answer_json, complain, hint
from afpd.cli.bankfiles import library_of
from afpd.cli.call import Call, verb
from afpd.cli.mailfiles import MailFile, mail_files
from afpd.errors import ReadingError
from afpd.model import Transaction
from afpd.parse.authenticity import Policy
from afpd.parse.library import Explanation, Library
from afpd.parse.message import read_message
from afpd.parse.trust import policy_of


@verb("explain")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
def explain(call: Call, paths: tuple[str, ...]) -> None:
    """Read mails as the daemon does, and say why they are read so.

    PATH is a file, or a folder: then every *.eml below it. The Date header counts as the time of receipt. Needs no
    configuration and opens no database; with --config its bank folders and its authentication rule count. Exit code 1
    when a file could not be opened.
    """
    settings = call.settings() if call.config_file else None
    library = library_of(settings)
    policy = policy_of(settings.banks) if settings else Policy.WARN
    refused: list[str] = []

    def refuse(path: str, why: str) -> None:
        refused.append(path)
        complain(f"{path}: cannot be opened: {why}")

    read = 0
    for read, file in enumerate(mail_files(paths, refuse), 1):  # noqa: B007 - counted for the hint below
        _tell(call, file, _explained(library, file, policy, with_values=not call.as_json))
    if not read and not refused:
        hint("no .eml file there: name files, or a folder that holds some")
    click.get_current_context().exit(1 if refused else 0)


def _explained(library: Library, file: MailFile, policy: Policy, *, with_values: bool) -> Explanation:
    received = _date_of(file.raw) or datetime.now(UTC)
    return library.explain(file.raw, received_at=received, policy=policy, with_values=with_values)


def _date_of(raw: bytes) -> datetime | None:
    try:
        return read_message(raw).date
    except ReadingError:
        return None


def _tell(call: Call, file: MailFile, explanation: Explanation) -> None:
    if call.as_json:
        answer_json(as_record(file, explanation))
    else:
        answer(*_in_words(file, explanation), "")


def as_record(file: MailFile, explanation: Explanation) -> dict[str, object]:
    """Return the record of one mail as `explain --json` prints it."""
    reading = explanation.reading
    return {
        "file": file.name,
        "bank": reading.bank,
        "template": reading.template,
        "template_version": reading.template_version,
        "outcome": reading.outcome.value,
        "why": reading.why,
        "authentication": explanation.authentication,
        "transactions": [transaction.as_record() for transaction in reading.transactions],
    }


def _in_words(file: MailFile, explanation: Explanation) -> Iterator[str]:
    reading = explanation.reading
    yield file.name
    yield f"  {reading.outcome.value}: {reading.why}"
    yield f"  subject: {explanation.subject or '-'}"
    yield f"  sender: {explanation.sender or '-'}; {explanation.authentication or 'not looked at'}"
    if reading.template:
        yield f"  read by {reading.bank}, template {reading.template}, version {reading.template_version}"
    for transaction in reading.transactions:
        yield f"  {_sentence(transaction)}"
    for found in explanation.values:
        told = ", ".join(f"{name} {value!r}" for name, value in found.items() if value)
        yield f"  found in the text: {told}"
    for name, why in explanation.templates:
        yield f"  template {name}: {why}"


def _sentence(transaction: Transaction) -> str:
    told = transaction.as_record()
    movement = f"{told['status']} {told['kind']} ({told['direction']}) of {told['amount']} {told['currency']}"
    keys = ("merchant", "account", "reference", "authorization")
    rest = "".join(f", {key} {told[key]}" for key in keys if told[key] is not None)
    return f"{movement} on {told['occurred_at']} (time from {told['dated_by']}){rest}"
