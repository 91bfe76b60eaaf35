"""The first schema; tables of the system that afpd replaces get its columns and keep their rows."""

from typing import Any

from alembic import context, op

from afpd.store.adoption.rebuild import merge
from afpd.store.migrations.first_schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table that is missing, and rebuild those of the replaced system."""
    bind = op.get_bind()
    file: Any = bind.connection.driver_connection
    merged = merge(file, metadata, say=context.config.attributes["say"])
    for table in metadata.sorted_tables:
        if table.name not in merged:
            table.create(bind)
