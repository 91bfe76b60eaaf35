"""`afpd banks new`: a bank file to begin with, made of a mail."""

from pathlib import Path

import click

from afpd.cli.answer import answer_json, hint
from afpd.cli.call import Call, verb
from afpd.errors import AfpdError
from afpd.parse.skeleton import skeleton


@verb("new")
@click.argument("file", metavar="EML", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", metavar="PATH", type=click.Path(dir_okay=False, path_type=Path), help="Write it there.")
def new(call: Call, file: Path, output: Path | None) -> None:
    """Write a bank file to begin with, from one mail.

    What was found is filled in, with a sample and a second one with another amount; what is guessed is marked with
    "# check". Needs no configuration. The mail's names and numbers are in it: `afpd redact` replaces them before.
    """
    source = skeleton(file.read_bytes())
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as opened:
                opened.write(source)
        except FileExistsError:
            raise AfpdError(f"{output}: is there already, and not overwritten") from None
    if call.as_json:
        answer_json({"file": str(file), "output": str(output) if output else None, "bank_file": source})
    elif output is None:
        click.echo(source, nl=False)
    hint(f"Look at every line marked with # check, then: afpd banks check {output or 'FILE'}")
