"""`afpd banks`: the banks with their statistics, and the proof of a bank file."""

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import click

from afpd.banks import BankSource
from afpd.cli.answer import answer, answer_json, complain, moment, table
from afpd.cli.bankfiles import library_of
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading
from afpd.errors import AfpdError, TemplateError
from afpd.parse.bank import Bank
from afpd.parse.sources import code_of
from afpd.store.banks import BankRow, list_banks

Record = dict[str, Any]
_COLUMNS = ("code", "name", "country", "templates", "mails seen", "read", "transactions", "last mail")


@verb("list")
def list_all(call: Call) -> None:
    """List banks and their statistics.

    Those of the shipped bank files and of one's own; statistics begin with the first `afpd run`.
    """
    settings = call.settings()
    library = library_of(settings)
    rows = reading(settings, list_banks)
    known = {row.code: row for row in rows if row.code}
    records = [_record(bank, known.get(bank.code)) for bank in library.banks]
    # A bank of the replaced system, or one whose file was taken away.
    codes = {bank.code for bank in library.banks}
    records += [_record(None, row) for row in rows if row.code not in codes]
    if call.as_json:
        answer_json({"banks": records})
    else:
        table(_COLUMNS, (_row(record, settings.zone) for record in records))


@verb("check")
@click.argument("file", metavar="FILE")
def check(call: Call, file: str) -> None:
    """Prove a bank file as the daemon would.

    Its samples must be read exactly and its refusals not at all, and no shipped bank may have its senders. Needs no
    configuration; with --config the files of its folders count as well. Exit code 1 when it does not prove; every
    mistake has file and line.
    """
    source = _read(Path(file))
    settings = call.settings() if call.config_file else None
    try:
        library = library_of(settings, beside=[source], without=Path(file))
        bank = next(bank for bank in library.banks if bank.code == code_of(source))
    except TemplateError as error:
        _refuse(call, file, str(error).splitlines())
    else:
        _accept(call, file, bank)


def _accept(call: Call, file: str, bank: Bank) -> None:
    templates = [{"name": template.name, "version": template.version} for template in bank.templates]
    if call.as_json:
        record = {"code": bank.code, "name": bank.name, "templates": templates, "problems": []}
        answer_json({"file": file, "ok": True, **record})
    else:
        answer(f"{file}: proves: {bank.name} ({bank.code}), {len(templates)} templates")


def _refuse(call: Call, file: str, problems: list[str]) -> None:
    if call.as_json:
        answer_json({"file": file, "ok": False, "problems": problems})
    else:
        answer(*problems)
    complain(f"{file}: does not prove, {len(problems)} {'mistake' if len(problems) == 1 else 'mistakes'} to mend")
    click.get_current_context().exit(1)


def _read(path: Path) -> BankSource:
    try:
        return BankSource(str(path), path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise AfpdError(f"{path}: cannot be read: {reason}; name a bank file") from None


def _record(bank: Bank | None, row: BankRow | None) -> Record:
    return {
        "id": row.id if row else None,
        "code": bank.code if bank else row and row.code,
        "name": bank.name if bank else row and row.name,
        "country": bank.country if bank else row and row.country,
        "templates": len(bank.templates) if bank else 0,
        "emails_seen": row.emails_seen if row else 0,
        "emails_success": row.emails_success if row else 0,
        "transactions_created": row.transactions_created if row else 0,
        "last_email_at": row.last_email_at if row else None,
    }


def _row(record: Record, where: tzinfo) -> list[object]:
    values = [value for name, value in record.items() if name != "id"]
    return [moment(value, where) if isinstance(value, datetime) else value for value in values]
