"""Tenants remembered in front of a resolver that has to be waited for."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from jwt_middleware import Authenticator, ConfigurationError, JWTSettings, Key, TemporarilyUnavailable, Tenant
from jwt_middleware.plugins import UNKNOWN
from jwt_middleware.tenants import cached
from jwt_middleware.tenants.cached import CachedTenants
from jwt_middleware.tokens import guide_claims, signed

KEY = Key.secret(b"k" * 32)
ACME = Tenant("acme", keys=[KEY], applications=["shop"])
SUSPENDED = Tenant("acme", keys=[KEY], applications=["shop"], active=False)


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """A resolver that counts, and that can be slow or fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False
        self.delay = 0.0
        self.known = {"acme": ACME}
        self.closed = 0
        self.checked = 0
        self.subscribers: list[Callable[[Iterable[str] | None], None]] = []

    def resolve(self, issuer: str) -> Tenant | None:
        self.asked.append(issuer)
        time.sleep(self.delay)
        if self.fails:
            raise ConnectionError
        return self.known.get(issuer)

    def subscribe(self, callback: Callable[[Iterable[str] | None], None]) -> None:
        self.subscribers.append(callback)

    def check(self) -> None:
        self.checked += 1

    def close(self) -> None:
        self.closed += 1


class AsyncStore(Store):
    """The same in the other colour."""

    async def resolve(self, issuer: str) -> Tenant | None:  # type: ignore[override]
        self.asked.append(issuer)
        await asyncio.sleep(self.delay)
        if self.fails:
            raise ConnectionError
        return self.known.get(issuer)


Ask = Callable[[CachedTenants, str], Tenant | None]


def in_thread(tenants: CachedTenants, issuer: str) -> Tenant | None:
    return tenants.resolve(issuer)


def on_loop(tenants: CachedTenants, issuer: str) -> Tenant | None:
    async def ask() -> Tenant | None:
        answer = await tenants.resolve_async(issuer)
        # A renewal goes on after the answer was given.
        while tenants._tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return answer

    return asyncio.run(ask())


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture(params=[in_thread, on_loop], ids=["thread", "loop"])
def ask(request: pytest.FixtureRequest) -> Ask:
    chosen: Ask = request.param
    return chosen


@pytest.fixture(params=[Store, AsyncStore], ids=["plain", "async"])
def store(request: pytest.FixtureRequest) -> Store:
    chosen: Store = request.param()
    return chosen


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tenants(store: Store, clock: Clock) -> CachedTenants:
    return CachedTenants(store, ttl=30, negative_ttl=5, stale_if_error=60, store_timeout=2, clock=clock)


def test_a_tenant_is_looked_up_once_while_it_is_believed(
    tenants: CachedTenants, store: Store, clock: Clock, ask: Ask
) -> None:
    assert tenants.recall("acme") is UNKNOWN
    assert ask(tenants, "acme") is ACME
    clock.now += 23
    assert tenants.recall("acme") is ACME
    assert ask(tenants, "acme") is ACME
    assert store.asked == ["acme"]


def test_that_nobody_has_an_issuer_is_believed_for_a_shorter_time(
    tenants: CachedTenants, store: Store, clock: Clock, ask: Ask
) -> None:
    assert ask(tenants, "nobody") is None
    clock.now += 4.9
    assert tenants.recall("nobody") is None
    clock.now += 0.2
    assert tenants.recall("nobody") is UNKNOWN
    store.known["nobody"] = ACME
    assert ask(tenants, "nobody") is ACME
    assert store.asked == ["nobody", "nobody"]


def test_a_tenant_in_use_is_renewed_before_its_time_is_up_and_nobody_waits(
    tenants: CachedTenants, store: Store, clock: Clock, ask: Ask
) -> None:
    ask(tenants, "acme")
    newer = Tenant("acme", keys=[KEY], applications=["shop", "reports"])
    store.known["acme"] = newer
    clock.now += 25
    assert ask(tenants, "acme") is ACME
    eventually(lambda: tenants.recall("acme") is newer)
    assert store.asked == ["acme", "acme"]


def test_a_tenant_whose_time_is_up_is_looked_up_anew(
    tenants: CachedTenants, store: Store, clock: Clock, ask: Ask
) -> None:
    ask(tenants, "acme")
    del store.known["acme"]
    clock.now += 31
    assert ask(tenants, "acme") is None


def test_what_was_known_serves_for_a_while_when_the_store_fails(
    tenants: CachedTenants, store: Store, clock: Clock, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    ask(tenants, "acme")
    store.fails = True
    clock.now += 89
    with caplog.at_level(logging.WARNING, "jwt_middleware"):
        assert ask(tenants, "acme") is ACME
    assert "acme is served as last known" in caplog.text
    asked = len(store.asked)
    assert tenants.recall("acme") is ACME, "for a moment nobody tries again"
    assert len(store.asked) == asked
    clock.now += 2
    with pytest.raises(TemporarilyUnavailable) as refused:
        ask(tenants, "acme")
    assert refused.value.reason.startswith("tenant_store_failed_with_ConnectionError")


def test_a_renewal_that_fails_is_noticed_by_nobody(
    tenants: CachedTenants, store: Store, clock: Clock, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    ask(tenants, "acme")
    store.fails = True
    clock.now += 25
    assert ask(tenants, "acme") is ACME
    eventually(lambda: tenants.recall("acme") is ACME)
    assert caplog.text == ""


def test_an_unknown_issuer_is_unknown_no_longer_than_that_when_the_store_fails(
    tenants: CachedTenants, store: Store, clock: Clock, ask: Ask
) -> None:
    ask(tenants, "nobody")
    store.fails = True
    clock.now += 6
    with pytest.raises(TemporarilyUnavailable):
        ask(tenants, "nobody")


def test_a_store_that_was_never_reached_is_503(tenants: CachedTenants, store: Store, ask: Ask) -> None:
    store.fails = True
    with pytest.raises(TemporarilyUnavailable):
        ask(tenants, "acme")
    store.fails = False
    assert ask(tenants, "acme") is ACME


def test_a_store_that_takes_too_long_is_503_and_what_was_known_still_serves(clock: Clock) -> None:
    async def scenario() -> None:
        store = AsyncStore()
        tenants = CachedTenants(store, store_timeout=0.05, clock=clock)
        store.delay = 0.3
        with pytest.raises(TemporarilyUnavailable) as refused:
            await tenants.resolve_async("acme")
        assert refused.value.reason == "tenant_store_timed_out"
        store.delay = 0
        # Who asks before the look-up has been given up is told that it failed.
        while len(tenants._flights):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert await tenants.resolve_async("acme") is ACME
        store.delay = 0.3
        clock.now += 40
        assert await tenants.resolve_async("acme") is ACME

    asyncio.run(scenario())


def test_a_thread_waits_no_longer_than_the_time_limit_for_somebody_elses_look_up(clock: Clock) -> None:
    store = Store()
    store.delay = 0.5
    tenants = CachedTenants(store, store_timeout=0.05, clock=clock)
    leader = threading.Thread(target=tenants.resolve, args=("acme",))
    leader.start()
    eventually(lambda: bool(store.asked))
    with pytest.raises(TemporarilyUnavailable):
        tenants.resolve("acme")
    leader.join()
    assert tenants.resolve("acme") is ACME


def test_many_threads_that_need_a_tenant_cause_one_look_up(clock: Clock) -> None:
    store = Store()
    store.delay = 0.1
    tenants = CachedTenants(store, store_timeout=5, clock=clock)
    answers: list[Tenant | None] = []
    threads = [threading.Thread(target=lambda: answers.append(tenants.resolve("acme"))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [ACME] * 100
    assert store.asked == ["acme"]


def test_many_requests_on_the_event_loop_cause_one_look_up(store: Store, clock: Clock) -> None:
    async def scenario() -> None:
        store.delay = 0.1
        tenants = CachedTenants(store, store_timeout=5, clock=clock)
        answers = await asyncio.gather(*(tenants.resolve_async("acme") for _ in range(1000)))
        assert answers == [ACME] * 1000
        assert store.asked == ["acme"]
        await tenants.aclose()

    asyncio.run(scenario())


def test_who_is_cancelled_leaves_the_look_up_to_the_others(store: Store, clock: Clock) -> None:
    async def scenario() -> None:
        store.delay = 0.1
        tenants = CachedTenants(store, store_timeout=5, clock=clock)
        first, second = (asyncio.ensure_future(tenants.resolve_async("acme")) for _ in range(2))
        await asyncio.sleep(0.02)
        first.cancel()
        assert await second is ACME
        assert store.asked == ["acme"]
        assert await tenants.resolve_async("acme") is ACME
        await tenants.aclose()

    asyncio.run(scenario())


def test_a_look_up_that_ends_with_its_event_loop_is_told_as_a_failure(clock: Clock) -> None:
    store = AsyncStore()
    store.delay = 60
    tenants = CachedTenants(store, store_timeout=5, clock=clock)

    async def abandon() -> None:
        waiting = asyncio.ensure_future(tenants.resolve_async("acme"))
        await asyncio.sleep(0.01)
        waiting.cancel()

    asyncio.run(abandon())
    store.delay = 0
    assert tenants.resolve("acme") is ACME


def test_invented_issuers_displace_no_tenant(
    monkeypatch: pytest.MonkeyPatch, tenants: CachedTenants, store: Store
) -> None:
    monkeypatch.setattr(cached, "MAX_UNKNOWN_ISSUERS", 100)
    tenants.resolve("acme")
    for number in range(1000):
        tenants.resolve(f"invented-{number}")
    assert tenants.recall("acme") is ACME
    assert len(tenants._unknown) == 100
    assert len(tenants) == 1


def test_the_number_of_tenants_in_memory_is_bounded(store: Store, clock: Clock) -> None:
    tenants = CachedTenants(store, max_tenants=2, clock=clock)
    for name in ("one", "two", "three"):
        store.known[name] = ACME
        tenants.resolve(name)
    assert len(tenants) == 2
    assert tenants.recall("one") is UNKNOWN
    assert tenants.recall("three") is ACME


def test_a_cache_of_no_size_asks_each_time(store: Store, clock: Clock) -> None:
    tenants = CachedTenants(store, max_tenants=0, clock=clock)
    assert [tenants.resolve("acme"), tenants.resolve("acme")] == [ACME, ACME]
    assert store.asked == ["acme", "acme"]


def test_too_many_look_ups_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(cached, "MAX_LOOK_UPS", 3)

    async def scenario() -> None:
        store = AsyncStore()
        tenants = CachedTenants(store, store_timeout=5, clock=clock)
        await tenants.resolve_async("acme")
        store.delay = 0.1
        waiting = [asyncio.ensure_future(tenants.resolve_async(f"invented-{number}")) for number in range(3)]
        await asyncio.sleep(0.02)
        with pytest.raises(TemporarilyUnavailable) as refused:
            await tenants.resolve_async("one-more")
        assert refused.value.reason == "tenant_store_has_too_many_look_ups"
        assert tenants.recall("acme") is ACME
        assert await asyncio.gather(*waiting) == [None] * 3

    asyncio.run(scenario())


@pytest.mark.parametrize("changed", [["acme"], None], ids=["named", "all"])
def test_a_change_in_this_process_is_seen_at_once(
    tenants: CachedTenants, store: Store, changed: Iterable[str] | None
) -> None:
    tenants.resolve("acme")
    tenants.resolve("nobody")
    store.known = {"nobody": ACME}
    for tell in store.subscribers:
        tell(None if changed is None else [*changed, "nobody"])
    assert tenants.resolve("acme") is None
    assert tenants.resolve("nobody") is ACME


def test_an_answer_from_before_a_change_is_not_kept(clock: Clock) -> None:
    store = Store()
    store.delay = 0.1
    tenants = CachedTenants(store, store_timeout=5, clock=clock)
    early = threading.Thread(target=tenants.resolve, args=("acme",))
    early.start()
    eventually(lambda: bool(store.asked))
    tenants.forget(["acme"])
    early.join()
    assert tenants.recall("acme") is UNKNOWN


@pytest.mark.parametrize("colour", ["thread", "loop"])
def test_who_asks_after_a_change_gets_no_answer_from_before_it(colour: str, clock: Clock) -> None:
    """A look-up that began earlier is under way when the tenant is suspended."""

    class Late(Store):
        def resolve(self, issuer: str) -> Tenant | None:
            found = self.known.get(issuer)
            super().resolve(issuer)
            return found

    store = Late()
    store.delay = 0.2
    tenants = CachedTenants(store, store_timeout=5, clock=clock)
    early = threading.Thread(target=tenants.resolve, args=("acme",))
    early.start()
    eventually(lambda: bool(store.asked))
    store.known["acme"] = SUSPENDED
    tenants.forget(["acme"])
    assert (tenants.resolve("acme") if colour == "thread" else on_loop(tenants, "acme")) is SUSPENDED
    early.join()
    assert tenants.recall("acme") is SUSPENDED
    assert store.asked == ["acme", "acme"]


@pytest.mark.parametrize("wrong", [{"ttl": -1}, {"negative_ttl": "5"}, {"max_tenants": True}, {"stale_if_error": None}])
def test_wrong_numbers_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        CachedTenants(Store(), **wrong)


def test_closing_and_checking_reach_the_store() -> None:
    store = Store()
    tenants = CachedTenants(store)
    tenants.check()
    tenants.close()
    asyncio.run(tenants.aclose())
    assert (store.checked, store.closed) == (1, 2)
    CachedTenants(lambda issuer: None).check()


class AsyncCheck:
    """Says how it is on an event loop only."""

    def resolve(self, issuer: str) -> Tenant | None:
        return ACME

    async def check(self) -> None:
        raise TemporarilyUnavailable("replica_lags_behind")


class CheckAsyncOnly:
    """The same, by the name for it."""

    def resolve(self, issuer: str) -> Tenant | None:
        return ACME

    async def check_async(self) -> None:
        raise TemporarilyUnavailable("replica_lags_behind")


@pytest.mark.parametrize("kind", [AsyncCheck, CheckAsyncOnly])
def test_a_store_that_is_asked_on_an_event_loop_how_it_is_is_asked(kind: type[Any]) -> None:
    tenants = CachedTenants(kind())
    with pytest.raises(TemporarilyUnavailable, match="replica_lags_behind"):
        tenants.check()
    with pytest.raises(TemporarilyUnavailable, match="replica_lags_behind"):
        asyncio.run(tenants.check_async())
    asyncio.run(CachedTenants(lambda issuer: None).check_async())


def test_its_repr_names_the_store() -> None:
    assert repr(CachedTenants(ACME, ttl=7)).startswith("CachedTenants(Tenant('acme'")


def test_requests_of_a_known_tenant_wait_for_nobody(store: Store, clock: Clock) -> None:
    tenants = CachedTenants(store, store_timeout=2, clock=clock)
    authenticator = Authenticator(JWTSettings(tenants))
    token = signed(guide_claims(ACME, "shop", "user_123", now=time.time()), KEY)
    assert authenticator.authenticate(token).tenant_id == "acme"
    waiting: Awaitable[Any] = authenticator.authenticate_async(token)
    with pytest.raises(StopIteration) as finished:
        waiting.send(None)  # type: ignore[attr-defined]
    assert finished.value.value.tenant_id == "acme"
    assert store.asked == ["acme"]


def test_while_the_store_fails_a_known_tenant_is_served_and_an_unknown_one_is_503(store: Store, clock: Clock) -> None:
    tenants = CachedTenants(store, store_timeout=0.2, clock=clock)
    authenticator = Authenticator(JWTSettings(tenants, store_timeout=0.2))
    token = signed(guide_claims(ACME, "shop", "user_123", now=time.time()), KEY)
    authenticator.authenticate(token)
    store.fails = True
    clock.now += 45

    async def later() -> None:
        assert (await authenticator.authenticate_async(token)).tenant_id == "acme"
        stranger = Tenant("other", keys=[KEY], applications=["shop"])
        with pytest.raises(TemporarilyUnavailable):
            await authenticator.authenticate_async(
                signed(guide_claims(stranger, "shop", "user_123", now=time.time()), KEY)
            )

    asyncio.run(later())


def test_a_forked_process_looks_up_what_its_parent_is_looking_up(clock: Clock) -> None:
    asked, goes_on = threading.Event(), threading.Event()
    parent = os.getpid()

    def look_up(issuer: str) -> Tenant:
        if os.getpid() == parent:
            asked.set()
            goes_on.wait(5)
        return ACME

    tenants = CachedTenants(look_up, store_timeout=2, clock=clock)
    waiting = threading.Thread(target=tenants.resolve, args=("acme",))
    waiting.start()
    assert asked.wait(5)
    with tenants._lock:
        child = os.fork()
        if child == 0:
            # Whoever waits for a lock that nobody gives back is ended.
            signal.alarm(10)
            found = None
            try:
                found = tenants.resolve("acme")
            finally:
                os._exit(0 if found is ACME else 1)
        _, status = os.waitpid(child, 0)
    goes_on.set()
    waiting.join()
    assert status == 0
