"""A Redis that another one took over from, or that comes back with less than it had: none is taken for complete."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from jwt_middleware import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.revocation.recorded import RecordedRevocations
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.revocation.redis_address import server_of
from jwt_middleware.revocation.sql import SQLRevocations

from .databases import SqliteDatabase
from .proxy import Proxy
from .redis_server import RedisServer
from .waiting import eventually

Ask: TypeAlias = Callable[[RedisRevocations | RecordedRevocations], bool]
QUESTION = ("acme", "t-1", "user_123", 1_000.0)
MARKER = "{jwt_middleware}:generation"
PATIENT = 5.0


@pytest.fixture(scope="module")
def other_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("other-redis"), "--repl-diskless-sync-delay", "0")
    yield server
    server.kill()


@pytest.fixture
def other_server(redis_server: RedisServer, other_process: RedisServer) -> Iterator[RedisServer]:
    """A second one; whatever a test did to the roles of both, they are masters again afterwards."""
    other_process.recover()
    redis_server.run("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    yield other_process
    redis_server.run("CONFIG", "SET", "repl-diskless-sync-delay", "5")
    for server in (redis_server, other_process):
        server.run("REPLICAOF", "NO", "ONE")


@pytest.fixture(params=["in a thread", "on an event loop"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Both colours; the event loop lives on, and its connections with it."""
    if request.param == "in a thread":
        yield lambda store: store.is_revoked(*QUESTION)
        return
    with asyncio.Runner() as runner:
        yield lambda store: runner.run(store.is_revoked_async(*QUESTION))


@pytest.fixture
def replica(redis_server: RedisServer, other_server: RedisServer) -> RedisServer:
    """The second one follows the first."""
    follow(other_server, redis_server)
    return other_server


def follow(replica: RedisServer, master: RedisServer) -> None:
    """Have one be a replica of the other, with all that this has and nothing else."""
    replica.run("REPLICAOF", "127.0.0.1", str(master.port))
    eventually(lambda: replica.run("INFO", "replication")["master_link_status"] == "up")
    eventually(lambda: replica.run("KEYS", "*") == master.run("KEYS", "*"))


def lose_what_is_told_now(told: Callable[[], None], server: RedisServer, replica: RedisServer) -> None:
    """The replica is promoted before it heard of it, and the old master becomes a replica of that."""
    eventually(lambda: replica.run("KEYS", "*") == server.run("KEYS", "*"))
    replica.run("REPLICAOF", "NO", "ONE")
    told()
    follow(server, replica)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(TemporarilyUnavailable) as caught:
        call()
    return caught.value.reason


@pytest.mark.parametrize("role", ["as a replica", "as the master again"])
def test_an_old_master_that_lost_something_to_its_successor_has_to_be_confirmed(
    role: str, redis_server: RedisServer, replica: RedisServer, ask: Ask
) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    store.confirm()

    def revoke() -> None:
        store.revoke_token("acme", "t-1", until=None)
        assert ask(store) is True

    lose_what_is_told_now(revoke, redis_server, replica)
    if role == "as the master again":
        redis_server.run("REPLICAOF", "NO", "ONE")
    # It runs as before, and what the marker says of it came back with the rest.
    assert redis_server.run("EXISTS", MARKER)
    another = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    for asked in (store, another):
        assert refused(lambda asked=asked: ask(asked)) == "revocations_not_confirmed"  # type: ignore[misc]
        asked.close()


def test_a_copy_in_an_old_master_that_lost_something_is_not_asked(
    tmp_path: Path, redis_server: RedisServer, replica: RedisServer, ask: Ask
) -> None:
    record = SQLRevocations(SqliteDatabase(tmp_path / "revocations.db").with_tables().url, store_timeout=PATIENT)
    copy = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    store = RecordedRevocations(record, copy, store_timeout=PATIENT)
    store.keeper.start = lambda: None  # type: ignore[method-assign]
    store.keeper.tend()
    assert store.keeper.trusts(copy.entries.read())
    lose_what_is_told_now(lambda: store.revoke_token("acme", "t-1", until=None), redis_server, replica)
    assert ask(store) is True
    redis_server.run("REPLICAOF", "NO", "ONE")
    assert ask(store) is True
    store.close()


def test_an_old_master_that_is_filled_while_it_loses_something_is_not_called_complete(
    redis_server: RedisServer, replica: RedisServer
) -> None:
    copy = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    assert copy.entries.begin("me", 30)
    run = copy.entries.read().server
    lose_what_is_told_now(lambda: copy.revoke_token("acme", "t-1", until=None), redis_server, replica)
    redis_server.run("REPLICAOF", "NO", "ONE")
    assert not copy.entries.finish("me", 7, run)
    assert not redis_server.run("EXISTS", MARKER)
    copy.close()


def test_a_server_that_was_replaced_while_it_lives_is_not_asked_any_longer(
    redis_server: RedisServer, other_server: RedisServer, ask: Ask
) -> None:
    with Proxy(redis_server.port) as switch:
        store = RedisRevocations(f"redis://127.0.0.1:{switch.port}/0", store_timeout=PATIENT)
        store.confirm()
        assert ask(store) is False
        switch.lead_to(other_server.port)
        threads_only = RedisRevocations(f"redis://127.0.0.1:{switch.port}/0", store_timeout=PATIENT)
        threads_only.confirm()
        threads_only.close()
        # One more connection, as another thread would need it, and in use while this one asks.
        pool = store.entries._links._pools[os.getpid()]
        pool._count += 1
        store.entries._links._open(pool)
        store.revoke_token("acme", "t-1", until=None)
        in_use = pool.take()
        assert other_server.run("DBSIZE") == 2
        assert ask(store) is True
        assert in_use is not None
        store.entries._links._give(pool, in_use)
        store.close()


def test_a_server_that_does_not_tell_its_run_needs_somebodys_word() -> None:
    told = [b"redis_version:7.4\r\n", b"maxmemory_policy:noeviction\r\n"]
    with pytest.raises(ConfigurationError, match="run_id"):
        server_of(told, eviction_checked=False)
    assert server_of(told, eviction_checked=True) == ""
    assert server_of([b"run_id:abc\r\n", *told], eviction_checked=False) == "abc"


def test_a_marker_that_no_number_can_hold_confirms_nothing(redis_server: RedisServer, ask: Ask) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    store.confirm()
    generation, _, run = redis_server.run("GET", MARKER).partition(b":")
    for strange in (b"9" * 5000, "\u0661".encode(), b"\xc2\xb2", b"-1", b"+1", b"1_0", b" 1"):
        redis_server.run("SET", MARKER, strange + b":" + run)
        assert refused(lambda: ask(store)) == "revocations_not_confirmed"
    redis_server.run("SET", MARKER, generation + b":" + run)
    assert ask(store) is False
    store.close()


def test_the_one_that_confirms_again_is_believed_whatever_its_clock_says(redis_server: RedisServer, ask: Ask) -> None:
    """The clock of whoever confirms may be behind the one of whoever did before."""
    ahead = RedisRevocations(redis_server.url, store_timeout=PATIENT, clock=lambda: time.time() + 3600)
    ahead.confirm()
    assert ask(ahead) is False
    behind = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    behind.confirm()
    assert ask(behind) is False
    assert ask(ahead) is False
    for store in (ahead, behind):
        store.close()
