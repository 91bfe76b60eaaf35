"""The command `afpd`: its verbs, and how every error becomes one line on stderr and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, TextIO

import click

import afpd
from afpd.cli.answer import complain
from afpd.cli.call import HELP, config_option
from afpd.cli.lazy import LazyGroup, Place
from afpd.errors import AfpdError, ConfigError, TemplateError

_VERBS = {
    "run": Place("afpd.cli.run", "run", "Run the daemon until SIGTERM or SIGINT."),
    "check-config": Place("afpd.cli.configuration", "check_config", "Read the configuration and tell what is wrong."),
    "status": Place("afpd.cli.status", "status", "Ask the running daemon for its state."),
    "integrations": Place("afpd.cli.groups", "integrations", "The followed mailboxes: add, look at, change."),
    "batches": Place("afpd.cli.groups", "batches", "What each import tick did."),
    "transactions": Place("afpd.cli.groups", "transactions", "What the mails told: list and export."),
    "banks": Place("afpd.cli.groups", "banks", "The banks that are read, and bank files of one's own."),
    "replay": Place("afpd.cli.replay", "replay", "Read kept mails again with the bank files of now."),
    "triage": Place("afpd.cli.groups", "triage", "The mails that no template reads, by how they look."),
    "explain": Place("afpd.cli.explain", "explain", "Read mails as the daemon does, and say why they are read so."),
    "redact": Place(
        "afpd.cli.redact",
        "redact_file",
        "Replace names, addresses, numbers and keys of a mail, so that it can be shared as a sample.",
    ),
    "db": Place("afpd.cli.groups", "db", "The database: upgrade, check, backup."),
    "demo": Place("afpd.cli.rehearsal", "demo", "Show the whole of afpd on this machine, without an account."),
    "sandbox": Place("afpd.cli.rehearsal", "sandbox", "Run a Gmail on localhost with invented users and mails."),
}
_USAGE = 2
_INTERRUPTED = 130


class _ReaderLeft(Exception):
    """Whoever reads the answer has seen enough, as `| head` has."""


class Program(LazyGroup):
    """The outermost group; nothing that goes wrong leaves it but as an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb. A reader that leaves is told apart here: click would end with exit code 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderLeft from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and end the process with its exit code; not `standalone_mode`: as click does it."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        for stream in (sys.stdout, sys.stderr):
            _never_fail_to_encode(stream)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except (_ReaderLeft, BrokenPipeError):
            _close_stdout()
            sys.exit(0)
        except Exception as error:  # noqa: BLE001 - here every error becomes words and an exit code
            _close_stdout()
            sys.exit(_told(error))
        sys.exit(code if isinstance(code, int) else 0)


def _told(error: Exception) -> int:
    """Say on stderr what is wrong and what to do; return the exit code."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return _USAGE
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "afpd"
            complain(f"{error.format_message()} See `{path} --help`.")
            return _USAGE
        case click.Abort():
            complain("interrupted")
            return _INTERRUPTED
        case ConfigError() | TemplateError():
            complain(str(error), several_lines=True)
            return error.exit_code
        case AfpdError():
            complain(str(error))
            return error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            complain(f"{where}{error.strerror or error}")
            return 1
    traceback.print_exception(error)
    complain(f"this is a bug of afpd ({type(error).__name__}): please report it with the lines above")
    return 1


def _close_stdout() -> None:
    """Write what is still held back; where that fails, lead it nowhere: Python tries again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _never_fail_to_encode(stream: TextIO) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")


@click.group(
    cls=Program,
    places=_VERBS,
    context_settings=HELP,
    no_args_is_help=True,
    epilog="Every verb takes --json after it. docs/commands.md tells of each.",
)
@click.version_option(afpd.__version__, prog_name="afpd", message="%(prog)s %(version)s")
@config_option
def root() -> None:
    """Follow many Gmail accounts and turn the mails of banks into transactions."""
