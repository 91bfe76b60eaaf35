"""The groups of verbs that share a noun."""

import click

from afpd.cli.call import HELP, config_option
from afpd.cli.lazy import LazyGroup, Place

_INTEGRATIONS = {
    "add": Place("afpd.cli.additions", "add", "Add integrations, or give known ones a new token."),
    "connect": Place("afpd.cli.connect", "connect", "Let a person sign in with Google, and add what was granted."),
    "list": Place("afpd.cli.integrations", "list_all", "List integrations."),
    "show": Place("afpd.cli.integrations", "show", "Show everything about one integration."),
    "suspend": Place("afpd.cli.integrations", "suspend", "Stop visiting an integration, until a time or for good."),
    "resume": Place("afpd.cli.integrations", "resume", "Lead an integration out of suspended or error."),
    "remove": Place("afpd.cli.integrations", "remove", "Deactivate an integration and wipe its token."),
    "run-now": Place("afpd.cli.integrations", "run_now", "Ask the daemon for a visit at once."),
}
_BATCHES = {
    "list": Place("afpd.cli.batches", "list_all", "List batches, the newest first."),
    "show": Place("afpd.cli.batches", "show", "Show one batch with its results by user."),
}
_TRANSACTIONS = {
    "list": Place("afpd.cli.transactions", "list_all", "List transactions."),
    "export": Place("afpd.cli.transactions", "export", "Write transactions as CSV or JSON lines."),
}
_BANKS = {
    "list": Place("afpd.cli.banks", "list_all", "List banks and their statistics."),
    "check": Place("afpd.cli.banks", "check", "Prove a bank file as the daemon would."),
    "new": Place("afpd.cli.newbank", "new", "Write a bank file to begin with, from one mail."),
    "senders": Place("afpd.cli.senders", "senders", "List the senders whose mail is looked for, and since when."),
}
_TRIAGE = {
    "list": Place("afpd.cli.triage", "list_all", "List the groups of unread mails, those with the most mails first."),
    "show": Place(
        "afpd.cli.triage", "show", "Show a group, and one of its mails with names, numbers and addresses replaced."
    ),
    "ignore": Place(
        "afpd.cli.triage",
        "ignore_one",
        "Let a group stay out of the list, of the counts of /status and of alarms, with the mails it gets from now on.",
    ),
}
_DB = {
    "upgrade": Place("afpd.cli.db", "upgrade", "Make the database, or bring it to this version."),
    "check": Place("afpd.cli.db", "check", "Look whether the database is sound."),
    "backup": Place("afpd.cli.db", "backup", "Write a consistent copy, also while the daemon runs."),
}


@click.group(cls=LazyGroup, places=_INTEGRATIONS, context_settings=HELP)
@config_option
def integrations() -> None:
    """The followed mailboxes: add, look at, change."""


@click.group(cls=LazyGroup, places=_BATCHES, context_settings=HELP)
@config_option
def batches() -> None:
    """What each import tick did."""


@click.group(cls=LazyGroup, places=_TRANSACTIONS, context_settings=HELP)
@config_option
def transactions() -> None:
    """What the mails told: list and export."""


@click.group(cls=LazyGroup, places=_BANKS, context_settings=HELP)
@config_option
def banks() -> None:
    """The banks that are read, and bank files of one's own."""


@click.group(cls=LazyGroup, places=_TRIAGE, context_settings=HELP)
@config_option
def triage() -> None:
    """The mails that no template reads, by how they look."""


@click.group(cls=LazyGroup, places=_DB, context_settings=HELP)
@config_option
def db() -> None:
    """The database: upgrade, check, backup."""
