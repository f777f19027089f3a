"""The tables, as they are in the newest schema. Their names begin with `jwt_middleware_`."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.postgresql import VARCHAR

from jwt_middleware.grammar import MAX_NAME_LENGTH

PREFIX: Final = "jwt_middleware_"
VERSION_TABLE: Final = f"{PREFIX}version"
"""Where Alembic writes down which revision the schema has."""

# Code points, byte for byte, whatever the database's own collation does with case, accents or blanks.
NAME: Final = String(MAX_NAME_LENGTH).with_variant(VARCHAR(MAX_NAME_LENGTH, collation="C"), "postgresql")
"""An id, an issuer or a key id."""
HASH: Final = String(40).with_variant(VARCHAR(40, collation="C"), "postgresql")
"""160 bit in hexadecimal."""
SHA256: Final = String(64).with_variant(VARCHAR(64, collation="C"), "postgresql")
"""A whole SHA-256 in hexadecimal."""


class Tables(NamedTuple):
    """The tables in one database schema (PostgreSQL's word; None: the usual one)."""

    tenants: Table
    issuers: Table
    applications: Table
    keys: Table
    revocations: Table
    audit: Table
    links: Table
    meta: Table
    version: Table


@lru_cache
def tables_in(schema: str | None) -> Tables:
    """The tables in this schema. Nothing is created; `schema.upgrade` does that."""
    metadata = MetaData(schema=schema)
    return Tables(
        tenants=Table(
            f"{PREFIX}tenants",
            metadata,
            Column("id", NAME, primary_key=True),
            Column("active", Boolean, nullable=False),
            Column("scope_claim", NAME, nullable=False),
            Column("audience_claim", NAME, nullable=False),
            Column("max_lifetime", Double),
            Column("token_types", Text),
        ),
        issuers=Table(
            f"{PREFIX}issuers",
            metadata,
            Column("issuer", NAME, primary_key=True),
            Column("tenant_id", NAME, nullable=False),
            Column("position", Integer, nullable=False),
        ),
        applications=Table(
            f"{PREFIX}applications",
            metadata,
            Column("tenant_id", NAME, primary_key=True),
            Column("position", Integer, primary_key=True),
            Column("id", NAME, nullable=False),
            Column("scopes", Text),
            Column("active", Boolean, nullable=False),
        ),
        keys=Table(
            f"{PREFIX}keys",
            metadata,
            Column("tenant_id", NAME, primary_key=True),
            Column("position", Integer, primary_key=True),
            Column("kid", NAME),
            Column("algorithm", String(16), nullable=False),
            Column("not_after", Double),
            Column("material", Text, nullable=False),
        ),
        revocations=Table(
            f"{PREFIX}revocations",
            metadata,
            Column("name", HASH, primary_key=True),
            Column("cutoff", BigInteger, nullable=False),
            Column("ends", BigInteger, nullable=False),
            Column("uncopied", BigInteger),
        ),
        audit=Table(
            f"{PREFIX}audit",
            metadata,
            Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
            Column("at", Double, nullable=False),
            Column("actor", Text, nullable=False),
            Column("action", String(32), nullable=False),
            Column("tenant_id", NAME),
            Column("details", Text, nullable=False),
        ),
        links=Table(
            f"{PREFIX}links",
            metadata,
            Column("tenant_id", NAME, primary_key=True),
            Column("token_hash", SHA256, nullable=False),
            Column("expires_at", Double, nullable=False),
            Column("state", String(16), nullable=False),
            Column("key_hash", SHA256),
        ),
        meta=Table(
            f"{PREFIX}meta",
            metadata,
            Column("name", String(64), primary_key=True),
            Column("value", Text, nullable=False),
        ),
        version=Table(VERSION_TABLE, metadata, Column("version_num", String(32), primary_key=True)),
    )
