"""What a database of the replaced system looks like: its tables, and the columns that mean the same in both systems."""

import sqlite3
from collections.abc import Mapping

from afpd.errors import ConfigError
from afpd.store.migrations import VERSION_TABLE
from afpd.store.sqlite import column_names, table_names

# A column of ours that the replaced system has too, with the same meaning: kept in place. Any other column of its own
# that happens to have a name of ours steps aside (see afpd.store.adoption.columns).
SHARED: Mapping[str, frozenset[str]] = {
    "users": frozenset({"id", "created_at"}),
    "integrations": frozenset(
        {"id", "user_id", "provider", "email_account", "is_active", "last_sync", "created_at", "updated_at"}
    ),
    "email_import_jobs": frozenset({"id", "status", "started_at", "completed_at", "error_message"}),
    "email_parsing_jobs": frozenset(
        {
            *("id", "email_import_job_id", "bank_id", "email_message_id", "email_subject", "email_from"),
            *("parsing_status", "processed_at", "created_at"),
        }
    ),
    "banks": frozenset({"id", "name", "country"}),
    "transactions": frozenset(
        {
            *("id", "user_id", "email_parsing_job_id", "bank_id", "amount", "currency", "created_at", "updated_at"),
            *("merchant", "account", "reference", "authorization"),
        }
    ),
}
LEGACY_TABLES = tuple(SHARED)
_ESSENTIAL: Mapping[str, frozenset[str]] = {
    "users": frozenset({"id"}),
    "integrations": frozenset({"id", "user_id", "email_account", "is_active", "refresh_token"}),
    "email_import_jobs": frozenset({"id", "integration_id", "status"}),
    "email_parsing_jobs": frozenset({"id", "email_import_job_id", "email_message_id"}),
    "banks": frozenset({"id", "name"}),
    "transactions": frozenset({"id", "user_id", "email_parsing_job_id", "amount"}),
}


def looks_legacy(connection: sqlite3.Connection) -> bool:
    """Tell whether the replaced system made this database and afpd never changed it."""
    names = table_names(connection)
    return VERSION_TABLE not in names and any(name in names for name in LEGACY_TABLES)


def require_shape(connection: sqlite3.Connection, own_tables: frozenset[str]) -> None:
    """Raise ConfigError, before anything is changed, when the tables are not what a merge can keep.

    `own_tables` are all tables of afpd: one that the replaced system does not have must not exist yet.
    """
    names = table_names(connection)
    if "integrations" not in names:
        raise ConfigError("the database has tables of another program under names of afpd's: give afpd one of its own")
    if taken := sorted((own_tables - set(LEGACY_TABLES)) & set(names)):
        raise ConfigError(f"the database has a table {taken[0]!r} of another program: rename it, afpd needs the name")
    for table, wanted in _ESSENTIAL.items():
        if table in names and (missing := sorted(wanted - column_names(connection, table))):
            raise ConfigError(f"the table {table!r} has no column {missing[0]!r}: the database is not one to take over")


def chosen_columns(connection: sqlite3.Connection, table: str, *names: str) -> str:
    """Return the select list of columns of which some may be missing in this database; those read as NULL."""
    existing = column_names(connection, table)
    return ", ".join(name if name in existing else f"NULL AS {name}" for name in names)
