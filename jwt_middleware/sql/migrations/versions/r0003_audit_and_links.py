"""Who changed what when, which nobody changes afterwards; links by which tenants refresh their secrets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import VARCHAR

revision = "0003"
down_revision = "0002"

NAME = sa.String(256).with_variant(VARCHAR(256, collation="C"), "postgresql")
SHA256 = sa.String(64).with_variant(VARCHAR(64, collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# The database itself refuses to change or remove an entry.
SQLITE = """
CREATE TRIGGER jwt_middleware_audit_{change} BEFORE {change} ON jwt_middleware_audit
BEGIN SELECT RAISE(ABORT, 'the audit table is append-only'); END
"""
FUNCTION = """
CREATE FUNCTION {schema}jwt_middleware_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit table is append-only'; END $$
"""
POSTGRESQL = """
CREATE TRIGGER jwt_middleware_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}jwt_middleware_audit
FOR EACH STATEMENT EXECUTE FUNCTION {schema}jwt_middleware_audit_is_append_only()
"""


def upgrade() -> None:
    """Create the tables, and what keeps the first append-only."""
    schema = context.config.attributes["schema"]
    op.create_table(
        "jwt_middleware_audit",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("tenant_id", NAME),
        sa.Column("details", sa.Text, nullable=False),
        schema=schema,
    )
    op.create_index("jwt_middleware_audit_of_tenant", "jwt_middleware_audit", ["tenant_id", "number"], schema=schema)
    tenant = f"{schema}.jwt_middleware_tenants.id" if schema else "jwt_middleware_tenants.id"
    op.create_table(
        "jwt_middleware_links",
        sa.Column("tenant_id", NAME, sa.ForeignKey(tenant, ondelete="CASCADE"), primary_key=True),
        sa.Column("token_hash", SHA256, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("key_hash", SHA256),
        schema=schema,
    )
    op.create_index("jwt_middleware_link_tokens", "jwt_middleware_links", ["token_hash"], unique=True, schema=schema)
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(SQLITE.format(change=change))
    else:
        prefix = f'"{schema}".' if schema else ""
        op.execute(FUNCTION.format(schema=prefix))
        op.execute(POSTGRESQL.format(schema=prefix))
