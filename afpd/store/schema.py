"""The tables. Names are those of product.md; what each column is for stands beside it.

There are no foreign keys on purpose: jobs are pruned while transactions stay, and an adopted database may
hold rows whose parents are long gone. Uniqueness, which retries rely on, is declared here.
"""

from afpd.store.columns import metadata
from afpd.store.import_tables import (
    email_import_jobs,
    integrations,
    parked_emails,
    pruned_emails,
    quota_days,
    senders,
    users,
)
from afpd.store.reading_tables import (
    banks,
    email_parsing_jobs,
    mail_clusters,
    program_state,
    template_days,
    templates,
    transaction_revisions,
    transactions,
)

__all__ = [
    "banks",
    "email_import_jobs",
    "email_parsing_jobs",
    "integrations",
    "mail_clusters",
    "metadata",
    "parked_emails",
    "program_state",
    "pruned_emails",
    "quota_days",
    "senders",
    "template_days",
    "templates",
    "transaction_revisions",
    "transactions",
    "users",
]
