"""The tables of the reading: kept mails, banks, transactions and what they were, and what watches over templates."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    text,
)

from afpd.store.columns import count, metadata, word
from afpd.store.types import Money, UserId, UtcDateTime

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
    word("parsing_status", "pending"),
    Column("outcome_reason", Text),
    Column("bank_id", Integer),
    Column("template", String(255)),
    Column("template_version", Integer),
    count("attempts"),
    Column("node", String(64)),
    Column("lease_owner", String(64)),
    Column("lease_until", UtcDateTime),
    Column("processed_at", UtcDateTime),
    Column("created_at", UtcDateTime),
    Column("duplicate_of_id", Integer),  # only in adopted rows: the earlier row of the same mail
    word("found_by", "visit"),  # visit, or audit
    Column("sender_is_unknown", Boolean, nullable=False, server_default=false()),  # of a bank's domain, in no bank file
    Column("cluster_id", Integer),  # only unmatched ones: the mails of the same shape
    word("read_with"),  # fingerprint of the bank files that read it
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

banks = Table(
    "banks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String(64)),
    Column("name", String(255), nullable=False),
    Column("country", String(2)),
    count("emails_seen"),
    count("emails_success"),
    count("transactions_created"),
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
    count("ordinal"),  # place within the mail
    Column("bank_id", Integer),
    Column("template", String(255)),
    Column("template_version", Integer),
    Column("node", String(64)),
    word("kind", "other"),
    word("direction"),
    word("status", "approved"),
    Column("amount", Money),
    Column("currency", String(3)),
    Column("occurred_at", Text),  # ISO 8601 with offset, or a date
    word("dated_by"),
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
    word("provenance", "person"),
    word("state", "draft"),
    Column("created_at", UtcDateTime),
    Column("updated_at", UtcDateTime),
    Index("ux_templates", "bank_code", "name", "version", unique=True),
)

mail_clusters = Table(  # unmatched mails of one sender that look alike
    "mail_clusters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("bank_id", Integer),
    Column("sender", Text, nullable=False),
    Column("shape", String(64), nullable=False),
    word("state", "open"),
    count("emails"),
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
    count("matched"),
    count("failed"),
    PrimaryKeyConstraint("bank_id", "template", "day"),
    sqlite_with_rowid=False,
)

program_state = Table(  # small facts of the program itself, such as a wipe that is not finished
    "program_state",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
