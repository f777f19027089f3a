"""Connections: bounded in number and in time, each process with its own, whatever the server does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import StaticPool, create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from jwt_middleware import ConfigurationError, Key, TemporarilyUnavailable, Tenant
from jwt_middleware.plugins import Plugin
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.sql import connections, time_limits
from jwt_middleware.sql.connections import MAX_CONNECTIONS, MAX_WRITERS, Connections
from jwt_middleware.sql.engines import checked_url
from jwt_middleware.sql.postgresql import LOOK_AGAIN
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.sql.time_limits import MAX_OPENING, Opener, TimeLimit, seconds_left
from jwt_middleware.tenants.sql import SQLTenants

from .databases import Database, PostgresDatabase, SqliteDatabase
from .postgres_server import PASSWORD, PostgresServer
from .proxy import Proxy

STORE_KEY = "c3RvcmUta2V5LW9mLXRoZS10ZXN0cy0zMi1ieXRlcy4="
ACME = Tenant("acme", keys=[Key.secret("acme's own secret, which nobody else has")], applications=["shop"])
LIMIT = 0.3
"""Seconds that a look-up may take here."""
MARGIN = 0.25
"""Seconds by which a busy machine may be late."""

Open = Callable[..., SQLTenants]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens databases, with acme in them."""
    stores = []

    def open_store(database: Database, **options: Any) -> SQLTenants:
        store = SQLTenants(
            options.pop("url", database.url), **{"store_key": STORE_KEY, "store_timeout": LIMIT, **options}
        )
        stores.append(store)
        store.add_tenant(ACME)
        return store

    yield open_store
    for store in stores:
        store.close()


def is_found(store: SQLTenants) -> bool:
    found = store.resolve("acme")
    return found is not None and found.id == "acme"


def refusal_of(store: SQLTenants) -> str:
    """Why it cannot tell, which it says in time."""
    started = time.monotonic()
    with pytest.raises(TemporarilyUnavailable) as caught:
        store.resolve("acme")
    assert time.monotonic() - started < LIMIT + MARGIN
    return caught.value.reason


def eventually(condition: Callable[[], bool], within: float = 5) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_back(store: SQLTenants) -> bool:
    with contextlib.suppress(TemporarilyUnavailable):
        return is_found(store)
    return False


def backends(database: PostgresDatabase) -> set[int]:
    """The server's processes that serve the store's connections."""
    rows = database.server.run(f"SELECT pid FROM pg_stat_activity WHERE datname = '{database.name}'")  # noqa: S608
    return {row[0] for row in rows}


# What is no database for us

REFUSED_URLS = [
    ("mysql://root:pa55word@host/db", "'mysql' is none that is known"),
    ("postgresql+asyncpg://app:pa55word@host/db", "'postgresql+asyncpg' is none"),
    ("postgresql+psycopg2://app:pa55word@host/db", "'postgresql+psycopg2' is none"),
    ("postgres://app:pa55word@host/db", "'postgres' is none"),
    ("sqlite+aiosqlite:///x.db", "'sqlite+aiosqlite' is none"),
    ("sqlite://", "in memory"),
    ("sqlite:///:memory:", "in memory"),
    ("sqlite:///file::memory:?cache=shared&uri=true", "in memory"),
    ("sqlite:///file:x?mode=memory&uri=true", "in memory"),
    ("pa55word", "the URL cannot be read"),
    ("postgresql://app:pa55word@host:port/db", "the URL cannot be read"),
    ("", "the URL cannot be read"),
    (7, "int is neither a URL nor an Engine"),
    (None, "NoneType is neither a URL nor an Engine"),
]


@pytest.mark.parametrize(("url", "words"), REFUSED_URLS, ids=[words for _, words in REFUSED_URLS])
def test_what_is_no_database_is_refused_with_the_fix_and_no_password(url: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SQLTenants(url, store_key=STORE_KEY)
    assert words in str(caught.value)
    assert "pa55word" not in str(caught.value)
    assert all(problem.fix for problem in caught.value.problems)


def test_an_async_engine_is_refused_with_the_fix() -> None:
    engine = create_async_engine("postgresql+psycopg://app@host/db")
    with pytest.raises(ConfigurationError, match=r"an AsyncEngine cannot be used\n.*pass the URL, or create_engine"):
        SQLTenants(engine, store_key=STORE_KEY)  # type: ignore[arg-type]


def test_an_engine_of_another_kind_is_refused() -> None:
    class Dialect:
        name = "oracle"

    engine = create_engine("sqlite://")
    engine.dialect = Dialect()  # type: ignore[assignment]
    with pytest.raises(ConfigurationError, match="oracle is none that is known"):
        SQLTenants(engine, store_key=STORE_KEY)


def test_a_driver_that_is_missing_is_told_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"psycopg is not installed\n.*tenant-jwt-middleware\[sql\]"):
        SQLTenants("postgresql+psycopg://app@host/db", store_key=STORE_KEY)


@pytest.mark.parametrize("name", ["postgresql", "postgresql+psycopg", "sqlite", "sqlite+pysqlite"])
def test_a_url_may_leave_the_driver_out(name: str) -> None:
    assert checked_url(f"{name}:///x").drivername in ("postgresql+psycopg", "sqlite+pysqlite")


def test_a_url_may_be_sqlalchemys(database: Database, opened: Open) -> None:
    assert is_found(opened(database, url=make_url(database.url)))


def test_a_sqlite_file_may_be_given_as_a_uri(tmp_path: Path, opened: Open) -> None:
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    assert is_found(opened(database, url=f"sqlite:///file:{database.file}?mode=rw&uri=true"))


def test_options_in_the_url_are_kept(postgres_database: PostgresDatabase, opened: Open) -> None:
    postgres_database.server.run("CREATE SCHEMA other", postgres_database.name)
    postgres_database.server.run("GRANT ALL ON SCHEMA other TO app", postgres_database.name)
    for options in ("-csearch_path%3Dother", "-csearch_path%3Dother&options=-clock_timeout%3D100"):
        url = f"{postgres_database.url}?options={options}"
        upgrade(url)
        assert is_found(opened(postgres_database, url=url))
    assert postgres_database.run("SELECT count(*) FROM other.jwt_middleware_tenants") == [(1,)]


# An engine of the caller's


def test_an_engine_of_the_callers_is_used_as_it_is_and_left_open(database: Database, opened: Open) -> None:
    engine = create_engine(database.url, pool_size=2, max_overflow=0)
    store = opened(database, url=engine)
    assert is_found(store)
    store.close()
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    assert is_found(store)
    engine.dispose()


def test_an_engine_that_commits_by_itself_still_writes_all_or_nothing(database: Database, opened: Open) -> None:
    engine = create_engine(database.url, isolation_level="AUTOCOMMIT")
    store = opened(database, url=engine)
    with pytest.raises(ConfigurationError, match="belongs to"):
        store.replace_tenant(Tenant("other", keys=[], applications=[], issuers=["acme"]))
    assert database.count("tenants") == 1
    engine.dispose()


def test_a_database_in_memory_may_come_as_an_engine_with_one_connection() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    upgrade(engine)
    store = SQLTenants(engine, store_key=STORE_KEY)
    store.add_tenant(ACME)
    assert is_found(store)
    engine.dispose()


# A server that does not answer


def test_a_server_that_hangs_is_not_waited_for_longer_than_the_limit_in_either_colour(
    postgres_database: PostgresDatabase, opened: Open
) -> None:
    store = opened(postgres_database)
    plugin: Plugin[Tenant | None] = Plugin(store, "resolve", (Tenant, type(None)), LIMIT, "tenant_store")
    assert is_found(store)
    postgres_database.server.pause()
    for _ in range(3):
        assert refusal_of(store) == "tenant_store_timed_out"
        started = time.monotonic()
        with pytest.raises(TemporarilyUnavailable, match="tenant_store_timed_out"):
            asyncio.run(plugin.ask_async("acme"))
        assert time.monotonic() - started < LIMIT + MARGIN
    postgres_database.server.resume()
    eventually(lambda: is_back(store), within=2)
    plugin.close()


def test_a_change_is_not_waited_for_longer_than_its_limit_either(
    postgres_database: PostgresDatabase, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(postgres_database)
    monkeypatch.setattr(connections, "WRITE_TIMEOUT", LIMIT)
    postgres_database.server.pause()
    for change in (lambda: store.suspend("acme"), lambda: store.remove("acme"), store.tenants):
        began = time.monotonic()
        with pytest.raises(TemporarilyUnavailable, match="tenant_store_timed_out"):
            change()
        assert time.monotonic() - began < LIMIT + MARGIN
    postgres_database.server.resume()
    eventually(lambda: is_back(store))


def test_many_who_ask_a_server_that_hangs_are_all_told_in_time(
    postgres_database: PostgresDatabase, opened: Open
) -> None:
    store = opened(postgres_database)
    postgres_database.server.pause()
    with ThreadPoolExecutor(3 * MAX_CONNECTIONS) as threads:
        for _ in range(2):
            reasons = threads.map(lambda _: refusal_of(store), range(3 * MAX_CONNECTIONS))
            assert {*reasons} == {"tenant_store_timed_out"}
    postgres_database.server.resume()
    eventually(lambda: is_back(store), within=2)


def test_a_server_that_was_restarted_is_asked_anew_and_nobody_notices(
    postgres_database: PostgresDatabase, opened: Open
) -> None:
    store = opened(postgres_database)
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda _: is_found(store), range(40)))
    postgres_database.server.restart()
    assert [is_found(store) for _ in range(8)] == [True] * 8
    assert len(store.tenants()) == 1


def test_a_server_that_is_gone_is_told_at_once_and_found_when_it_is_back(
    postgres_database: PostgresDatabase, opened: Open
) -> None:
    store = opened(postgres_database)
    postgres_database.server.kill()
    assert [refusal_of(store) for _ in range(3)] == ["tenant_store_failed_with_OperationalError"] * 3
    with pytest.raises(TemporarilyUnavailable):
        store.suspend("acme")
    with pytest.raises(TemporarilyUnavailable):
        store.check()
    postgres_database.server.start()
    eventually(lambda: is_back(store), within=2)
    store.check()


def test_a_server_without_room_for_another_connection_is_told(
    postgres_database: PostgresDatabase, opened: Open
) -> None:
    store = opened(postgres_database)
    with postgres_database.server.full():
        assert is_found(store)
        store.close()
        assert refusal_of(store) == "tenant_store_failed_with_OperationalError"
    assert is_found(store)


def test_a_statement_that_takes_too_long_is_ended_by_the_server_too(
    postgres_database: PostgresDatabase, opened: Open
) -> None:
    store = opened(postgres_database)
    with psycopg.connect(postgres_database.url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE jwt_middleware_keys IN ACCESS EXCLUSIVE MODE")
        assert refusal_of(store) == "tenant_store_timed_out"
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        eventually(lambda: postgres_database.run(waiting) == [(0,)], within=2)
    assert is_found(store)


def test_a_slow_network_only_costs_time(postgres_database: PostgresDatabase, opened: Open) -> None:
    with Proxy(postgres_database.server.port) as proxy:
        store = opened(postgres_database, url=postgres_database.server.url(postgres_database.name, port=proxy.port))
        store.close()
        proxy.delay = LIMIT * 0.6
        assert refusal_of(store) == "tenant_store_timed_out"
        # The connection that came too late for one serves the next.
        eventually(lambda: is_back(store))
        assert [is_back(store) for _ in range(3)] == [True] * 3
        proxy.delay = LIMIT * 2
        assert refusal_of(store) == "tenant_store_timed_out"
        proxy.delay = 0
        eventually(lambda: is_back(store), within=2)
        store.close()


def test_a_network_that_refuses_is_told_at_once(postgres_database: PostgresDatabase, opened: Open) -> None:
    with Proxy(postgres_database.server.port) as proxy:
        store = opened(postgres_database, url=postgres_database.server.url(postgres_database.name, port=proxy.port))
        proxy.refuse()
        assert refusal_of(store) == "tenant_store_failed_with_OperationalError"
        proxy.accept()
        eventually(lambda: is_back(store), within=2)
        store.close()


def test_a_locked_sqlite_file_is_not_waited_for_longer_than_the_limit(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WRITE_TIMEOUT", LIMIT)
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    store = opened(database)
    store.close()
    database.run("PRAGMA journal_mode = DELETE")
    with contextlib.closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert refusal_of(store) == "tenant_store_timed_out"
        with pytest.raises(TemporarilyUnavailable, match="tenant_store_timed_out"):
            store.suspend("acme")
        other.execute("ROLLBACK")
    assert is_found(store)


@pytest.mark.parametrize("asked", ["tenants", "revocations"])
def test_of_many_who_ask_a_locked_sqlite_file_none_waits_longer(asked: str, tmp_path: Path, opened: Open) -> None:
    """Those who wait for a connection first have only the rest of their time for the lock."""
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    store = opened(database)
    store.close()
    database.run("PRAGMA journal_mode = DELETE")
    revocations = SQLRevocations(database.url, store_timeout=LIMIT)
    times: list[float] = []

    question = (store.resolve, "acme") if asked == "tenants" else (revocations.is_revoked, "acme", "t-1", "user_123", 1)

    def ask(_: int) -> None:
        began = time.monotonic()
        call, *arguments = question
        with pytest.raises(TemporarilyUnavailable):
            call(*arguments)
        times.append(time.monotonic() - began)

    with contextlib.closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(3 * MAX_CONNECTIONS) as threads:
            [*threads.map(ask, range(3 * MAX_CONNECTIONS))]
        other.execute("ROLLBACK")
    assert max(times) < LIMIT + MARGIN - 0.05
    # The next one has all of its time again.
    assert is_found(store)
    assert not revocations.is_revoked("acme", "t-1", "user_123", 1_000)
    revocations.close()


def test_who_had_little_time_leaves_the_next_one_all_of_his(tmp_path: Path, opened: Open) -> None:
    database = SqliteDatabase(tmp_path / "tenants.db").with_tables()
    store = opened(database)

    def busy_timeout() -> int:
        with store._connections._reading.engine.connect() as connection:
            return int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())

    assert busy_timeout() == int(LIMIT * 1000)
    with TimeLimit(0.1):
        assert 50 < busy_timeout() <= 100
    with TimeLimit(10):
        assert busy_timeout() == int(LIMIT * 1000)
    with TimeLimit(0):
        assert busy_timeout() == 0
    assert busy_timeout() == int(LIMIT * 1000)


# A server that is not there yet


def test_a_server_that_does_not_answer_at_the_start_is_found_when_it_does(
    postgres_database: PostgresDatabase, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    opened(postgres_database)
    postgres_database.server.kill()
    store = SQLTenants(postgres_database.url, store_key=STORE_KEY, store_timeout=LIMIT)
    assert "does not answer (tenant_store_failed_with_OperationalError): until it does, requests get 503" in caplog.text
    assert refusal_of(store) == "tenant_store_failed_with_OperationalError"
    with pytest.raises(TemporarilyUnavailable):
        store.suspend("acme")
    with pytest.raises(TemporarilyUnavailable):
        store.tenants()
    postgres_database.server.start()
    eventually(lambda: is_back(store), within=2)
    assert PASSWORD not in caplog.text
    store.close()


def test_a_server_that_hangs_at_the_start_does_not_hold_the_process_up_for_long(
    postgres_database: PostgresDatabase, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened(postgres_database)
    monkeypatch.setattr(connections, "ADMISSION_TIMEOUT", 2 * LIMIT)
    postgres_database.server.pause()
    store = SQLTenants(postgres_database.url, store_key=STORE_KEY, store_timeout=LIMIT)
    assert "does not answer (tenant_store_timed_out)" in caplog.text
    with ThreadPoolExecutor(8) as threads:
        assert {*threads.map(lambda _: refusal_of(store), range(16))} == {"tenant_store_timed_out"}
    postgres_database.server.resume()
    eventually(lambda: is_back(store), within=3)
    store.close()


def test_a_wrong_database_that_turns_up_later_is_told_once_and_never_asked(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    with postgres_server.database() as name:
        postgres_server.kill()
        store = SQLTenants(postgres_server.url(name), store_key=STORE_KEY, store_timeout=5)
        postgres_server.start()
        for _ in range(3):
            with pytest.raises(ConfigurationError, match="there are no tables in it"):
                store.resolve("acme")
        for change in (store.suspend, store.remove):
            with pytest.raises(ConfigurationError, match="there are no tables in it"):
                change("acme")
        assert caplog.text.count("there are no tables in it") == 1
        upgrade(postgres_server.url(name))
        store.add_tenant(ACME)
        assert is_found(store)
        store.close()


def test_an_error_of_our_own_while_looking_at_the_database_is_not_swallowed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(SQLTenants, "_admit", broken)
    with pytest.raises(RuntimeError, match="a mistake"):
        SQLTenants(database.url, store_key=STORE_KEY, store_timeout=5)


# Processes


def test_a_forked_process_has_connections_of_its_own(postgres_database: PostgresDatabase, opened: Open) -> None:
    store = opened(postgres_database)
    parents = backends(postgres_database)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = b"failed"
        with contextlib.suppress(BaseException):
            store.suspend("acme")
            found = store.resolve("acme")
            mine = backends(postgres_database) - parents
            outcome = b"fine" if found is not None and not found.active and len(mine) == 2 else b"wrong"
        os.write(writing, outcome)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"fine"
    os.close(reading)
    os.close(writing)
    found = store.resolve("acme")
    assert found is not None
    assert not found.active
    assert backends(postgres_database) & parents == parents


def test_a_forked_process_leaves_a_sqlite_file_to_its_parent(tmp_path: Path, opened: Open) -> None:
    store = opened(SqliteDatabase(tmp_path / "tenants.db").with_tables())
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os._exit(0 if is_found(store) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert is_found(store)


def test_a_process_that_is_forked_while_the_database_is_looked_at_looks_itself(
    database: Database, opened: Open
) -> None:
    store = opened(database)
    store._connections._is_admitted, store._connections._admission = False, Future()
    child = os.fork()
    if child == 0:
        outcome = 1
        with contextlib.suppress(BaseException):
            outcome = 0 if is_found(store) else 2
        os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_connections_are_bounded_and_ended_by_closing(postgres_database: PostgresDatabase, opened: Open) -> None:
    store = opened(postgres_database, store_timeout=5)
    with ThreadPoolExecutor(40) as threads:
        assert all(threads.map(lambda _: is_found(store), range(400)))
        [*threads.map(lambda _: store.resume("acme"), range(20))]
    assert 0 < len(backends(postgres_database)) <= MAX_CONNECTIONS + MAX_WRITERS
    store.close()
    eventually(lambda: backends(postgres_database) == set())
    assert is_found(store)


# What others learn


def test_no_password_and_no_parameter_is_told(
    postgres_database: PostgresDatabase, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        store = opened(postgres_database)
        postgres_database.run("ALTER TABLE jwt_middleware_keys ADD CHECK (algorithm <> 'HS512')")
        with pytest.raises(ConfigurationError) as refused:
            store.rotate_secret("acme", algorithm="HS512", secret="s" * 64)
        postgres_database.run("DROP TABLE jwt_middleware_keys CASCADE")
        with pytest.raises(TemporarilyUnavailable) as failed:
            store.add_tenant(Tenant("other", keys=[Key.secret("s" * 64)], applications=[]))
        with pytest.raises(TemporarilyUnavailable) as listed:
            store.tenants()
        with pytest.raises(TemporarilyUnavailable) as looked_up:
            store.resolve("acme")
    assert failed.value.reason == "tenant_store_failed_with_UndefinedTable"
    for error in (refused.value, failed.value, listed.value, looked_up.value):
        assert error.__cause__ is None
        assert error.__suppress_context__
    texts = (caplog.text, repr(store), str(refused.value), str(failed.value))
    assert not any(secret in text for text in texts for secret in (PASSWORD, "s" * 64))
    assert "***" in repr(store)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://app:pa55word@db/tenants?sslpassword=pa55word",
        "postgresql+psycopg:///tenants?host=db&user=app&password=pa55word",
    ],
)
def test_a_password_that_is_written_as_an_option_is_not_told_either(url: str) -> None:
    shown = repr(Connections(url, LIMIT, lambda connection: None))
    assert "pa55word" not in shown
    assert "/tenants" in shown


# Time limits themselves


def test_a_time_limit_counts_down_and_the_one_around_it_comes_back() -> None:
    assert seconds_left() is None
    with TimeLimit(10):
        outer = seconds_left()
        assert outer is not None
        assert 9 < outer <= 10
        with TimeLimit(0):
            assert seconds_left() == 0
        again = seconds_left()
        assert again is not None
        assert 9 < again <= outer
    assert seconds_left() is None


def test_a_time_limit_is_a_threads_own() -> None:
    with TimeLimit(10), ThreadPoolExecutor(1) as threads:
        assert threads.submit(seconds_left).result() is None


class Connection:
    """Something that is opened and closed."""

    is_alive = True
    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def opener() -> Opener[Connection]:
    return Opener(lambda connection: connection.is_alive, Connection.close)


def too_late(opener: Opener[Connection], connection: Connection) -> None:
    """It comes, but not in time."""
    may_come = threading.Event()

    def open_slowly() -> Connection:
        may_come.wait(5)
        return connection

    with TimeLimit(0.01), pytest.raises(TimeoutError):
        opener.opened(open_slowly)
    may_come.set()
    eventually(lambda: len(opener._late) == 1)


def test_what_comes_in_time_is_used(opener: Opener[Connection]) -> None:
    connection = Connection()
    assert opener.opened(lambda: connection) is connection
    with TimeLimit(5):
        assert opener.opened(lambda: connection) is connection


def test_what_came_too_late_serves_the_next(opener: Opener[Connection]) -> None:
    late, other = Connection(), Connection()
    too_late(opener, late)
    assert opener.opened(lambda: other) is late
    assert opener.opened(lambda: other) is other
    assert late.closed == 0


def test_what_took_most_of_the_time_serves_the_next(opener: Opener[Connection]) -> None:
    slow, other = Connection(), Connection()
    moments = iter([0.2, 0.05])

    def open_slowly() -> Connection:
        time.sleep(next(moments))
        return slow

    with TimeLimit(0.3), pytest.raises(TimeoutError):
        opener.opened(open_slowly)
    with TimeLimit(0.3):
        assert opener.opened(lambda: other) is slow


def test_what_came_much_too_late_or_has_ended_since_is_closed(
    opener: Opener[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, old, other = Connection(), Connection(), Connection()
    too_late(opener, ended)
    ended.is_alive = False
    assert opener.opened(lambda: other) is other
    too_late(opener, old)
    monkeypatch.setattr(time_limits, "KEPT", 0)
    assert opener.opened(lambda: other) is other
    assert (ended.closed, old.closed, other.closed) == (1, 1, 0)


def test_what_came_too_late_for_everybody_is_closed_at_the_end(opener: Opener[Connection]) -> None:
    late = Connection()
    too_late(opener, late)
    opener.close()
    assert late.closed == 1


def test_what_fails_raises_in_time_or_not_at_all(opener: Opener[Connection]) -> None:
    def fail() -> Connection:
        raise OSError("no")

    def fail_late() -> Connection:
        time.sleep(0.05)
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        opener.opened(fail)
    with TimeLimit(0.01), pytest.raises(TimeoutError):
        opener.opened(fail_late)
    time.sleep(0.1)
    connection = Connection()
    assert opener.opened(lambda: connection) is connection


def test_no_more_than_so_many_are_being_opened(opener: Opener[Connection]) -> None:
    may_come = threading.Event()
    connection = Connection()

    def open_slowly() -> Connection:
        may_come.wait(5)
        return connection

    for _ in range(MAX_OPENING):
        with TimeLimit(0.001), pytest.raises(TimeoutError):
            opener.opened(open_slowly)
    started = time.monotonic()
    with TimeLimit(5), pytest.raises(TimeoutError):
        opener.opened(open_slowly)
    assert time.monotonic() - started < 1
    may_come.set()
    eventually(lambda: len(opener._late) == MAX_OPENING)


def test_a_forked_process_starts_anew_and_closes_nothing_of_its_parents(opener: Opener[Connection]) -> None:
    late, other = Connection(), Connection()
    too_late(opener, late)
    opener.after_fork()
    assert opener.opened(lambda: other) is other
    opener.close()
    assert late.closed == 0


def test_the_clock_is_looked_at_often_enough() -> None:
    assert LOOK_AGAIN < 0.05
