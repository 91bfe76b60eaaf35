"""The tables. Names are those of product.md; what each column is for stands beside it.

There are no foreign keys on purpose: jobs are pruned while transactions stay, and an adopted database may
hold rows whose parents are long gone. Uniqueness, which retries rely on, is declared here.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    text,
    true,
)

from afpd.store.types import Money, UserId, UtcDateTime

metadata = MetaData()


def _count(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _word(name: str, default: str | None = None) -> Column[Any]:
    if default is None:
        return Column(name, String(64))
    return Column(name, String(64), nullable=False, server_default=text(f"'{default}'"))


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
    _word("provider", "gmail"),
    Column("email_account", String(320), nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    _word("import_status", "waiting"),
    Column("last_run_at", UtcDateTime),
    Column("next_run_at", UtcDateTime),  # empty: due at once
    _count("run_frequency_minutes", 5),
    Column("run_every_seconds", Float),  # exact; counts only while run_frequency_minutes is this rounded up
    _count("emails_processed_today"),
    _count("emails_found_today"),
    Column("stats_date", String(10)),  # the day, in the configured zone, that the two counts belong to
    Column("last_error_message", Text),
    Column("last_error_at", UtcDateTime),
    Column("suspend_until", UtcDateTime),  # empty while suspended: until somebody resumes it
    Column("suspend_reason", Text),
    Column("last_sync", UtcDateTime),  # the last completed sync; an older system's last one until the first of ours
    Column("last_verified_at", UtcDateTime),  # the last completed sync of ours, also one that found nothing
    _count("failures_in_a_row"),
    Column("revoked_since", UtcDateTime),  # first invalid_grant of the episode, until it is confirmed or over
    Column("sealed_refresh_token", LargeBinary),
    Column("sealed_access_token", LargeBinary),
    Column("access_token_expires_at", UtcDateTime),
    Column("cursor", Text),  # historyId up to which we have read; an unsigned 64-bit number, so text
    Column("watermark_at", UtcDateTime),  # Gmail's time up to which searches have seen everything
    Column("search_from", UtcDateTime),  # from here on a search is owed: the first one, or a resync
    Column("search_until", UtcDateTime),  # up to here it is owed; empty: nothing of it is done yet
    _count("histories_refused"),  # in a row: how often Gmail called the cursor too old
    Column("reconciled_at", UtcDateTime),
    Column("look_again_at", UtcDateTime),  # search or download again then, whatever the bell says
    Column("lease_owner", String(64)),
    Column("lease_until", UtcDateTime),
    Column("run_now_at", UtcDateTime),  # somebody asked for a visit at once
    Column("first_mail_at", UtcDateTime),
    Column("last_mail_at", UtcDateTime),
    Column("usual_gap_days", Float),  # how long its banks usually are silent, from its own past
    _count("mail_gaps"),  # how many such silences that was learnt from
    _count("emails_total"),
    _count("emails_missing"),  # found by the daily reconcile although a regular visit should have seen them
    _word("credential", "oauth"),  # how its mailbox is opened: oauth, or service_account
    Column("granted_at", UtcDateTime),  # when its grant was given to us; empty in rows of a replaced system
    Column("active_at", UtcDateTime),  # Gmail's time when its bell last told of new mail
    Column("noticed_at", UtcDateTime),  # since when its owner's notice is out; empty: nothing to tell
    _count("searched_senders_id"),  # newest row of senders that its past was searched for
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
    _word("status", "running"),
    Column("node", String(64)),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("batch_size", Integer),  # empty in rows of the replaced system that are not adopted yet
    Column("total_emails_found", Integer),
    Column("total_emails_processed", Integer),
    _count("errors"),
    Column("processing_duration_seconds", Float),
    Column("user_results", JSON),
    Column("error_message", Text),
    Index("ix_email_import_jobs_status", "status", "completed_at"),
)

email_parsing_jobs = Table(
    "email_parsing_jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("integration_id", Integer),
    Column("email_import_job_id", Integer),
    Column("email_message_id", String(255), nullable=False),  # Gmail's id
    Column("rfc_message_id", Text),
    Column("email_subject", Text),
    Column("email_from", Text),
    Column("received_at", UtcDateTime),  # Gmail's internalDate
    Column("body", LargeBinary),  # the RFC 822 bytes, compressed, then sealed
    _word("parsing_status", "pending"),
    Column("outcome_reason", Text),
    Column("bank_id", Integer),
    Column("template", String(255)),
    Column("template_version", Integer),
    _count("attempts"),
    Column("node", String(64)),
    Column("lease_owner", String(64)),
    Column("lease_until", UtcDateTime),
    Column("processed_at", UtcDateTime),
    Column("created_at", UtcDateTime),
    Column("duplicate_of_id", Integer),  # only in adopted rows: the earlier row of the same mail
    _word("found_by", "visit"),  # visit, or audit
    Column("sender_is_unknown", Boolean, nullable=False, server_default=false()),  # of a bank's domain, in no bank file
    Column("cluster_id", Integer),  # only unmatched ones: the mails of the same shape
    _word("read_with"),  # fingerprint of the bank files that read it
    Index(
        "ux_email_parsing_jobs_email",
        "integration_id",
        "email_message_id",
        unique=True,
        sqlite_where=text("duplicate_of_id IS NULL"),
        postgresql_where=text("duplicate_of_id IS NULL"),
    ),
    Index("ix_email_parsing_jobs_pending", "parsing_status", "id"),
    Index("ix_email_parsing_jobs_processed", "parsing_status", "processed_at"),
    Index("ix_email_parsing_jobs_batch", "email_import_job_id"),
    Index("ix_email_parsing_jobs_cluster", "cluster_id"),
    Index(
        "ix_email_parsing_jobs_unknown",
        "sender_is_unknown",
        sqlite_where=text("sender_is_unknown"),
        postgresql_where=text("sender_is_unknown"),
    ),
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
    _word("reason", "unseen"),
    _count("attempts"),
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

banks = Table(
    "banks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String(64)),
    Column("name", String(255), nullable=False),
    Column("country", String(2)),
    _count("emails_seen"),
    _count("emails_success"),
    _count("transactions_created"),
    Column("last_email_at", UtcDateTime),
    Index("ux_banks_code", "code", unique=True),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", UserId, nullable=False),
    Column("integration_id", Integer),
    Column("email_parsing_job_id", Integer),
    Column("email_message_id", String(255)),
    _count("ordinal"),  # place within the mail
    Column("bank_id", Integer),
    Column("template", String(255)),
    Column("template_version", Integer),
    Column("node", String(64)),
    _word("kind", "other"),
    _word("direction"),
    _word("status", "approved"),
    Column("amount", Money),
    Column("currency", String(3)),
    Column("occurred_at", Text),  # ISO 8601 with offset, or a date
    _word("dated_by"),
    Column("merchant", Text),
    Column("account", String(64)),
    Column("reference", Text),
    Column("authorization", Text),
    Column("reverses_id", Integer),
    Column("same_as_id", Integer),
    Column("looks_like_id", Integer),  # perhaps the same movement told twice: for a person to decide, both count
    Column("counterpart_id", Integer),  # the other side of a transfer between accounts of the same user
    Column("has_unique_reference", Boolean, nullable=False, server_default=false()),  # its template declares it
    Column("revision", Integer),  # empty in rows of the replaced system that are not adopted yet
    Column("retracted_at", UtcDateTime),
    Column("created_at", UtcDateTime),
    Column("updated_at", UtcDateTime),
    Index("ux_transactions_email", "integration_id", "email_message_id", "ordinal", unique=True),
    Index("ix_transactions_created", "created_at"),
    Index("ix_transactions_user", "user_id", "id"),
    Index("ix_transactions_job", "email_parsing_job_id"),
    Index("ix_transactions_reference", "reference"),
    Index("ix_transactions_amount", "integration_id", "amount"),
    Index(
        "ix_transactions_reverses_id",
        "reverses_id",
        sqlite_where=text("reverses_id IS NOT NULL"),
        postgresql_where=text("reverses_id IS NOT NULL"),
    ),
    Index(
        "ix_transactions_same_as_id",
        "same_as_id",
        sqlite_where=text("same_as_id IS NOT NULL"),
        postgresql_where=text("same_as_id IS NOT NULL"),
    ),
    Index(
        "ix_transactions_looks_like_id",
        "looks_like_id",
        sqlite_where=text("looks_like_id IS NOT NULL"),
        postgresql_where=text("looks_like_id IS NOT NULL"),
    ),
    Index(
        "ix_transactions_counterpart_id",
        "counterpart_id",
        sqlite_where=text("counterpart_id IS NOT NULL"),
        postgresql_where=text("counterpart_id IS NOT NULL"),
    ),
)

transaction_revisions = Table(
    "transaction_revisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("transaction_id", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", JSON, nullable=False),  # the row as it was
    Column("reason", Text),
    Column("replaced_at", UtcDateTime, nullable=False),
    Index("ux_transaction_revisions", "transaction_id", "revision", unique=True),
)

templates = Table(  # templates that are not shipped: learnt, proposed by a model, or written by a person
    "templates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("bank_code", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False),  # in the language of a bank file
    _word("provenance", "person"),
    _word("state", "draft"),
    Column("created_at", UtcDateTime),
    Column("updated_at", UtcDateTime),
    Index("ux_templates", "bank_code", "name", "version", unique=True),
)

senders = Table(  # the banks' senders in the order in which bank files brought them; every mailbox's past is searched
    "senders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", String(320), nullable=False),
    Column("known_since", UtcDateTime, nullable=False),
    Index("ux_senders_address", "address", unique=True),
)

mail_clusters = Table(  # unmatched mails of one sender that look alike
    "mail_clusters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("bank_id", Integer),
    Column("sender", Text, nullable=False),
    Column("shape", String(64), nullable=False),
    _word("state", "open"),
    _count("emails"),
    Column("example_id", Integer),  # a parsing job that shows what they look like
    Column("first_email_at", UtcDateTime),
    Column("last_email_at", UtcDateTime),
    Index("ux_mail_clusters", "sender", "shape", unique=True),
)

template_days = Table(  # what each template read on each day, for its rate beside its own past; '': no template fitted
    "template_days",
    metadata,
    Column("bank_id", Integer, nullable=False),
    Column("template", String(255), nullable=False),
    Column("day", String(10), nullable=False),
    _count("matched"),
    _count("failed"),
    PrimaryKeyConstraint("bank_id", "template", "day"),
    sqlite_with_rowid=False,
)

quota_days = Table(  # units spent on each day of Google's, which is a day in Pacific time
    "quota_days",
    metadata,
    Column("day", String(10), primary_key=True),
    _count("units"),
    _count("visits"),
)

program_state = Table(  # small facts of the program itself, such as a wipe that is not finished
    "program_state",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
