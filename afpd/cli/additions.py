"""`afpd integrations add`: one integration, or a whole list in one transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from afpd.cli import values
from afpd.cli.answer import answer, answer_json
from afpd.cli.call import Call, verb
from afpd.cli.integrations import find, find_all
from afpd.cli.opened import writing
from afpd.cli.tokens import read_list, read_token
from afpd.config import ServiceAccount, Settings, read_service_account
from afpd.errors import SecretError
from afpd.keyring import Keyring
from afpd.model import Credential
from afpd.store import integrations as store
from afpd.store.database import Connection
from afpd.store.integrations import NewIntegration
from afpd.store.opening import keyring_of, open_for_verb


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one: its record, and whether it is new."""

    record: dict[str, Any]
    is_new: bool

    def as_record(self) -> dict[str, Any]:
        """Return it as it is answered in JSON."""
        return {**self.record, "new": self.is_new}

    def in_words(self) -> str:
        """Return it as a line for people."""
        whose = f"integration {self.record['id']} of user {self.record['user_id']} ({self.record['email_account']})"
        if self.is_new:
            return f"{whose}: added"
        is_delegated = self.record["credential"] == Credential.SERVICE_ACCOUNT
        means = "the service account reads it" if is_delegated else "it has the new token"
        return f"{whose}: was known; {means} and its error is cleared"


@verb("add")
@values.user_option
@values.email_option
@click.option("--refresh-token-file", "token_file", metavar="FILE|-", help="The token: a file of mode 0600, or stdin.")
@values.service_account_option
@values.every_option
@click.option("--from", "list_file", metavar="FILE|-", help="Many at once: a JSON object a line, all or nothing.")
def add(
    call: Call,
    user: str | None,
    email: str | None,
    token_file: str | None,
    service_account: bool,
    every: timedelta | None,
    list_file: str | None,
) -> None:
    """Add integrations, or give known ones a new token.

    A known user and address keep id, cursor and history. What was added is due at once. A line of --from is
    {"user": "17", "email": "ana@gmail.com", "refresh_token": "…", "every": "5m"}; every may be left out, and
    "credential": "service_account" may stand in place of the token.
    """
    how = True if service_account else None
    if list_file is not None:
        if any(value is not None for value in (user, email, token_file, how, every)):
            raise click.UsageError("--from brings users, addresses and tokens: give it alone.")
        _add_list(call, list_file)
        return
    if token_file is not None and service_account:
        raise click.UsageError("--service-account needs no token: give one of the two.")
    wanted = {"--user": user, "--email": email, "--refresh-token-file (or --service-account)": token_file or how}
    if user is None or email is None or not (token_file or how):
        missing = ", ".join(name for name, value in wanted.items() if value is None)
        raise click.UsageError(f"Missing {missing}; or give --from FILE.")
    settings = call.settings()
    token = None if token_file is None else read_token(token_file)
    report(call, add_one(settings, NewIntegration(user, email, token, every)))


def require_account(settings: Settings) -> ServiceAccount:
    """Return the service account of the configuration. Raises SecretError where there is none, ConfigError."""
    account = read_service_account(settings)
    if account is None:
        raise SecretError(
            "gmail.service_account_file is not set: name the key of the service account that Google's console gave"
        )
    return account


def ready_to_add(settings: Settings) -> Keyring:
    """Make the database and its key where there are none yet, and return the key. Raises ConfigError, SecretError."""
    open_for_verb(settings, creates=True)
    return keyring_of(settings)


def add_one(settings: Settings, new: NewIntegration) -> Added:
    """Add one integration. Raises ConfigError, SecretError, StorageUnavailable."""
    return _add_all(settings, [new])[0]


def report(call: Call, added: Added) -> None:
    """Answer with what became of one."""
    if call.as_json:
        answer_json(added.as_record())
    else:
        answer(added.in_words())


def _add_list(call: Call, source: str) -> None:
    settings = call.settings()
    added = _add_all(settings, read_list(source))
    if call.as_json:
        answer_json({"integrations": [one.as_record() for one in added]})
        return
    answer(*(one.in_words() for one in added))
    new = sum(one.is_new for one in added)
    answer(f"{new} added, {len(added) - new} known")


def _add_all(settings: Settings, integrations: list[NewIntegration]) -> list[Added]:
    if any(new.credential is Credential.SERVICE_ACCOUNT for new in integrations):
        require_account(settings)
    keyring, now = ready_to_add(settings), datetime.now(UTC)

    async def work(connection: Connection) -> list[Added]:
        keys = await store.add_all(connection, integrations, keyring=keyring, now=now)
        if len(keys) == 1:
            return [Added(await find(connection, settings, key), is_new) for key, is_new in keys]
        records = await find_all(connection, settings)
        return [Added(records[key], is_new) for key, is_new in keys]

    return writing(settings, work)
