"""How Alembic applies the revisions: on the connection that `afpd.store.upgrade` hands over, in its transaction."""

from alembic import context

from afpd.store.migrations import VERSION_TABLE
from afpd.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
