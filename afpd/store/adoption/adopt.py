"""The order of adoption: each integration with all its rows in one transaction, then what belongs to none."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from afpd.errors import SecretError
from afpd.keyring import Keyring
from afpd.store.adoption.batches import adopt_batches
from afpd.store.adoption.emails import EmailContext, adopt_emails
from afpd.store.adoption.integrations import adopt_integration, count_mails
from afpd.store.adoption.transactions import adopt_transactions, finish_amounts
from afpd.store.adoption.users import adopt_users, fill_users
from afpd.store.adoption.wipe import finish_wipe, mark_wipe
from afpd.store.adoption.work import forget, gather, integrations_left, orphans_left, rows_left
from afpd.store.sqlite import column_names, transaction


@dataclass(frozen=True, slots=True)
class Adoption:
    """How many integrations were adopted now, how many still wait, and whether no trace of a plain token is left."""

    adopted: int
    waiting: int
    wiped: bool


@dataclass(frozen=True, slots=True)
class Adopter:
    """One start's adoption. `zone` is that of naive times, `now` the UTC moment that is written."""

    connection: sqlite3.Connection
    keyring: Keyring | None
    zone: tzinfo
    now: datetime
    say: Callable[[str], None]

    def run(self, only: frozenset[int] | None) -> Adoption:
        """Adopt what is left of all integrations, or of those in `only`; a second run finds nothing to do.

        Raises SecretError when there is something to seal and no keyring. Killed at any moment, the next run goes on.
        """
        adopted = waiting = 0
        if is_adopted_database(self.connection):
            gather(self.connection)
            adopted = self._adopt(only)
            if only is None:
                if orphans_left(self.connection):
                    self._adopt_orphans()
                finish_amounts(self.connection, self.say)
            forget(self.connection)
            waiting = _count_waiting(self.connection)
        self._tell(adopted, waiting)
        return Adoption(adopted, waiting, finish_wipe(self.connection, self.say))

    def _adopt(self, only: frozenset[int] | None) -> int:
        before = _count_waiting(self.connection)
        for key in integrations_left(self.connection, only):
            with transaction(self.connection):
                self._adopt_one(key)
        return before - _count_waiting(self.connection)

    def _adopt_one(self, key: int) -> None:
        user, wiped = adopt_integration(self.connection, key, self.zone, self.now, self._keys())
        adopt_users(self.connection, self.zone, self.now, user)
        for ids in rows_left(self.connection, "batches", key):
            adopt_batches(self.connection, ids, self.zone, self.now)
        for ids in rows_left(self.connection, "emails", key):
            wiped |= adopt_emails(self.connection, ids, key, self._email_context())
        for ids in rows_left(self.connection, "transactions", key):
            adopt_transactions(self.connection, ids, key, self.zone, self.now)
        count_mails(self.connection, key)
        if wiped:
            mark_wipe(self.connection, self.now)

    def _adopt_orphans(self) -> None:
        with transaction(self.connection):  # first: a start after a kill comes here only while rows are left
            adopt_users(self.connection, self.zone, self.now)
            fill_users(self.connection)
        for ids in rows_left(self.connection, "batches", None):
            with transaction(self.connection):
                adopt_batches(self.connection, ids, self.zone, self.now)
        for ids in rows_left(self.connection, "emails", None):
            with transaction(self.connection):
                if adopt_emails(self.connection, ids, None, self._email_context()):
                    mark_wipe(self.connection, self.now)
        for ids in rows_left(self.connection, "transactions", None):
            with transaction(self.connection):
                adopt_transactions(self.connection, ids, None, self.zone, self.now)

    def _keys(self) -> Keyring:
        if self.keyring is None:
            raise SecretError("the database holds plain tokens to seal, but there is no key: check [secrets] key_file")
        return self.keyring

    def _email_context(self) -> EmailContext:
        return EmailContext(self.zone, self.now, self._keys())

    def _tell(self, adopted: int, waiting: int) -> None:
        if adopted:
            left = f"; {waiting} still belong to the replaced system" if waiting else ""
            self.say(f"adopted {adopted} integrations with all their rows{left}")


def is_adopted_database(connection: sqlite3.Connection) -> bool:
    """Tell whether the replaced system made this database: only then there are rows of its own to look for."""
    return "refresh_token" in column_names(connection, "integrations")


def _count_waiting(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM integrations WHERE adopted_at IS NULL").fetchone()[0])
