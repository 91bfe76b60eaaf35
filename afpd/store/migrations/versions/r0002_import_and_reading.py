"""What the import's audit, quota and access need, and what replay, triage and drift of the reading need."""

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    false,
    inspect,
    text,
)

from afpd.store.types import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns to rows that stay as they are, and the new tables."""
    _add("integrations", _integrations())
    _learn_gaps()
    _add("email_parsing_jobs", _jobs())
    _add("transactions", _transactions())
    op.create_index("ix_email_parsing_jobs_cluster", "email_parsing_jobs", ["cluster_id"])
    op.create_index(
        "ix_email_parsing_jobs_unknown",
        "email_parsing_jobs",
        ["sender_is_unknown"],
        sqlite_where=text("sender_is_unknown"),
        postgresql_where=text("sender_is_unknown"),
    )
    op.create_index(
        "ix_parked_emails_poison",
        "parked_emails",
        ["reason"],
        sqlite_where=text("reason = 'poison'"),
        postgresql_where=text("reason = 'poison'"),
    )
    op.create_index(
        "ix_integrations_noticed",
        "integrations",
        ["noticed_at"],
        sqlite_where=text("noticed_at IS NOT NULL"),
        postgresql_where=text("noticed_at IS NOT NULL"),
    )
    op.create_index("ix_transactions_reference", "transactions", ["reference"])
    op.create_index("ix_transactions_amount", "transactions", ["integration_id", "amount"])
    for name in ("reverses_id", "same_as_id", "looks_like_id", "counterpart_id"):
        pointing = text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_transactions_{name}", "transactions", [name], sqlite_where=pointing, postgresql_where=pointing
        )
    _make_senders()
    _make_clusters()
    _make_days()


def _add(table: str, columns: list[Column[object]]) -> None:
    """Add what is missing: a table of the replaced system may have a column of that name."""
    present = {column["name"] for column in inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in present:
            op.add_column(table, column)


def _integrations() -> list[Column[object]]:
    return [
        Column("credential", String(64), nullable=False, server_default=text("'oauth'")),
        Column("active_at", UtcDateTime),
        Column("noticed_at", UtcDateTime),
        Column("granted_at", UtcDateTime),
        Column("searched_senders_id", Integer, nullable=False, server_default=text("0")),
        Column("search_until", UtcDateTime),
        Column("histories_refused", Integer, nullable=False, server_default=text("0")),
        Column("usual_gap_days", Float),
        Column("mail_gaps", Integer, nullable=False, server_default=text("0")),
    ]


def _learn_gaps() -> None:
    """Give mailboxes of many mails a usual silence, twice the mean one, so that none has to be learnt anew."""
    op.execute(
        "UPDATE integrations SET mail_gaps = 4, "
        "usual_gap_days = 2 * (julianday(last_mail_at) - julianday(first_mail_at)) / (emails_total - 1) "
        "WHERE emails_total >= 10 AND julianday(last_mail_at) - julianday(first_mail_at) > 5"
    )


def _jobs() -> list[Column[object]]:
    return [
        Column("found_by", String(64), nullable=False, server_default=text("'visit'")),
        Column("sender_is_unknown", Boolean, nullable=False, server_default=false()),
        Column("cluster_id", Integer),
        Column("read_with", String(64)),
    ]


def _transactions() -> list[Column[object]]:
    return [
        Column("looks_like_id", Integer),
        Column("counterpart_id", Integer),
        Column("has_unique_reference", Boolean, nullable=False, server_default=false()),
    ]


def _make_senders() -> None:
    op.create_table(
        "senders",
        Column("id", Integer, primary_key=True),
        Column("address", String(320), nullable=False),
        Column("known_since", UtcDateTime, nullable=False),
    )
    op.create_index("ux_senders_address", "senders", ["address"], unique=True)


def _make_clusters() -> None:
    op.create_table(
        "mail_clusters",
        Column("id", Integer, primary_key=True),
        Column("bank_id", Integer),
        Column("sender", Text, nullable=False),
        Column("shape", String(64), nullable=False),
        Column("state", String(64), nullable=False, server_default=text("'open'")),
        Column("emails", Integer, nullable=False, server_default=text("0")),
        Column("example_id", Integer),
        Column("first_email_at", UtcDateTime),
        Column("last_email_at", UtcDateTime),
    )
    op.create_index("ux_mail_clusters", "mail_clusters", ["sender", "shape"], unique=True)


def _make_days() -> None:
    op.create_table(
        "template_days",
        Column("bank_id", Integer, nullable=False),
        Column("template", String(255), nullable=False),
        Column("day", String(10), nullable=False),
        Column("matched", Integer, nullable=False, server_default=text("0")),
        Column("failed", Integer, nullable=False, server_default=text("0")),
        PrimaryKeyConstraint("bank_id", "template", "day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quota_days",
        Column("day", String(10), primary_key=True),
        Column("units", Integer, nullable=False, server_default=text("0")),
        Column("visits", Integer, nullable=False, server_default=text("0")),
    )
