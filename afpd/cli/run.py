"""`afpd run`: the daemon."""

import click

from afpd.cli import values
from afpd.cli.answer import answer_json, hint
from afpd.cli.call import Call, verb


@verb("run")
@click.option(
    "--only",
    type=values.Checked("ids", values.ids),
    metavar="ID[,ID]",
    help="Visit, and of an older database take over, only these integrations.",
)
def run(call: Call, only: frozenset[int] | None) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    One at a time on a database. SIGHUP reads the configuration again; a second SIGINT ends at once.
    """
    from afpd.daemon import run as run_daemon  # noqa: PLC0415 - a wrong option is told before everything is loaded

    run_daemon(call.loaded(), only, hint)
    if call.as_json:
        answer_json({"stopped": True})
