"""Names are compared exactly, whatever the database takes for equal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jwt_middleware import ConfigurationError, Key, Tenant
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.testing.resolvers import described

from .databases import PostgresDatabase, SqliteDatabase

STORE_KEY = "c3RvcmUta2V5LW9mLXRoZS10ZXN0cy0zMi1ieXRlcy4="
ACME = Tenant("acme", keys=[Key.secret("acme's own secret, which nobody else has", kid="a")], applications=["shop"])
ALIKE = {"NOCASE": "ACME", "RTRIM": "acme  "}


@pytest.fixture(params=ALIKE)
def collation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def alike(collation: str) -> str:
    """What the database takes for acme."""
    return ALIKE[collation]


@pytest.fixture
def tenants(collation: str, tmp_path: Path) -> Iterator[SQLTenants]:
    """With acme, in a database that takes other names for equal."""
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    with closing(sqlite3.connect(database.file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        replaced = f"replace(sql, 'VARCHAR(256)', 'VARCHAR(256) COLLATE {collation}')"
        connection.execute(f"UPDATE sqlite_master SET sql = {replaced} WHERE type = 'table'")  # noqa: S608
    store = SQLTenants(database.url, store_key=STORE_KEY)
    store.add_tenant(ACME)
    assert database.run(f"SELECT issuer FROM jwt_middleware_issuers WHERE issuer = '{ALIKE[collation]}'") == [("acme",)]  # noqa: S608
    yield store
    store.close()


def test_an_issuer_that_the_database_takes_for_equal_is_nobodys(tenants: SQLTenants, alike: str) -> None:
    assert tenants.resolve(alike) is None
    assert tenants.tenant(alike) is None
    assert tenants.resolve("acme") is not None


def test_a_tenant_is_not_changed_under_a_name_that_is_taken_for_equal(tenants: SQLTenants, alike: str) -> None:
    with pytest.raises(ConfigurationError, match="there is none with this id"):
        tenants.suspend(alike)
    tenants.remove(alike)
    found = tenants.resolve("acme")
    assert found is not None
    assert described(found) == described(ACME)


@pytest.mark.parametrize("is_id", [True, False])
def test_a_name_that_is_taken_for_equal_is_refused(tenants: SQLTenants, alike: str, is_id: bool) -> None:
    other = Tenant(alike if is_id else "other", keys=[], applications=["x"], issuers=["new" if is_id else alike])
    with pytest.raises(ConfigurationError):
        tenants.add_tenant(other)
    assert tenants.resolve(other.issuers[0]) is None
    assert tenants.tenant(other.id) is None


def test_key_ids_that_are_taken_for_equal_are_refused(tenants: SQLTenants, alike: str) -> None:
    keys = [Key.secret("x" * 32, kid="acme"), Key.secret("y" * 32, kid=alike)]
    with pytest.raises(ConfigurationError, match="the database takes a name in it for another one"):
        tenants.add_tenant(Tenant("other", keys=keys, applications=["x"]))


def test_blanks_that_a_column_adds_make_no_other_issuer(postgres_database: PostgresDatabase) -> None:
    store = SQLTenants(postgres_database.url, store_key=STORE_KEY, store_timeout=5)
    store.add_tenant(ACME)
    postgres_database.run("ALTER TABLE jwt_middleware_issuers ALTER COLUMN issuer TYPE CHAR(256)")
    assert postgres_database.run("SELECT count(*) FROM jwt_middleware_issuers WHERE issuer = 'acme  '") == [(1,)]
    assert store.resolve("acme ") is None
    store.close()
