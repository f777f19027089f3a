"""Tenants, their issuers, applications and keys; revocations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import VARCHAR

revision = "0001"
down_revision = None

NAME = sa.String(256).with_variant(VARCHAR(256, collation="C"), "postgresql")
HASH = sa.String(40).with_variant(VARCHAR(40, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    schema = context.config.attributes["schema"]
    tenant = f"{schema}.jwt_middleware_tenants.id" if schema else "jwt_middleware_tenants.id"
    op.create_table(
        "jwt_middleware_tenants",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("scope_claim", NAME, nullable=False),
        sa.Column("audience_claim", NAME, nullable=False),
        sa.Column("max_lifetime", sa.Double),
        sa.Column("token_types", sa.Text),
        schema=schema,
    )
    op.create_table(
        "jwt_middleware_issuers",
        sa.Column("issuer", NAME, primary_key=True),
        sa.Column("tenant_id", NAME, sa.ForeignKey(tenant), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        schema=schema,
    )
    op.create_index("jwt_middleware_issuers_of_tenant", "jwt_middleware_issuers", ["tenant_id"], schema=schema)
    op.create_table(
        "jwt_middleware_applications",
        sa.Column("tenant_id", NAME, sa.ForeignKey(tenant), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("scopes", sa.Text),
        sa.Column("active", sa.Boolean, nullable=False),
        schema=schema,
    )
    op.create_table(
        "jwt_middleware_keys",
        sa.Column("tenant_id", NAME, sa.ForeignKey(tenant), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kid", NAME),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("not_after", sa.Double),
        sa.Column("material", sa.Text, nullable=False),
        schema=schema,
    )
    op.create_table(
        "jwt_middleware_revocations",
        sa.Column("name", HASH, primary_key=True),
        sa.Column("cutoff", sa.BigInteger, nullable=False),
        sa.Column("ends", sa.BigInteger, nullable=False),
        sa.Column("uncopied", sa.BigInteger),
        schema=schema,
    )
    for column in ("ends", "uncopied"):
        op.create_index(f"jwt_middleware_revocations_{column}", "jwt_middleware_revocations", [column], schema=schema)
    op.create_table(
        "jwt_middleware_meta",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        schema=schema,
    )
