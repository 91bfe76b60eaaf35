"""The tables of the import: mailboxes and their state, batches, and the ids that wait or were removed."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
    true,
)

from afpd.store.columns import count, metadata, word
from afpd.store.types import UserId, UtcDateTime

users = Table(
    "users",
    metadata,
    Column("id", UserId, primary_key=True),
    Column("created_at", UtcDateTime),
    Column("adopted_at", UtcDateTime),  # only in adopted rows: since when created_at is UTC
)

integrations = Table(
    "integrations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", UserId, nullable=False),
    word("provider", "gmail"),
    Column("email_account", String(320), nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    word("import_status", "waiting"),
    Column("last_run_at", UtcDateTime),
    Column("next_run_at", UtcDateTime),  # empty: due at once
    count("run_frequency_minutes", 5),
    Column("run_every_seconds", Float),  # exact; counts only while run_frequency_minutes is this rounded up
    count("emails_processed_today"),
    count("emails_found_today"),
    Column("stats_date", String(10)),  # the day, in the configured zone, that the two counts belong to
    Column("last_error_message", Text),
    Column("last_error_at", UtcDateTime),
    Column("suspend_until", UtcDateTime),  # empty while suspended: until somebody resumes it
    Column("suspend_reason", Text),
    Column("last_sync", UtcDateTime),  # the last completed sync; an older system's last one until the first of ours
    Column("last_verified_at", UtcDateTime),  # the last completed sync of ours, also one that found nothing
    count("failures_in_a_row"),
    Column("revoked_since", UtcDateTime),  # first invalid_grant of the episode, until it is confirmed or over
    Column("sealed_refresh_token", LargeBinary),
    Column("sealed_access_token", LargeBinary),
    Column("access_token_expires_at", UtcDateTime),
    Column("cursor", Text),  # historyId up to which we have read; an unsigned 64-bit number, so text
    Column("watermark_at", UtcDateTime),  # Gmail's time up to which searches have seen everything
    Column("search_from", UtcDateTime),  # from here on a search is owed: the first one, or a resync
    Column("search_until", UtcDateTime),  # up to here it is owed; empty: nothing of it is done yet
    count("histories_refused"),  # in a row: how often Gmail called the cursor too old
    Column("reconciled_at", UtcDateTime),
    Column("look_again_at", UtcDateTime),  # search or download again then, whatever the bell says
    Column("lease_owner", String(64)),
    Column("lease_until", UtcDateTime),
    Column("run_now_at", UtcDateTime),  # somebody asked for a visit at once
    Column("first_mail_at", UtcDateTime),
    Column("last_mail_at", UtcDateTime),
    Column("usual_gap_days", Float),  # how long its banks usually are silent, from its own past
    count("mail_gaps"),  # how many such silences that was learnt from
    count("emails_total"),
    count("emails_missing"),  # found by the daily reconcile although a regular visit should have seen them
    word("credential", "oauth"),  # how its mailbox is opened: oauth, or service_account
    Column("granted_at", UtcDateTime),  # when its grant was given to us; empty in rows of a replaced system
    Column("active_at", UtcDateTime),  # Gmail's time when its bell last told of new mail
    Column("noticed_at", UtcDateTime),  # since when its owner's notice is out; empty: nothing to tell
    count("searched_senders_id"),  # newest row of senders that its past was searched for
    Column("adopted_at", UtcDateTime),
    Column("created_at", UtcDateTime),
    Column("updated_at", UtcDateTime),
    Index("ix_integrations_due", "import_status", "is_active", "next_run_at"),
    Index("ix_integrations_suspended", "import_status", "is_active", "suspend_until"),
    Index("ix_integrations_leased", "import_status", "is_active", "lease_until"),
    Index("ix_integrations_user", "user_id", "email_account"),
    Index(
        "ix_integrations_noticed",
        "noticed_at",
        sqlite_where=text("noticed_at IS NOT NULL"),
        postgresql_where=text("noticed_at IS NOT NULL"),
    ),
    Index(
        "ix_integrations_run_now",
        "import_status",
        "run_now_at",
        sqlite_where=text("run_now_at IS NOT NULL"),
        postgresql_where=text("run_now_at IS NOT NULL"),
    ),
)

email_import_jobs = Table(
    "email_import_jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    word("status", "running"),
    Column("node", String(64)),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("batch_size", Integer),  # empty in rows of the replaced system that are not adopted yet
    Column("total_emails_found", Integer),
    Column("total_emails_processed", Integer),
    count("errors"),
    Column("processing_duration_seconds", Float),
    Column("user_results", JSON),
    Column("error_message", Text),
    Index("ix_email_import_jobs_status", "status", "completed_at"),
)

pruned_emails = Table(  # keys of mails whose jobs are gone, so that no resync books them again
    "pruned_emails",
    metadata,
    Column("integration_id", Integer, nullable=False),
    Column("email_message_id", String(255), nullable=False),
    PrimaryKeyConstraint("integration_id", "email_message_id"),
    sqlite_with_rowid=False,
)

parked_emails = Table(  # ids that must be looked at again: seen in the history but not in a search, or not downloaded
    "parked_emails",
    metadata,
    Column("integration_id", Integer, nullable=False),
    Column("email_message_id", String(255), nullable=False),
    word("reason", "unseen"),
    count("attempts"),
    Column("error", Text),
    Column("parked_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime),  # when to try again, or to forget an unseen one; empty: at the next search
    PrimaryKeyConstraint("integration_id", "email_message_id"),
    Index(
        "ix_parked_emails_poison",
        "reason",
        sqlite_where=text("reason = 'poison'"),
        postgresql_where=text("reason = 'poison'"),
    ),
    sqlite_with_rowid=False,
)

senders = Table(  # the banks' senders in the order in which bank files brought them; every mailbox's past is searched
    "senders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", String(320), nullable=False),
    Column("known_since", UtcDateTime, nullable=False),
    Index("ux_senders_address", "address", unique=True),
)

quota_days = Table(  # units spent on each day of Google's, which is a day in Pacific time
    "quota_days",
    metadata,
    Column("day", String(10), primary_key=True),
    count("units"),
    count("visits"),
)
