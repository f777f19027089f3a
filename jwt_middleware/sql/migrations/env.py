"""Run by Alembic: migrates over the connection that `schema.upgrade` opened."""

from __future__ import annotations

from alembic import context

from jwt_middleware.sql.tables import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=context.config.attributes["schema"],
)
with context.begin_transaction():
    context.run_migrations()
