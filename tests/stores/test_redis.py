"""Revocations in Redis: the suite of every store, and what a real server can do to them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import redis

from jwt_middleware import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.revocation import entries, redis_links
from jwt_middleware.revocation.entries import KEPT_LONGER
from jwt_middleware.revocation.pool import Pool
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.testing import Clock
from jwt_middleware.testing.revocations import SharedRevocationStoreSuite, in_parallel

from .certificate import certificate_for
from .proxy import Proxy
from .redis_server import RedisServer, free_port
from .waiting import eventually

Ask: TypeAlias = Callable[[RedisRevocations], bool]
QUESTION = ("acme", "t-1", "user_123", 1_000.0)
PATIENT = 5.0
IMPATIENT = 0.25
"""Time limits in seconds, for servers that answer and for those that do not."""


class TestTheSuite(SharedRevocationStoreSuite):
    @pytest.fixture
    def store(self, redis_server: RedisServer, clock: Clock) -> Iterator[RedisRevocations]:
        store = RedisRevocations(redis_server.url, clock=clock, store_timeout=PATIENT)
        store.confirm()
        yield store
        store.close()

    @pytest.fixture
    def another(self, store: RedisRevocations, redis_server: RedisServer) -> Iterator[RedisRevocations]:
        another = RedisRevocations(redis_server.url, store_timeout=PATIENT)
        yield another
        another.close()


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisRevocations]:
    """Confirmed, and in use."""
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    store.confirm()
    assert in_a_thread(store) is False
    yield store
    store.close()


@pytest.fixture
def impatient(store: RedisRevocations, redis_server: RedisServer) -> Iterator[RedisRevocations]:
    """The same, with a short time limit."""
    store = RedisRevocations(redis_server.url, store_timeout=IMPATIENT)
    eventually(lambda: in_a_thread(store) is False)
    yield store
    store.close()


def in_a_thread(store: RedisRevocations) -> bool:
    return store.is_revoked(*QUESTION)


def on_a_loop(store: RedisRevocations) -> bool:
    return asyncio.run(store.is_revoked_async(*QUESTION))


@pytest.fixture(params=[in_a_thread, on_a_loop])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both colours."""
    asking: Ask = request.param
    return asking


def is_false(answer: bool) -> None:
    assert answer is False


def reason(call: Callable[[], object]) -> str:
    with pytest.raises(TemporarilyUnavailable) as caught:
        call()
    return caught.value.reason


def fix(call: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        call()
    return str(caught.value)


# What is written


def test_a_check_is_one_round_trip(store: RedisRevocations, redis_server: RedisServer, ask: Ask) -> None:
    def count() -> int:
        return int(redis_server.run("INFO", "commandstats")["cmdstat_evalsha"]["calls"])

    before = count()
    for _ in range(3):
        store.is_revoked(*QUESTION)
    assert count() == before + 3


def test_no_name_can_be_read_in_redis(store: RedisRevocations, redis_server: RedisServer) -> None:
    store.revoke_token("acme", "t-1", until=None)
    store.revoke_subject("acme", "user_123", cutoff=1, until=None)
    store.revoke_tenant("acme", cutoff=1, until=None)
    keys = redis_server.run("KEYS", "*")
    assert len(keys) == 4
    assert all(key.startswith(b"{jwt_middleware}:") for key in keys)
    assert not any(name in b" ".join(keys) for name in (b"acme", b"t-1", b"user_123"))


def test_entries_expire_by_themselves(store: RedisRevocations, redis_server: RedisServer) -> None:
    now = int(time.time())
    store.revoke_token("acme", "t-1", until=now + 100)
    store.revoke_subject("acme", "user_123", cutoff=now, until=now + 50)
    store.revoke_subject("acme", "user_123", cutoff=now, until=now + 100)
    store.revoke_tenant("acme", cutoff=now, until=None)
    left = [redis_server.run("TTL", f"{{jwt_middleware}}:{key}") for key in entries.keys("acme", "t-1", "user_123")]
    assert left[2] == -1
    assert all(KEPT_LONGER < ttl <= KEPT_LONGER + 101 for ttl in left[:2])


def test_an_entry_that_is_over_leaves_nothing(store: RedisRevocations, redis_server: RedisServer) -> None:
    store.revoke_token("acme", "t-1", until=time.time() - KEPT_LONGER - 10)
    assert redis_server.run("KEYS", "*") == [b"{jwt_middleware}:generation"]


def test_an_entry_ends_by_the_clock_of_the_settings(redis_server: RedisServer, clock: Clock) -> None:
    store = RedisRevocations(redis_server.url, clock=clock)
    store.confirm()
    store.revoke_token("acme", "t-1", until=clock.now + 10)
    clock.now += 9.9
    assert in_a_thread(store)
    clock.now += 0.1
    assert not in_a_thread(store)
    store.close()


@pytest.mark.parametrize("behind", [86_400, -86_400])
def test_a_server_of_another_time_forgets_nothing_early(behind: int, redis_server: RedisServer, clock: Clock) -> None:
    """What counts is how long an entry is needed, not what either takes for now."""
    clock.now -= behind
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT, clock=clock)
    store.confirm()
    for until in (clock.now + 50, clock.now + 100, clock.now + 75):
        store.revoke_token("acme", "t-1", until=until)
    assert in_a_thread(store)
    key = f"{{jwt_middleware}}:{entries.token_key('acme', 't-1')}"
    assert KEPT_LONGER + 95 < redis_server.run("TTL", key) <= KEPT_LONGER + 101
    store.close()


def test_an_entry_without_end_is_not_given_one(store: RedisRevocations, redis_server: RedisServer) -> None:
    for until in (None, time.time() + 100, time.time() - 100_000):
        store.revoke_token("acme", "t-1", until=until)
        assert redis_server.run("TTL", f"{{jwt_middleware}}:{entries.token_key('acme', 't-1')}") == -1
        assert in_a_thread(store)


def test_stores_of_different_prefixes_know_nothing_of_each_other(
    store: RedisRevocations, redis_server: RedisServer
) -> None:
    other = RedisRevocations(redis_server.url, prefix="another")
    other.confirm()
    other.revoke_token("acme", "t-1", until=None)
    assert in_a_thread(other)
    assert not in_a_thread(store)
    other.close()


# What Redis may have lost


def test_until_somebody_confirms_it_nothing_can_be_told(redis_server: RedisServer, ask: Ask) -> None:
    store = RedisRevocations(redis_server.url)
    assert reason(lambda: ask(store)) == "revocations_not_confirmed"
    assert reason(store.check) == "revocations_not_confirmed"
    assert reason(lambda: asyncio.run(store.check_async())) == "revocations_not_confirmed"
    store.confirm()
    assert ask(store) is False
    store.check()
    asyncio.run(store.check_async())
    store.close()


def test_a_flushed_server_has_to_be_confirmed_again(
    store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    redis_server.run("FLUSHALL")
    assert reason(lambda: ask(store)) == "revocations_not_confirmed"
    another = RedisRevocations(redis_server.url)
    another.confirm()
    another.close()
    assert ask(store) is False


@pytest.mark.parametrize("empty", [False, True])
def test_a_restarted_server_has_to_be_confirmed_again(
    empty: bool, store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    store.revoke_token("acme", "t-1", until=None)
    redis_server.restart(empty=empty)
    assert reason(lambda: ask(store)) == "revocations_not_confirmed"
    store.confirm()
    assert ask(store) is not empty


def test_a_replica_that_takes_over_has_to_be_confirmed(
    store: RedisRevocations, redis_server: RedisServer, tmp_path: Path, ask: Ask
) -> None:
    replica = RedisServer(tmp_path, "--replicaof", "127.0.0.1", str(redis_server.port))
    try:
        deadline = time.monotonic() + 20
        while not replica.run("KEYS", "*"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        follower = RedisRevocations(replica.url)
        assert reason(lambda: ask(follower)) == "revocations_not_confirmed"
        assert reason(follower.confirm) == "revocation_store_failed_with_ReadOnlyError"
        replica.run("REPLICAOF", "NO", "ONE")
        assert reason(lambda: ask(follower)) == "revocations_not_confirmed"
        follower.confirm()
        assert ask(follower) is False
        follower.close()
    finally:
        replica.kill()


def test_an_old_copy_that_comes_back_is_not_believed(
    store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    key = "{jwt_middleware}:generation"
    old = redis_server.run("GET", key)
    store.confirm()
    assert ask(store) is False
    redis_server.run("SET", key, old)
    assert reason(lambda: ask(store)) == "revocations_not_confirmed"


def test_confirming_twice_within_a_moment_confirms_something_new(redis_server: RedisServer) -> None:
    store = RedisRevocations(redis_server.url, clock=Clock())
    generations = set()
    for _ in range(3):
        store.confirm()
        assert not in_a_thread(store)
        generations.add(redis_server.run("GET", "{jwt_middleware}:generation"))
    assert len(generations) == 3
    store.close()


def test_confirming_what_was_flushed_is_believed_by_a_process_whose_clock_went_back(
    redis_server: RedisServer, clock: Clock
) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT, clock=clock)
    store.confirm()
    assert not in_a_thread(store)
    redis_server.run("FLUSHALL")
    clock.now -= 3600
    store.confirm()
    assert not in_a_thread(store)
    store.close()


# What else may be there


@pytest.mark.parametrize("name", ["generation", *entries.keys("acme", "t-1", "user_123")])
@pytest.mark.parametrize("command", [("LPUSH", "1"), ("SADD", "1"), ("HSET", "a", "1"), ("ZADD", "1", "a")])
def test_a_value_of_another_type_is_never_taken_for_no_revocation(
    name: str, command: tuple[str, ...], store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    key = f"{{jwt_middleware}}:{name}"
    redis_server.run("DEL", key)
    redis_server.run(command[0], key, *command[1:])
    assert reason(lambda: ask(store)) == "revocation_store_failed_with_ResponseError"


@pytest.mark.parametrize("value", ["", "1", "a:b", "1:2:3", "\xff", "1:"])
def test_a_value_that_is_no_entry_is_never_taken_for_no_revocation(
    value: str, store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    redis_server.run("SET", f"{{jwt_middleware}}:{entries.tenant_key('acme')}", value.encode("latin-1"))
    assert reason(lambda: ask(store)) == "revocation_store_holds_something_else"


@pytest.mark.parametrize("value", ["", "x", "1", ":", "1:x", "\xff", "-1:x"])
def test_a_marker_that_is_none_confirms_nothing(
    value: str, store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    redis_server.run("SET", "{jwt_middleware}:generation", value.encode("latin-1"))
    assert reason(lambda: ask(store)) in ("revocations_not_confirmed", "revocation_store_holds_something_else")


def test_a_write_does_not_replace_what_is_no_entry(store: RedisRevocations, redis_server: RedisServer) -> None:
    key = f"{{jwt_middleware}}:{entries.token_key('acme', 't-1')}"
    redis_server.run("SET", key, "something else")
    assert reason(lambda: store.revoke_token("acme", "t-1", until=None)).startswith("revocation_store_failed")
    assert redis_server.run("GET", key) == b"something else"


def test_a_server_that_forgot_the_script_is_told_again(
    store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    redis_server.run("SCRIPT", "FLUSH")
    assert ask(store) is False
    redis_server.run("SCRIPT", "FLUSH")
    store.revoke_token("acme", "t-1", until=None)
    assert ask(store) is True


# Servers that evict


def test_a_server_that_evicts_is_refused_at_the_start(redis_server: RedisServer) -> None:
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    message = fix(lambda: RedisRevocations(redis_server.url))
    assert "evicts entries by the policy allkeys-lru" in message
    assert "set maxmemory-policy to noeviction" in message
    assert "allkeys-lru" in fix(lambda: RedisRevocations(redis_server.url, eviction_checked=True))


def test_a_server_that_is_made_to_evict_later_is_refused_on_the_next_connection(
    store: RedisRevocations, redis_server: RedisServer, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    store.close()
    with caplog.at_level(logging.ERROR, logger="jwt_middleware"):
        for _ in range(3):
            assert "volatile-ttl" in fix(lambda: ask(store))
    assert caplog.text.count("volatile-ttl") == 1
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert ask(store) is False


def test_a_server_that_does_not_tell_needs_somebodys_word(redis_server: RedisServer, ask: Ask) -> None:
    redis_server.run("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-info", "-config")
    url = redis_server.url.replace("//", "//app:secret@")
    assert "eviction_checked=True" in fix(lambda: RedisRevocations(url))
    store = RedisRevocations(url, eviction_checked=True)
    store.confirm()
    assert ask(store) is False
    store.close()
    redis_server.run("ACL", "DELUSER", "app")


# Addresses


def test_a_server_that_is_not_there_is_no_reason_not_to_start(caplog: pytest.LogCaptureFixture, ask: Ask) -> None:
    with caplog.at_level(logging.WARNING, logger="jwt_middleware"):
        store = RedisRevocations(f"redis://user:hunter2@127.0.0.1:{free_port()}/0")
    assert "does not answer" in caplog.text
    assert reason(lambda: ask(store)) == "revocation_store_failed_with_ConnectionError"
    assert "hunter2" not in repr(store) + caplog.text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost", "no Redis URL"),
        ("localhost:6379", "no Redis URL"),
        ("redis://:hunter2@localhost:port/", "no Redis URL"),
        ("redis://:hunter2@localhost/?db=x", "no Redis URL"),
        ("redis://app:hunter2/7@localhost/", "no Redis URL"),
        ("redis://localhost/?socket_timeout=3&decode_responses=yes", "socket_timeout, decode_responses cannot be set"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisRevocations(url)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    # What the client library said of it may quote what it took for the port.
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_client_lends_its_address_and_credentials(redis_server: RedisServer, ask: Ask) -> None:
    redis_server.run("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all")
    with redis.Redis(
        port=redis_server.port, db=3, username="app", password="secret", decode_responses=True, protocol=3
    ) as client:
        store = RedisRevocations(client)
        store.confirm()
        store.revoke_token("acme", "t-1", until=None)
        assert ask(store) is True
        assert len(client.keys("*")) == 2
    store.close()
    redis_server.run("ACL", "DELUSER", "app")


@pytest.mark.parametrize("client", [redis.asyncio.Redis(), object(), None, 7], ids=repr)
def test_another_client_is_refused(client: Any) -> None:
    assert "cannot be used" in fix(lambda: RedisRevocations(client))


def test_a_connection_of_another_kind_is_refused(redis_server: RedisServer) -> None:
    class Unusual(redis.Connection):
        pass

    client = redis.Redis(connection_pool=redis.ConnectionPool(connection_class=Unusual, port=redis_server.port))
    assert "Unusual cannot be used" in fix(lambda: RedisRevocations(client))


def test_a_socket_in_the_file_system_will_do(tmp_path: Path, ask: Ask) -> None:
    socket = tmp_path / "redis.sock"
    server = RedisServer(tmp_path, "--unixsocket", str(socket))
    try:
        store = RedisRevocations(f"unix://{socket}")
        store.confirm()
        assert ask(store) is False
        assert repr(store) == f"RedisRevocations({socket}/0)"
        store.close()
    finally:
        server.kill()


def test_tls_is_spoken_and_the_certificate_is_checked(redis_server: RedisServer, tmp_path: Path, ask: Ask) -> None:
    certificate, key = certificate_for("localhost", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Proxy(redis_server.port, certificate=context) as proxy:
        url = f"rediss://localhost:{proxy.port}/0"
        store = RedisRevocations(f"{url}?ssl_ca_certs={certificate}", store_timeout=PATIENT)
        store.confirm()
        assert ask(store) is False
        store.close()
        stranger = RedisRevocations(url)
        assert reason(lambda: ask(stranger)) == "revocation_store_failed_with_ConnectionError"
        stranger.close()


# Servers that do not answer


def test_a_server_that_hangs_is_waited_for_within_the_limit(
    impatient: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    redis_server.pause()
    began = time.monotonic()
    assert reason(lambda: ask(impatient)) == "revocation_store_timed_out"
    assert IMPATIENT * 0.8 < time.monotonic() - began < IMPATIENT + 1
    redis_server.resume()
    eventually(lambda: ask(impatient) is False)


def test_while_it_hangs_others_are_told_at_once(impatient: RedisRevocations, redis_server: RedisServer) -> None:
    redis_server.pause()
    assert reason(lambda: in_a_thread(impatient)) == "revocation_store_timed_out"
    reasons: list[str] = []
    in_parallel(*[lambda _: reasons.append(reason(lambda: in_a_thread(impatient)))] * 8, times=1)
    assert set(reasons) == {"revocation_store_does_not_answer", "revocation_store_timed_out"}
    assert reasons.count("revocation_store_does_not_answer") >= 5


def test_while_it_hangs_other_tasks_are_told_at_once(impatient: RedisRevocations, redis_server: RedisServer) -> None:
    redis_server.pause()
    assert reason(lambda: on_a_loop(impatient)) == "revocation_store_timed_out"

    async def many() -> list[str]:
        asking = (impatient.is_revoked_async(*QUESTION) for _ in range(20))
        refused = await asyncio.gather(*asking, return_exceptions=True)
        return [each.reason for each in refused if isinstance(each, TemporarilyUnavailable)]

    reasons = asyncio.run(many())
    assert reasons.count("revocation_store_timed_out") == 1
    assert reasons.count("revocation_store_does_not_answer") == 19


def test_a_server_that_says_nothing_at_the_start_holds_no_thread_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = RedisRevocations(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", store_timeout=0.1)
        assert reason(lambda: in_a_thread(store)) == "revocation_store_timed_out"
        eventually(lambda: not [each for each in threading.enumerate() if each.name == "jwt_middleware-redis"], 5)


def test_while_names_cannot_be_resolved_the_threads_of_the_event_loop_are_left_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()
    resolving: list[threading.Thread] = []
    resolve = socket.getaddrinfo

    def hang(host: Any, *rest: Any, **options: Any) -> Any:
        if host == "redis.test":
            resolving.append(threading.current_thread())
            answered.wait(10)
            raise socket.gaierror
        return resolve(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    store = RedisRevocations("redis://redis.test:6379/0", store_timeout=0.02)

    async def ask() -> None:
        for _ in range(20):
            with pytest.raises(TemporarilyUnavailable):
                await store.is_revoked_async(*QUESTION)
            await asyncio.sleep(redis_links.OPENING_STEPS * 0.02)
        began = time.monotonic()
        await asyncio.to_thread(is_false, False)
        assert time.monotonic() - began < 0.5

    asyncio.run(ask())
    assert len(resolving) <= 10
    answered.set()
    for thread in resolving:
        thread.join(5)
    with pytest.raises(TemporarilyUnavailable, match="ConnectionError"):
        on_a_loop(RedisRevocations("redis://redis.test:6379/0", store_timeout=2))


def test_a_connection_that_was_lost_meanwhile_is_replaced(store: RedisRevocations, redis_server: RedisServer) -> None:
    in_parallel(*[lambda _: is_false(in_a_thread(store))] * 8, times=50)
    redis_server.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    in_parallel(*[lambda _: is_false(in_a_thread(store))] * 8, times=5)


def test_a_connection_of_a_loop_that_was_lost_meanwhile_is_replaced(
    store: RedisRevocations, redis_server: RedisServer
) -> None:
    async def many() -> set[bool]:
        return set(await asyncio.gather(*(store.is_revoked_async(*QUESTION) for _ in range(50))))

    async def ask_twice() -> None:
        assert await many() == {False}
        await asyncio.to_thread(redis_server.run, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await many() == {False}

    asyncio.run(ask_twice())


def test_a_server_without_room_for_another_connection_is_unavailable(
    store: RedisRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    store.close()
    with redis_server.full():
        assert reason(lambda: ask(store)).startswith("revocation_store_failed_with_")
    assert ask(store) is False


def test_connections_are_bounded(redis_server: RedisServer) -> None:
    store = RedisRevocations(redis_server.url, max_connections=3, store_timeout=PATIENT)
    store.confirm()

    before = redis_server.connections()
    in_parallel(*[lambda _: is_false(in_a_thread(store))] * 20, times=20)
    assert len(redis_server.connections() - before) < 3

    async def many() -> None:
        await asyncio.gather(*(store.is_revoked_async(*QUESTION) for _ in range(300)))
        assert len(await asyncio.to_thread(redis_server.connections) - before) < 3 + 3

    asyncio.run(many())
    store.close()


def test_whoever_waits_in_vain_for_a_connection_is_told_in_time(redis_server: RedisServer) -> None:
    """All connections are busy with a server that is slow; it is not the others' fault."""
    with Proxy(redis_server.port) as proxy:
        store = RedisRevocations(f"redis://127.0.0.1:{proxy.port}/0", max_connections=1, store_timeout=0.3)
        store.confirm()
        proxy.delay = 0.2
        times: list[float] = []

        def timed(_: int) -> None:
            began = time.monotonic()
            try:
                in_a_thread(store)
            except TemporarilyUnavailable:
                times.append(time.monotonic() - began)

        in_parallel(*[timed] * 6, times=1)
        assert len(times) >= 4
        assert max(times) < 0.3 + 0.25
        store.close()


def test_a_slow_server_gets_a_connection_in_the_end(redis_server: RedisServer, ask: Ask) -> None:
    """Opening one takes several steps, which together last longer than a check may."""
    with Proxy(redis_server.port) as proxy:
        store = RedisRevocations(f"redis://127.0.0.1:{proxy.port}/0", store_timeout=0.3)
        store.confirm()
        store.close()
        proxy.delay = 0.12
        if ask is in_a_thread:
            eventually(lambda: in_a_thread(store) is False)
        else:
            asyncio.run(ask_until_it_is_answered(store))
        store.close()


async def ask_until_it_is_answered(store: RedisRevocations) -> None:
    for _ in range(20):
        with contextlib.suppress(TemporarilyUnavailable):
            assert await store.is_revoked_async(*QUESTION) is False
            return
    pytest.fail("it is never answered")


# Processes, event loops, the end


def test_a_forked_process_has_connections_of_its_own(store: RedisRevocations, redis_server: RedisServer) -> None:
    mine = redis_server.connections()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            in_a_thread(store)
            os.write(writing, ",".join(redis_server.connections()).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        seen = set(pipe.read().decode().split(","))
    assert len(seen & mine) < len(seen)
    assert in_a_thread(store) is False


def test_a_cancelled_check_leaves_its_connection_in_order(store: RedisRevocations) -> None:
    async def cancel_some() -> None:
        for _ in range(30):
            asking = [asyncio.ensure_future(store.is_revoked_async(*QUESTION)) for _ in range(40)]
            await asyncio.sleep(0)
            for task in asking[::2]:
                task.cancel()
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert all(answer is False for answer in answers[1::2])
            assert all(answer is False or isinstance(answer, asyncio.CancelledError) for answer in answers[::2])

    asyncio.run(cancel_some())


def test_an_answer_that_comes_after_a_check_was_cancelled_is_nobody_elses(redis_server: RedisServer) -> None:
    async def ask() -> None:
        store = RedisRevocations(redis_server.url, store_timeout=PATIENT, max_connections=1)
        await asyncio.to_thread(store.confirm)
        await asyncio.to_thread(store.revoke_token, "acme", "revoked", until=None)
        assert await store.is_revoked_async(*QUESTION) is False
        redis_server.pause()
        asking = asyncio.ensure_future(store.is_revoked_async("acme", "revoked", "user_123", 0))
        await asyncio.sleep(0.05)
        asking.cancel()
        redis_server.resume()
        assert await store.is_revoked_async(*QUESTION) is False
        assert await store.is_revoked_async("acme", "revoked", "user_123", 0) is True
        await store.aclose()

    asyncio.run(ask())


def test_an_answer_that_comes_after_a_thread_gave_up_is_nobody_elses(
    store: RedisRevocations, redis_server: RedisServer
) -> None:
    store.revoke_token("acme", "revoked", until=None)
    impatient = RedisRevocations(redis_server.url, store_timeout=IMPATIENT, max_connections=1)
    eventually(lambda: in_a_thread(impatient) is False)
    redis_server.pause()
    assert reason(lambda: impatient.is_revoked("acme", "revoked", "user_123", 0)) == "revocation_store_timed_out"
    redis_server.resume()
    eventually(lambda: ended(lambda: is_false(in_a_thread(impatient))))
    assert impatient.is_revoked("acme", "revoked", "user_123", 0) is True
    impatient.close()


def test_only_a_connection_that_was_just_opened_can_come_too_late(redis_server: RedisServer) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    store.confirm()
    links = store.entries._links
    link = links._pools[os.getpid()].take()
    assert link is not None
    soon = time.monotonic() + 0.4 * PATIENT
    assert not links._comes_too_late(link, soon)
    link.was_used = False
    assert links._comes_too_late(link, soon)
    assert not links._comes_too_late(link, time.monotonic() + 0.6 * PATIENT)
    link.connection.disconnect()


def test_making_a_store_leaves_no_connection_to_whoever_forks_now(redis_server: RedisServer) -> None:
    before = redis_server.connections()
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    eventually(lambda: redis_server.connections() <= before)
    store.close()


def test_connections_end_with_their_loop_or_when_they_are_closed(
    store: RedisRevocations, redis_server: RedisServer
) -> None:
    def connections() -> int:
        return len(redis_server.connections())

    before = connections()

    async def ask(close: bool) -> None:
        await asyncio.gather(*(store.is_revoked_async(*QUESTION) for _ in range(20)))
        assert await asyncio.to_thread(connections) > before
        if close:
            await store.aclose()
            assert await store.is_revoked_async(*QUESTION) is False

    for close in (False, True):
        asyncio.run(ask(close))
        eventually(lambda: connections() <= before)
    assert in_a_thread(store) is False
    store.close()
    eventually(lambda: connections() < before)


def test_closing_where_nothing_was_opened_does_nothing(redis_server: RedisServer) -> None:
    store = RedisRevocations(redis_server.url)
    asyncio.run(store.aclose())
    store.close()


def test_a_connection_in_use_while_the_store_is_closed_is_ended_after_use(
    store: RedisRevocations, redis_server: RedisServer
) -> None:
    before = redis_server.connections()
    redis_server.pause()
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(in_a_thread(store)))
    asking.start()
    time.sleep(0.1)
    store.close()
    redis_server.resume()
    asking.join()
    assert answers == [False]
    eventually(lambda: redis_server.connections() < before)


def test_a_loops_connection_in_use_while_it_is_closed_is_ended_after_use(
    store: RedisRevocations, redis_server: RedisServer
) -> None:
    async def close_meanwhile() -> None:
        assert await store.is_revoked_async(*QUESTION) is False
        before = await asyncio.to_thread(redis_server.connections)
        redis_server.pause()
        # One uses the connection, the other waits for one that is being opened.
        asking = [asyncio.ensure_future(store.is_revoked_async(*QUESTION)) for _ in range(2)]
        await asyncio.sleep(0.1)
        await store.aclose()
        redis_server.resume()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert answers[0] is False
        assert isinstance(answers[1], TemporarilyUnavailable)
        await asyncio.to_thread(eventually, lambda: redis_server.connections() < before)

    asyncio.run(close_meanwhile())


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Connections that come free at the very moment when somebody stops waiting."""
    late: list[Any] = []
    leave = Pool.leave

    def give_first(pool: Pool[Any], future: Any) -> Any:
        for link in late:
            pool.give(link)
        late.clear()
        return leave(pool, future)

    monkeypatch.setattr(Pool, "leave", give_first)
    return late


def test_a_connection_that_comes_free_when_nobody_waits_any_longer_serves_the_next(
    redis_server: RedisServer, late: list[Any]
) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=IMPATIENT, max_connections=1)
    eventually(lambda: ended(store.confirm))
    before = redis_server.connections()
    late.append(store.entries._links._pools[os.getpid()].take())
    assert reason(lambda: in_a_thread(store)) == "revocation_store_timed_out"
    eventually(lambda: in_a_thread(store) is False)
    assert redis_server.connections() == before
    store.close()


def test_a_loops_connection_that_comes_free_when_its_waiter_is_cancelled_serves_the_next(
    redis_server: RedisServer,
) -> None:
    async def ask() -> None:
        store = RedisRevocations(redis_server.url, store_timeout=PATIENT, max_connections=1)
        await asyncio.to_thread(store.confirm)
        assert await store.is_revoked_async(*QUESTION) is False
        before = await asyncio.to_thread(redis_server.connections)
        pool = store.entries._async_links._pools[asyncio.get_running_loop()].pool
        only = pool.take()
        assert only is not None
        asking = asyncio.ensure_future(store.is_revoked_async(*QUESTION))
        await asyncio.sleep(0.01)
        asking.cancel()
        pool.give(only)
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await store.is_revoked_async(*QUESTION) is False
        assert await asyncio.to_thread(redis_server.connections) == before
        store.close()

    asyncio.run(ask())


def test_a_new_connection_that_comes_too_late_to_be_of_use_serves_the_next(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=PATIENT)
    store.confirm()
    store.close()
    verdicts = [True]
    monkeypatch.setattr(redis_links.Links, "_comes_too_late", lambda *_: bool(verdicts and verdicts.pop()))
    monkeypatch.setattr(redis_links.AsyncLinks, "_comes_too_late", lambda *_: bool(verdicts and verdicts.pop()))
    before = redis_server.connections()
    assert reason(lambda: in_a_thread(store)) == "revocation_store_timed_out"
    assert in_a_thread(store) is False
    assert len(redis_server.connections() - before) == 1

    async def ask() -> None:
        verdicts.append(True)
        with pytest.raises(TemporarilyUnavailable, match="revocation_store_timed_out"):
            await store.is_revoked_async(*QUESTION)
        assert await store.is_revoked_async(*QUESTION) is False
        assert len(await asyncio.to_thread(redis_server.connections) - before) == 2

    asyncio.run(ask())
    store.close()


def ended(call: Callable[[], None]) -> bool:
    call()
    return True


def test_a_loop_that_ends_while_a_connection_is_opened_leaves_nothing(redis_server: RedisServer) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=0.2)
    redis_server.pause()
    for _ in range(2):
        assert reason(lambda: asyncio.run(store.is_revoked_async(*QUESTION))) == "revocation_store_timed_out"
    redis_server.resume()
    store.close()
