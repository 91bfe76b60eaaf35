"""Changes of the schema, one revision each; `afpd.store.upgrade` applies them."""

# The replaced system may have an alembic_version of its own.
VERSION_TABLE = "afpd_version"
