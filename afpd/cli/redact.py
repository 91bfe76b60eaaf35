"""`afpd redact`: a mail with its layout as it is, and nothing in it that is somebody's."""

import secrets
import sys
from pathlib import Path

import click

from afpd import banks
from afpd.cli.answer import answer_json, hint
from afpd.cli.bankfiles import library_of
from afpd.cli.call import Call, verb
from afpd.parse.authenticity import Policy
from afpd.parse.library import Library
from afpd.parse.message import read_message
from afpd.parse.redaction.mail import Redacted, redact
from afpd.parse.redaction.vocabulary import vocabulary


@verb("redact")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", metavar="PATH", type=click.Path(dir_okay=False, path_type=Path), help="Write the mail there.")
def redact_file(call: Call, file: Path, output: Path | None) -> None:
    """Replace names, addresses, numbers and keys of a mail, so that it can be shared as a sample.

    Structure, layout, lengths and separators stay, and so do times, days and months; years go 28 ahead. The mail is
    written to stdout, or to --output. Needs no configuration; with --config the bank files of its folders count too.
    """
    settings = call.settings() if call.config_file else None
    library = library_of(settings)
    sources = [
        *banks.shipped(),
        *(one for path in (settings.banks.folders if settings else ()) for one in banks.in_folder(path)),
    ]
    raw = file.read_bytes()
    done = redact(raw, library, vocabulary(sources), secrets.token_bytes(32))
    if output:
        output.write_bytes(done.raw)
    if call.as_json:
        answer_json(_record(file, output, done, library))
    elif not output:
        sys.stdout.buffer.write(done.raw)
        sys.stdout.buffer.flush()
    hint(f"replaced, and looked for again: {done.names} names, {done.digit_groups} groups of digits")


def _record(file: Path, output: Path | None, done: Redacted, library: Library) -> dict[str, object]:
    when = read_message(done.raw).date
    reading = library.read(done.raw, received_at=when, policy=Policy.WARN) if when else None
    return {
        "file": str(file),
        "output": str(output) if output else None,
        "bank": reading.bank if reading else None,
        "template": reading.template if reading else None,
        "names": done.names,
        "digit_groups": done.digit_groups,
        "mail": None if output else done.raw.decode("utf-8", "replace"),
    }
