"""The database itself refuses two applications of one id, and two keys of one algorithm and key id, in one tenant."""

from __future__ import annotations

from alembic import context, op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the unique indexes."""
    schema = context.config.attributes["schema"]
    op.create_index(
        "jwt_middleware_application_ids",
        "jwt_middleware_applications",
        ["tenant_id", "id"],
        unique=True,
        schema=schema,
    )
    op.create_index(
        "jwt_middleware_key_ids",
        "jwt_middleware_keys",
        ["tenant_id", "algorithm", "kid"],
        unique=True,
        schema=schema,
    )
