"""Revocations recorded in a database and looked at in Redis: which of the two answers, and that nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import pytest

from jwt_middleware import TemporarilyUnavailable
from jwt_middleware.revocation import copying, entries
from jwt_middleware.revocation.copying import CopyKeeper
from jwt_middleware.revocation.entries import Entry
from jwt_middleware.revocation.recorded import RecordedRevocations
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.testing import Clock
from jwt_middleware.testing.revocations import SharedRevocationStoreSuite

from .databases import Database
from .proxy import Proxy
from .redis_server import RedisServer
from .waiting import eventually

QUESTION = ("acme", "t-1", "user_123", 1_000.0)
MARKER = "{jwt_middleware}:generation"
BUILDER = "{jwt_middleware}:builder"
PATIENT = 5.0
IMPATIENT = 0.25

Ask: TypeAlias = Callable[[RecordedRevocations], bool]


@pytest.fixture
def url(revocation_database: Database) -> str:
    return revocation_database.url


def opened(
    url: str,
    server: RedisServer,
    port: int | None = None,
    timeout: float = PATIENT,
    clock: Callable[[], float] = time.time,
) -> RecordedRevocations:
    copy = RedisRevocations(f"redis://127.0.0.1:{port or server.port}/0", store_timeout=timeout)
    record = SQLRevocations(url, clock=clock, store_timeout=PATIENT)
    return RecordedRevocations(record, copy, store_timeout=PATIENT, clock=clock)


class TestTheSuite(SharedRevocationStoreSuite):
    @pytest.fixture
    def store(self, url: str, redis_server: RedisServer, clock: Clock) -> Iterator[RecordedRevocations]:
        store = opened(url, redis_server, clock=clock)
        yield store
        store.close()

    @pytest.fixture
    def another(self, url: str, redis_server: RedisServer, clock: Clock) -> Iterator[RecordedRevocations]:
        another = opened(url, redis_server, clock=clock)
        yield another
        another.close()


class TestTheSuiteWithAFullCopy(TestTheSuite):
    """The same where Redis answers from the first check on."""

    @pytest.fixture
    def store(self, url: str, redis_server: RedisServer, clock: Clock) -> Iterator[RecordedRevocations]:
        store = opened(url, redis_server, clock=clock)
        store.keeper.tend()
        yield store
        store.close()


@pytest.fixture
def store(url: str, redis_server: RedisServer) -> Iterator[RecordedRevocations]:
    """With a complete copy, and nobody who looks after it but the test."""
    store = opened(url, redis_server, timeout=IMPATIENT)
    store.keeper.start = lambda: None  # type: ignore[method-assign]
    eventually(lambda: is_filled(store))
    yield store
    store.close()


@pytest.fixture(params=["in a thread", "on an event loop"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both colours."""
    if request.param == "in a thread":
        return lambda store: store.is_revoked(*QUESTION)
    return lambda store: asyncio.run(store.is_revoked_async(*QUESTION))


def is_filled(store: RecordedRevocations) -> bool:
    store.keeper.tend()
    return store.keeper.trusts(store.copy.entries.read())


def is_in_redis(server: RedisServer, name: str) -> bool:
    return bool(server.run("EXISTS", f"{{jwt_middleware}}:{name}"))


TOKEN = entries.token_key("acme", "t-1")


class Gone:
    """A record that cannot be reached."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise TemporarilyUnavailable("revocation_store_timed_out")

        return fail


def without_record(store: RecordedRevocations) -> RecordedRevocations:
    """The same copy, with the same trust, and no database."""
    bare = RecordedRevocations(Gone(), store.copy)  # type: ignore[arg-type]
    bare.keeper = store.keeper
    return bare


# Who answers


def test_redis_answers_where_its_copy_is_complete(store: RecordedRevocations, ask: Ask) -> None:
    assert ask(without_record(store)) is False
    store.revoke_token("acme", "t-1", until=None)
    assert ask(without_record(store)) is True


def test_before_the_copy_is_complete_the_database_answers(url: str, redis_server: RedisServer, ask: Ask) -> None:
    record = SQLRevocations(url)
    record.revoke_token("acme", "t-1", until=None)
    store = opened(url, redis_server)
    assert ask(store) is True
    eventually(lambda: is_in_redis(redis_server, "generation"))
    assert ask(without_record(store)) is True
    store.close()
    record.close()


@pytest.mark.parametrize("loss", ["flushed", "restarted", "restarted empty", "marker of another record", "no marker"])
def test_a_copy_that_may_be_incomplete_is_not_asked(
    loss: str, store: RecordedRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    store.revoke_token("acme", "t-1", until=None)
    if loss == "flushed":
        redis_server.run("FLUSHALL")
    elif loss == "no marker":
        redis_server.run("DEL", MARKER)
    elif loss == "marker of another record":
        run = redis_server.run("GET", MARKER).partition(b":")[2]
        redis_server.run("SET", MARKER, b"7:" + run)
    else:
        redis_server.restart(empty=loss == "restarted empty")
    with pytest.raises(TemporarilyUnavailable):
        ask(without_record(store))
    assert ask(store) is True
    eventually(lambda: is_filled(store))
    assert ask(without_record(store)) is True


def test_while_redis_hangs_the_database_answers(
    store: RecordedRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    store.revoke_token("acme", "t-1", until=None)
    redis_server.pause()
    began = time.monotonic()
    assert [ask(store) for _ in range(3)] == [True] * 3
    assert time.monotonic() - began < 3 * IMPATIENT + 2
    redis_server.resume()
    eventually(lambda: ask(without_record(store)) is True)


def test_while_redis_is_gone_the_database_answers(
    store: RecordedRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    store.revoke_token("acme", "t-1", until=None)
    redis_server.kill()
    assert ask(store) is True
    with pytest.raises(TemporarilyUnavailable, match="revocation_store_failed_with_ConnectionError"):
        store.keeper.tend()


def test_while_the_database_is_gone_redis_answers(store: RecordedRevocations, ask: Ask) -> None:
    store.revoke_token("acme", "t-1", until=None)
    bare = without_record(store)
    assert ask(bare) is True
    bare.check()
    asyncio.run(bare.check_async())


def test_where_neither_answers_nobody_passes(store: RecordedRevocations, redis_server: RedisServer, ask: Ask) -> None:
    redis_server.kill()
    bare = without_record(store)
    with pytest.raises(TemporarilyUnavailable, match="revocation_store_timed_out"):
        ask(bare)
    with pytest.raises(TemporarilyUnavailable):
        bare.check()


def test_a_server_that_evicts_is_not_asked(store: RecordedRevocations, redis_server: RedisServer, ask: Ask) -> None:
    store.revoke_token("acme", "t-1", until=None)
    store.copy.close()
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert ask(store) is True


def test_a_server_that_evicts_is_told_nothing_and_what_was_recorded_counts(
    store: RecordedRevocations, redis_server: RedisServer, ask: Ask
) -> None:
    store.copy.close()
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    store.revoke_token("acme", "t-1", until=None)
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert ask(store) is True
    eventually(lambda: is_filled(store))
    assert ask(without_record(store)) is True


# What is written while Redis cannot be reached


@pytest.fixture
def divided(url: str, redis_server: RedisServer) -> Iterator[tuple[RecordedRevocations, RecordedRevocations, Proxy]]:
    """Two processes; the first one's way to Redis leads through a proxy."""
    with Proxy(redis_server.port) as proxy:
        cut_off, other = opened(url, redis_server, proxy.port), opened(url, redis_server)
        for store in (cut_off, other):
            store.keeper.start = lambda: None  # type: ignore[method-assign]
            eventually(lambda store=store: is_filled(store))  # type: ignore[misc]
        yield cut_off, other, proxy
        cut_off.close()
        other.close()


def test_what_could_not_be_copied_counts_here_at_once_and_is_copied_by_whoever_can(
    divided: tuple[RecordedRevocations, RecordedRevocations, Proxy],
    redis_server: RedisServer,
    ask: Ask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cut_off, other, proxy = divided
    proxy.refuse()
    with caplog.at_level(logging.WARNING, logger="jwt_middleware"):
        cut_off.revoke_token("acme", "t-1", until=None)
    assert "is not in its fast copy yet" in caplog.text
    assert ask(cut_off) is True
    proxy.accept()
    assert ask(cut_off) is True
    assert not is_in_redis(redis_server, TOKEN)
    other.keeper.tend()
    assert is_in_redis(redis_server, TOKEN)
    assert ask(without_record(other)) is True
    with pytest.raises(TemporarilyUnavailable):
        ask(without_record(cut_off))
    eventually(lambda: is_filled(cut_off))
    assert ask(without_record(cut_off)) is True


def test_a_copy_is_not_trusted_by_a_look_that_began_before_something_was_missed(
    divided: tuple[RecordedRevocations, RecordedRevocations, Proxy], redis_server: RedisServer
) -> None:
    cut_off, _, proxy = divided

    class Late(SQLRevocations):
        """While it is asked what has to be copied, something is recorded that cannot be."""

        def uncopied(self, limit: int) -> Sequence[copying.Uncopied]:
            waiting = super().uncopied(limit)
            proxy.refuse()
            cut_off.revoke_token("acme", "t-1", until=None)
            proxy.accept()
            return waiting

    record = cut_off.record
    assert isinstance(record, SQLRevocations)
    cut_off.keeper._record = record
    record.__class__ = Late
    eventually(lambda: ended(cut_off.keeper.tend))
    record.__class__ = SQLRevocations
    assert not cut_off.keeper.trusts(cut_off.copy.entries.read())
    assert cut_off.is_revoked(*QUESTION)
    eventually(lambda: is_filled(cut_off))
    assert is_in_redis(redis_server, TOKEN)


def ended(call: Callable[[], None]) -> bool:
    call()
    return True


# While the copy is filled


class Interrupted:
    """A record; something happens before each of its batches is read."""

    def __init__(self, record: SQLRevocations, *happenings: Callable[[], object]) -> None:
        self._record = record
        self._happenings = happenings

    def __getattr__(self, name: str) -> object:
        return getattr(self._record, name)

    def batches(self, size: int) -> Iterator[Sequence[tuple[str, Entry]]]:
        for happening, batch in zip(self._happenings, self._record.batches(1), strict=False):
            yield batch
            happening()
        yield from self._record.batches(size)


def refilled(store: RecordedRevocations, *happenings: Callable[[], object]) -> None:
    """Fill the copy; something happens between two batches."""
    assert isinstance(store.record, SQLRevocations)
    record = Interrupted(store.record, *happenings)
    CopyKeeper(record, store.copy.entries).tend()  # type: ignore[arg-type]


@pytest.fixture
def flushed(store: RecordedRevocations, redis_server: RedisServer) -> RecordedRevocations:
    """Some entries, none of them in Redis."""
    for number in range(20):
        store.revoke_token("acme", f"old-{number}", until=None)
    redis_server.run("FLUSHALL")
    return store


def test_what_is_written_while_the_copy_is_filled_is_in_it(
    flushed: RecordedRevocations, url: str, redis_server: RedisServer
) -> None:
    elsewhere = SQLRevocations(url)
    refilled(
        flushed,
        lambda: flushed.revoke_token("acme", "t-1", until=None),
        lambda: elsewhere.revoke_token("acme", "recorded only", until=None),
    )
    assert redis_server.run("EXISTS", MARKER)
    assert is_in_redis(redis_server, TOKEN)
    assert is_in_redis(redis_server, entries.token_key("acme", "recorded only"))
    assert all(is_in_redis(redis_server, entries.token_key("acme", f"old-{number}")) for number in range(20))
    elsewhere.close()


@pytest.mark.parametrize("loss", ["FLUSHALL", "restart", "restart, keeping all"])
def test_a_server_that_loses_what_was_filled_in_is_not_called_complete(
    loss: str, flushed: RecordedRevocations, redis_server: RedisServer
) -> None:
    def lose() -> None:
        if loss == "FLUSHALL":
            redis_server.run("FLUSHALL")
        else:
            redis_server.restart(empty=loss == "restart")

    refilled(flushed, lambda: None, lose)
    assert not redis_server.run("EXISTS", MARKER)
    redis_server.run("DEL", BUILDER)
    eventually(lambda: is_filled(flushed))
    assert all(is_in_redis(redis_server, entries.token_key("acme", f"old-{number}")) for number in range(20))


def test_a_flush_before_the_last_step_is_noticed(flushed: RecordedRevocations, redis_server: RedisServer) -> None:
    happenings = ["FLUSHALL"]

    class Flushing(SQLRevocations):
        def uncopied(self, limit: int) -> Sequence[copying.Uncopied]:
            if happenings:
                redis_server.run(happenings.pop())
            return ()

    assert isinstance(flushed.record, SQLRevocations)
    flushed.record.__class__ = Flushing
    flushed.keeper.tend()
    flushed.record.__class__ = SQLRevocations
    assert not redis_server.run("EXISTS", MARKER)
    assert flushed.is_revoked("acme", "old-1", "-", 0)


def test_filling_that_takes_longer_than_it_was_announced_for_is_announced_again(
    flushed: RecordedRevocations, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ANNOUNCED_FOR", 1)
    refilled(flushed, *[lambda: time.sleep(0.6)] * 3)
    assert redis_server.run("EXISTS", MARKER)


def test_one_process_at_a_time_fills_the_copy(
    flushed: RecordedRevocations, url: str, redis_server: RedisServer
) -> None:
    another = opened(url, redis_server)

    def look_elsewhere() -> None:
        another.keeper.tend()
        assert not redis_server.run("EXISTS", MARKER)

    refilled(flushed, look_elsewhere)
    assert redis_server.run("EXISTS", MARKER)
    another.keeper.tend()
    assert another.keeper.trusts(another.copy.entries.read())
    another.close()


def test_where_the_one_who_filled_it_is_gone_another_takes_over(
    flushed: RecordedRevocations, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ANNOUNCED_FOR", 1)

    def die() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        refilled(flushed, die)
    flushed.keeper.tend()
    assert not redis_server.run("EXISTS", MARKER)
    eventually(lambda: is_filled(flushed))


def test_what_has_no_end_yet_is_copied_with_the_rest(flushed: RecordedRevocations, redis_server: RedisServer) -> None:
    flushed.revoke_subject("acme", "user_123", cutoff=1_000, until=time.time() + 500)
    redis_server.run("FLUSHALL")
    eventually(lambda: is_filled(flushed))
    key = f"{{jwt_middleware}}:{entries.subject_key('acme', 'user_123')}"
    assert 500 < redis_server.run("TTL", key) <= 500 + 1 + entries.KEPT_LONGER
    assert redis_server.run("TTL", f"{{jwt_middleware}}:{entries.token_key('acme', 'old-1')}") == -1


# The thread that looks after it


@pytest.fixture
def running(url: str, redis_server: RedisServer) -> Iterator[RecordedRevocations]:
    """As it is used: looked after from its first check on."""
    store = opened(url, redis_server, timeout=IMPATIENT)
    assert store.is_revoked(*QUESTION) is False
    yield store
    store.close()


def test_it_fills_the_copy_and_does_so_again_when_that_is_lost(
    running: RecordedRevocations, redis_server: RedisServer
) -> None:
    running.revoke_token("acme", "t-1", until=None)
    for empty in (True, False):
        eventually(lambda: without_record(running).is_revoked(*QUESTION))
        redis_server.restart(empty=empty)
        assert running.is_revoked(*QUESTION)
    eventually(lambda: without_record(running).is_revoked(*QUESTION))


def test_it_copies_what_another_process_has_only_recorded(
    running: RecordedRevocations, url: str, redis_server: RedisServer
) -> None:
    eventually(lambda: without_record(running).is_revoked(*QUESTION) is False)
    record = SQLRevocations(url)
    record.revoke_token("acme", "t-1", until=None)
    record.close()
    eventually(lambda: running.is_revoked(*QUESTION), copying.LOOKED_AFTER_EVERY + 3)


def test_it_complains_once_while_a_store_is_gone(
    running: RecordedRevocations, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    eventually(lambda: without_record(running).is_revoked(*QUESTION) is False)
    with caplog.at_level(logging.INFO, logger="jwt_middleware"):
        redis_server.kill()
        eventually(lambda: "cannot be looked after" in caplog.text)
        time.sleep(5 * copying.TRIED_AGAIN_AFTER)
        redis_server.start()
        eventually(lambda: "is complete" in caplog.text)
    assert caplog.text.count("cannot be looked after") <= 2


@pytest.mark.parametrize("mistake", [RuntimeError("a mistake"), ValueError("another")], ids=repr)
def test_whatever_goes_wrong_it_looks_again(
    mistake: Exception, running: RecordedRevocations, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    eventually(lambda: without_record(running).is_revoked(*QUESTION) is False)
    mistakes = [mistake]
    tend = running.keeper.tend

    def tend_after_a_mistake() -> None:
        if mistakes:
            raise mistakes.pop()
        tend()

    running.keeper.tend = tend_after_a_mistake  # type: ignore[method-assign]
    redis_server.run("FLUSHALL")
    assert running.is_revoked(*QUESTION) is False
    eventually(lambda: without_record(running).is_revoked(*QUESTION) is False)
    assert not mistakes
    assert type(mistake).__name__ in caplog.text
    assert str(mistake) not in caplog.text


def test_a_forked_process_looks_after_it_too(running: RecordedRevocations, redis_server: RedisServer) -> None:
    running.revoke_token("acme", "t-1", until=None)
    eventually(lambda: without_record(running).is_revoked(*QUESTION))
    child = os.fork()
    if child == 0:
        try:
            redis_server.run("FLUSHALL")
            assert running.is_revoked(*QUESTION)
            eventually(lambda: without_record(running).is_revoked(*QUESTION))
            running.close()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("colour", ["close", "aclose"])
def test_it_ends_when_the_store_is_closed_and_begins_again_when_it_is_asked(
    colour: str, running: RecordedRevocations, redis_server: RedisServer
) -> None:
    for _ in range(2):
        eventually(lambda: without_record(running).is_revoked(*QUESTION) is False)
        if colour == "close":
            running.close()
        else:
            asyncio.run(running.aclose())
        redis_server.run("FLUSHALL")
        time.sleep(copying.LOOKED_AFTER_EVERY + 0.2)
        assert not redis_server.run("EXISTS", MARKER)
        assert running.is_revoked(*QUESTION) is False
        eventually(lambda: is_in_redis(redis_server, "generation"))


def test_of_threads_that_ask_first_one_starts_it(url: str, redis_server: RedisServer) -> None:
    store = opened(url, redis_server)
    with copying._starting:
        asking = [threading.Thread(target=store.is_revoked, args=QUESTION) for _ in range(4)]
        for thread in asking:
            thread.start()
        time.sleep(0.05)
    for thread in asking:
        thread.join()
    keepers = [thread for thread in threading.enumerate() if thread.name == "jwt_middleware-revocations"]
    assert len(keepers) == 1
    store.close()


def test_it_may_be_closed_before_it_was_used(url: str, redis_server: RedisServer) -> None:
    store = opened(url, redis_server)
    store.close()
    assert repr(store) == f"RecordedRevocations({store.record!r}, {store.copy!r})"


def test_filling_stops_when_the_store_is_closed(flushed: RecordedRevocations, redis_server: RedisServer) -> None:
    assert isinstance(flushed.record, SQLRevocations)
    keeper: CopyKeeper
    record = Interrupted(flushed.record, lambda: keeper.stop())
    keeper = CopyKeeper(record, flushed.copy.entries)  # type: ignore[arg-type]
    keeper.tend()
    assert not redis_server.run("EXISTS", MARKER)


# What was trusted some time ago


def is_asked_before_the_next_look(store: RecordedRevocations, record: SQLRevocations) -> bool:
    """Somebody revoked a token who could not reach Redis, and nobody else looked after the copy."""

    def never() -> None:
        raise TemporarilyUnavailable("revocation_store_timed_out")

    store.keeper.tend = never  # type: ignore[method-assign]
    record.revoke_token("acme", "t-1", until=None)
    return store.is_revoked(*QUESTION)


def test_a_forked_process_trusts_no_copy_before_it_looked_itself(running: RecordedRevocations, url: str) -> None:
    eventually(lambda: without_record(running).is_revoked(*QUESTION) is False)
    child = os.fork()
    if child == 0:
        outcome = 1
        with contextlib.suppress(BaseException):
            outcome = 0 if is_asked_before_the_next_look(running, SQLRevocations(url)) else 2
        os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_who_was_closed_trusts_no_copy_before_it_looked_again(running: RecordedRevocations, url: str) -> None:
    eventually(lambda: without_record(running).is_revoked(*QUESTION) is False)
    running.close()
    record = SQLRevocations(url)
    assert is_asked_before_the_next_look(running, record)
    record.close()


def test_whoever_copies_ends_when_somebody_else_began_another_generation(
    flushed: RecordedRevocations, redis_server: RedisServer
) -> None:
    looks: list[int] = []

    class Overtaken(SQLRevocations):
        def uncopied(self, limit: int) -> Sequence[copying.Uncopied]:
            looks.append(limit)
            assert len(looks) < 5
            self.begin_generation(12345)
            return super().uncopied(limit)

    assert isinstance(flushed.record, SQLRevocations)
    flushed.revoke_token("acme", "t-1", until=None)
    flushed.record.__class__ = Overtaken
    flushed.keeper.tend()
    flushed.record.__class__ = SQLRevocations
    assert flushed.record.uncopied(1)
    eventually(lambda: is_filled(flushed))
    assert not flushed.record.uncopied(1)
    assert is_in_redis(redis_server, TOKEN)
