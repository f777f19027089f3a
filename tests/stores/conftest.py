"""Real servers for the tests of the stores, started on free ports, each with a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jwt_middleware.testing import Clock

from .databases import TEMPLATE, Database, PostgresDatabase, SqliteDatabase, migrated
from .postgres_server import PostgresServer
from .redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all tests of this process."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_server(redis_process: RedisServer) -> RedisServer:
    """A Redis that is up and empty. A test may stop it in any way; whoever comes next has it running again."""
    redis_process.recover()
    return redis_process


@pytest.fixture
def clock() -> Clock:
    """Seconds since the Unix epoch."""
    return Clock()


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of this process."""
    server = PostgresServer()
    with migrated(server):
        yield server
    server.remove()


@pytest.fixture
def postgres_server(postgres_process: PostgresServer) -> PostgresServer:
    """A PostgreSQL that is up. A test may stop it in any way; whoever comes next has it running again."""
    postgres_process.recover()
    return postgres_process


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables, of each kind."""
    if request.param == "sqlite":
        yield SqliteDatabase(tmp_path / "tenants.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as name:
        yield PostgresDatabase(server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with the newest tables and nothing in them, of each kind."""
    if request.param == "sqlite":
        yield SqliteDatabase(tmp_path / "tenants.db").with_tables()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(template=TEMPLATE) as name:
        yield PostgresDatabase(server, name)


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """The same, of PostgreSQL only."""
    with postgres_server.database(template=TEMPLATE) as name:
        yield PostgresDatabase(postgres_server, name)


@pytest.fixture(scope="session")
def lasting_postgres_database(postgres_process: PostgresServer) -> Iterator[PostgresDatabase]:
    """One for all tests that leave its tables as they are."""
    postgres_process.recover()
    with postgres_process.database(template=TEMPLATE) as name:
        yield PostgresDatabase(postgres_process, name)
        postgres_process.recover()


@pytest.fixture(params=["sqlite", "postgresql"])
def revocation_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database of each kind in which nothing is revoked. To be left with its tables."""
    if request.param == "sqlite":
        return SqliteDatabase(tmp_path / "revocations.db").with_tables()
    request.getfixturevalue("postgres_server")
    database: PostgresDatabase = request.getfixturevalue("lasting_postgres_database")
    database.run("TRUNCATE jwt_middleware_revocations")
    database.run("DELETE FROM jwt_middleware_meta WHERE name = 'revocation_copy'")
    return database
