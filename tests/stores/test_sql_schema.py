"""Tables: created, brought to the newest revision, and refused where they are not what they have to be."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from jwt_middleware import ConfigurationError, Key, TemporarilyUnavailable, Tenant
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.sql.engines import COMMAND
from jwt_middleware.sql.reading import by_issuer
from jwt_middleware.sql.schema import NEWEST, SUPPORTED, current, upgrade
from jwt_middleware.sql.tables import tables_in
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.testing.resolvers import TENANTS, described

from ..cli.calling import called
from .databases import Database, PostgresDatabase, SqliteDatabase
from .postgres_server import PASSWORD, PostgresServer

STORE_KEY = "c3RvcmUta2V5LW9mLXRoZS10ZXN0cy0zMi1ieXRlcy4="
ACME = Tenant("acme", keys=[Key.secret("acme's own secret, which nobody else has")], applications=["shop"])


def refusal_of(url: Any, **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        SQLTenants(url, store_key=STORE_KEY, store_timeout=5, **options)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def works(url: str, **options: Any) -> None:
    """Every tenant can be kept there."""
    store = SQLTenants(url, store_key=STORE_KEY, store_timeout=5, **options)
    for tenant in TENANTS:
        store.add_tenant(tenant)
        found = store.resolve(tenant.issuers[0])
        assert found is not None
        assert described(found) == described(tenant)
        store.suspend(tenant.id)
        store.rotate_secret(tenant.id, kid="new", algorithm=tenant.keys[0].algorithm, grace=0)
        assert store.resolve(tenant.issuers[0]) is not None
    assert len(store.tenants()) == len(TENANTS)
    store.reencrypt()
    store.remove("acme")
    assert store.resolve("acme") is None
    store.close()


def test_upgrading_creates_the_tables_and_again_changes_nothing(empty_database: Database) -> None:
    assert current(empty_database.url) is None
    assert upgrade(empty_database.url) == NEWEST
    store = SQLTenants(empty_database.url, store_key=STORE_KEY, store_timeout=5)
    store.add_tenant(ACME)
    assert upgrade(empty_database.url) == current(empty_database.url) == NEWEST
    assert store.resolve("acme") is not None
    store.close()


@pytest.mark.parametrize("revision", SUPPORTED)
def test_it_runs_on_the_newest_revision_and_on_the_one_before(revision: str, empty_database: Database) -> None:
    assert upgrade(empty_database.url, revision=revision) == revision
    works(empty_database.url)


def test_the_revision_before_is_brought_to_the_newest_while_somebody_uses_it(empty_database: Database) -> None:
    upgrade(empty_database.url, revision=SUPPORTED[0])
    store = SQLTenants(empty_database.url, store_key=STORE_KEY, store_timeout=5)
    store.add_tenant(ACME)
    assert upgrade(empty_database.url) == NEWEST
    store.rotate_secret("acme", kid="new")
    found = store.resolve("acme")
    assert found is not None
    assert len(found.keys) == 2
    store.close()


def test_the_tables_are_what_the_code_takes_them_for(database: Database) -> None:
    engine = create_engine(database.url)
    inspector = inspect(engine)
    for table in tables_in(None):
        there = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert {name: column["nullable"] for name, column in there.items()} == {
            column.name: column.nullable for column in table.columns
        }
        assert {str(there[column.name]["type"].compile(engine.dialect)) for column in table.columns} == {
            str(column.type.compile(engine.dialect)) for column in table.columns
        }
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key]
    engine.dispose()


def test_every_table_and_index_has_the_prefix(database: Database) -> None:
    engine = create_engine(database.url)
    inspector = inspect(engine)
    names = inspector.get_table_names()
    assert len(names) == len(tables_in(None))
    names += [str(index["name"]) for table in names for index in inspector.get_indexes(table)]
    assert [name for name in names if not name.startswith("jwt_middleware_")] == []
    engine.dispose()


def test_a_look_up_reads_no_table_from_end_to_end(database: Database) -> None:
    engine = create_engine(database.url)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN (GENERIC_PLAN)"
    text = str(by_issuer(None).compile(dialect=engine.dialect))
    text = text.replace("?", "'acme'").replace("%(issuer)s", "'acme'")
    if isinstance(database, PostgresDatabase):
        for table, columns in {
            "tenants": "n, true, 'scope', 'aud'",
            "issuers": "n, n, 0",
            "applications": "n, 0, 'a', NULL, true",
            "keys": "n, 0, NULL, 'HS256', NULL, ''",
        }.items():
            database.run(f"INSERT INTO jwt_middleware_{table} SELECT {columns} FROM generate_series(1, 20000) AS n")  # noqa: S608
        database.run("ANALYZE")
    plan = str(database.run(f"{explain} {text}"))
    assert "SCAN jwt" not in plan
    assert "Seq Scan" not in plan
    engine.dispose()


# What is not as it has to be


def test_a_database_without_tables_is_refused_with_the_command(empty_database: Database) -> None:
    if isinstance(empty_database, SqliteDatabase):
        assert "there is no file" in refusal_of(empty_database.url)
        assert not empty_database.file.exists()
        empty_database.file.touch()
    message = refusal_of(empty_database.url)
    assert "there are no tables in it" in message
    assert COMMAND == "jwt-middleware store upgrade --store URL"
    assert COMMAND in message


def test_tables_of_an_old_revision_are_refused_with_the_command(database: Database) -> None:
    database.run("UPDATE jwt_middleware_version SET version_num = '0000'")
    message = refusal_of(database.url)
    assert "the old revision 0000" in message
    assert COMMAND in message


def test_tables_of_a_revision_that_is_not_known_yet_are_refused_with_the_fix(database: Database) -> None:
    database.run("UPDATE jwt_middleware_version SET version_num = '0099'")
    message = refusal_of(database.url)
    assert "the revision 0099, which this version does not know" in message
    assert "install the version of tenant-jwt-middleware that wrote it" in message
    with pytest.raises(ConfigurationError, match="the revision 0099"):
        upgrade(database.url)
    assert current(database.url) == "0099"


def test_a_version_table_with_nothing_in_it_is_no_revision(database: Database) -> None:
    database.run("DELETE FROM jwt_middleware_version")
    assert "there are no tables in it" in refusal_of(database.url)


def test_a_revision_that_there_is_not_is_refused(empty_database: Database) -> None:
    with pytest.raises(ConfigurationError, match="revision: 'nonsense' is not known"):
        upgrade(empty_database.url, revision="nonsense")
    assert current(empty_database.url) is None


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "tenants.db"
    file.write_text("something else, which is as long as the header of a database is: one hundred bytes " * 2)
    with pytest.raises(TemporarilyUnavailable):
        upgrade(f"sqlite:///{file}")
    store = SQLTenants(f"sqlite:///{file}", store_key=STORE_KEY)
    assert "does not answer (tenant_store_failed_with_DatabaseError)" in caplog.text
    with pytest.raises(TemporarilyUnavailable):
        store.resolve("acme")
    store.close()


def test_an_upgrade_that_fails_half_way_leaves_what_there_was(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(empty_database.url, revision=SUPPORTED[0])
    empty_database.run("CREATE TABLE twice (kid VARCHAR(9))")
    empty_database.run("CREATE INDEX jwt_middleware_link_tokens ON twice (kid)")
    with pytest.raises(TemporarilyUnavailable) as caught:
        upgrade(empty_database.url)
    assert "already exists" in str(caught.value.__cause__)
    assert current(empty_database.url) == SUPPORTED[0]
    works(empty_database.url)
    empty_database.run("DROP TABLE twice")
    assert upgrade(empty_database.url) == NEWEST


def test_of_processes_that_upgrade_at_once_one_does_it(empty_database: Database) -> None:
    barrier = threading.Barrier(4)

    def work(_: int) -> str:
        barrier.wait()
        return upgrade(empty_database.url)

    with ThreadPoolExecutor(4) as threads:
        assert [*threads.map(work, range(4))] == [NEWEST] * 4


# Schemas


def test_the_tables_may_be_in_a_schema_of_their_own(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as name:
        url = postgres_server.url(name)
        for schema in ("auth", "Other_1"):
            assert current(url, schema=schema) is None
            for _ in range(2):
                assert upgrade(url, schema=schema) == NEWEST
            assert current(url, schema=schema) == NEWEST
        works(url, schema="auth")
        other = SQLTenants(url, store_key="B" * 43, schema="Other_1", store_timeout=5)
        assert other.resolve("globex-legacy") is None
        other.add_tenant(ACME)
        assert other.resolve("acme") is not None
        other.close()
        tables = postgres_server.run("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'jwt%'", name)
        assert {row[0] for row in tables} == {"auth", "Other_1"}
        assert "there are no tables in it" in refusal_of(url)


@pytest.mark.parametrize("schema", ["", "a b", 'a"; DROP', "a.b", "1a", "x" * 64, 7, "\u00e9"])
def test_what_cannot_name_a_schema_is_refused(schema: Any, postgres_database: PostgresDatabase) -> None:
    assert "schema: not a plain name" in refusal_of(postgres_database.url, schema=schema)
    for act in (upgrade, current):
        with pytest.raises(ConfigurationError, match="schema: not a plain name"):
            act(postgres_database.url, schema=schema)


def test_sqlite_has_no_schemas(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    assert "schema: SQLite has none" in refusal_of(database.url, schema="auth")


# SQLite


def test_a_new_file_is_its_owners_only(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    assert stat.S_IMODE(database.file.stat().st_mode) == 0o600


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    store = SQLTenants(database.url, store_key=STORE_KEY)
    store.add_tenant(ACME)
    with closing(sqlite3.connect(database.file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM jwt_middleware_tenants")
        found = store.resolve("acme")
        assert found is not None
        writer.execute("ROLLBACK")
    store.close()


def test_an_engine_of_the_callers_keeps_its_own_way_of_writing(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'tenants.db'}")
    assert upgrade(engine) == current(engine) == NEWEST
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    works(engine)  # type: ignore[arg-type]
    engine.dispose()


# The command


def test_the_command_creates_the_tables(empty_database: Database) -> None:
    for _ in range(2):
        result = called("store", "upgrade", "--store", empty_database.url)
        assert (result.exit_code, result.stdout, result.stderr) == (0, f"revision {NEWEST} (newest: {NEWEST})\n", "")
    SQLTenants(empty_database.url, store_key=STORE_KEY).close()
    SQLRevocations(empty_database.url).close()


def test_the_command_says_which_revision_the_tables_have(empty_database: Database) -> None:
    result = called("store", "current", "--store", empty_database.url)
    assert (result.exit_code, result.stdout) == (1, f"no tables (newest: {NEWEST})\n")
    upgrade(empty_database.url, revision="0001")
    result = called("store", "current", "--store", empty_database.url, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, {"revision": "0001", "newest": NEWEST})
    upgrade(empty_database.url)
    assert called("store", "current", "--store", empty_database.url).exit_code == 0


def test_the_command_takes_the_url_from_the_environment(database: Database) -> None:
    result = called("store", "current", JWT_MIDDLEWARE_TENANTS=database.url)
    assert (result.exit_code, result.stdout) == (0, f"revision {NEWEST} (newest: {NEWEST})\n")


def test_the_command_works_in_a_schema(postgres_database: PostgresDatabase) -> None:
    assert called("store", "upgrade", "--store", postgres_database.url, "--schema", "auth", "--json").exit_code == 0
    assert current(postgres_database.url, schema="auth") == NEWEST


Unreachable = Callable[[PostgresServer, Path], str]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (lambda server, folder: "mysql://root:s3cret-password@host/x", "'mysql://...' names no kind of store"),
        (lambda server, folder: "postgresql://app:s3cret-password@host:port/x", "the URL cannot be read"),
        (lambda server, folder: f"sqlite:///{folder}/nowhere/tenants.db", "unable to open database file"),
        (lambda server, folder: server.url("nowhere"), 'database "nowhere" does not exist'),
        (lambda server, folder: server.url("x", port=1), "port 1"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_database_and_shows_no_password(
    url: Unreachable, words: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    result = called("store", "upgrade", "--store", url(postgres_server, tmp_path))
    assert result.exit_code == 2
    assert words in result.stderr.replace("\n", " ")
    assert "s3cret-password" not in result.output
    assert PASSWORD not in result.output
