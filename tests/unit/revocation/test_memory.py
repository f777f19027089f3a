"""Revocations in memory: the suite of every store, how long entries are kept, and what a million of them cost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from jwt_middleware.revocation import memory
from jwt_middleware.revocation.entries import KEPT_LONGER
from jwt_middleware.revocation.memory import MemoryRevocations
from jwt_middleware.testing import Clock
from jwt_middleware.testing.revocations import RevocationStoreSuite


class TestTheSuite(RevocationStoreSuite):
    @pytest.fixture
    def store(self, clock: Clock) -> MemoryRevocations:
        return MemoryRevocations(clock=clock)


class TestWherePlacesAreTaken(RevocationStoreSuite):
    """The same where Python's hash is the same for all: what is found at a place is somebody else's."""

    @pytest.fixture
    def store(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryRevocations]:
        monkeypatch.setattr(memory, "hash", lambda _: 7, raising=False)
        store = MemoryRevocations(clock=clock)
        store.revoke_token("somebody", "else", until=None)
        yield store
        assert store.is_revoked("somebody", "else", "", 0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryRevocations:
    return MemoryRevocations(clock=clock)


def test_it_is_asked_without_waiting() -> None:
    assert MemoryRevocations.in_memory


def test_it_says_that_it_is_for_one_process(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="jwt_middleware"):
        MemoryRevocations()
    assert "no other process sees them" in caplog.text
    assert "single process" in str(MemoryRevocations.__doc__)


def test_an_entry_ends(store: MemoryRevocations, clock: Clock) -> None:
    now = clock.now
    store.revoke_token("acme", "t-1", until=now + 10)
    store.revoke_subject("acme", "user_123", cutoff=now, until=now + 10)
    clock.now = now + 10
    assert not store.is_revoked("acme", "t-1", "user_123", now)


def test_an_entry_that_ended_long_ago_is_removed_by_a_later_write(store: MemoryRevocations, clock: Clock) -> None:
    now = clock.now
    for number in range(3 * memory.SWEPT_AT_ONCE):
        store.revoke_token("acme", f"t-{number}", until=now + 10)
    store.revoke_subject("acme", "user_123", cutoff=now, until=now + 10)
    store.revoke_tenant("acme", cutoff=now, until=now + 10)
    assert len(store) == 3 * memory.SWEPT_AT_ONCE + 2
    clock.now = now + 10 + KEPT_LONGER + 60
    for number in range(4):
        store.revoke_token("globex", f"t-{number}", until=None)
    assert len(store) == 4
    assert repr(store) == "MemoryRevocations(4 entries)"


def test_a_write_never_sweeps_for_long(store: MemoryRevocations, clock: Clock) -> None:
    now = clock.now
    for number in range(10 * memory.SWEPT_AT_ONCE):
        store.revoke_token("acme", f"t-{number}", until=now + 10)
    clock.now = now + 10 + KEPT_LONGER + 60
    store.revoke_token("acme", "another", until=None)
    assert len(store) == 9 * memory.SWEPT_AT_ONCE + 1


def test_an_entry_that_was_given_a_later_end_is_not_removed_at_the_first(
    store: MemoryRevocations, clock: Clock
) -> None:
    now = clock.now
    for until in (now + 10, now + 20_000):
        store.revoke_token("acme", "t-1", until=until)
        store.revoke_subject("acme", "user_123", cutoff=now, until=until)
    clock.now = now + 10 + KEPT_LONGER + 60
    store.revoke_token("acme", "t-2", until=None)
    assert store.is_revoked("acme", "t-1", "somebody else", now)
    assert store.is_revoked("acme", "t-3", "user_123", now)


def test_a_clock_that_jumps_ahead_and_back_loses_nothing(store: MemoryRevocations, clock: Clock) -> None:
    now = clock.now
    store.revoke_token("acme", "t-1", until=now + 10)
    clock.now = now + KEPT_LONGER
    store.revoke_token("acme", "t-2", until=None)
    clock.now = now
    assert store.is_revoked("acme", "t-1", "user_123", now)


def test_what_is_displaced_is_found_after_the_other_one_is_gone(
    store: MemoryRevocations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "hash", lambda _: 7, raising=False)
    now = clock.now
    store.revoke_token("acme", "first", until=now + 10)
    store.revoke_token("acme", "displaced", until=now + 50_000)
    clock.now = now + 10 + KEPT_LONGER + 60
    store.revoke_subject("acme", "user_123", cutoff=0, until=None)
    assert not store.is_revoked("acme", "first", "-", now)
    assert store.is_revoked("acme", "displaced", "-", now)
    clock.now = now + 50_000 + KEPT_LONGER + 60
    store.revoke_subject("acme", "user_123", cutoff=0, until=None)
    assert len(store) == 1


def test_an_end_in_the_past_is_no_entry_that_counts(store: MemoryRevocations, clock: Clock) -> None:
    store.revoke_token("acme", "t-1", until=clock.now - 100_000)
    store.revoke_subject("acme", "user_123", cutoff=1_000, until=clock.now - 100_000)
    assert not store.is_revoked("acme", "t-1", "user_123", 0)


@pytest.mark.parametrize("end", [0, 1, 59, 60, 61, 119])
def test_no_entry_stays_for_ever_because_somebody_wrote_shortly_before_its_time(
    end: int, store: MemoryRevocations, clock: Clock
) -> None:
    now = clock.now
    store.revoke_token("acme", "t-1", until=now + end)
    store.revoke_subject("acme", "user_123", cutoff=now, until=now + end)
    for moment in (*range(0, 240, 7), *range(KEPT_LONGER, KEPT_LONGER + 300, 7)):
        clock.now = now + moment
        store.revoke_token("acme", "another", until=None)
        assert len(store) == 3 or moment > end + KEPT_LONGER
    assert len(store) == 1


def test_an_entry_with_a_later_end_is_kept_past_that_one_too(store: MemoryRevocations, clock: Clock) -> None:
    now = clock.now
    for until in (now + 10, now + 1_000):
        store.revoke_token("acme", "t-1", until=until)
        store.revoke_subject("acme", "user_123", cutoff=now, until=until)
    clock.now = now + 10 + KEPT_LONGER + 60
    store.revoke_token("acme", "another", until=None)
    clock.now = now
    assert store.is_revoked("acme", "t-1", "-", now)
    assert store.is_revoked("acme", "-", "user_123", now)


def test_a_clock_that_was_ahead_at_the_start_loses_nothing(store: MemoryRevocations, clock: Clock) -> None:
    now = clock.now = clock.now - 86_400
    store.revoke_token("acme", "t-1", until=now + 10)
    store.revoke_subject("acme", "user_123", cutoff=now, until=now + 10)
    store.revoke_token("acme", "another", until=None)
    assert store.is_revoked("acme", "t-1", "-", now)
    assert store.is_revoked("acme", "-", "user_123", now)


@pytest.mark.parametrize("kind", ["token", "subject", "tenant"])
def test_one_at_a_time_writes(kind: str, store: MemoryRevocations) -> None:
    """Two who merge with the same entry at once would each lose the other's."""
    write = {
        "token": lambda: store.revoke_token("acme", "t-1", until=None),
        "subject": lambda: store.revoke_subject("acme", "user_123", cutoff=1, until=None),
        "tenant": lambda: store.revoke_tenant("acme", cutoff=1, until=None),
    }[kind]
    writing = threading.Thread(target=write)
    with store._lock:
        writing.start()
        writing.join(0.05)
        assert len(store) == 0
    writing.join()
    assert len(store) == 1
