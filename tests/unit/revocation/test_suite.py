"""The suite itself: on a store as somebody might write it, and where something is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware.revocation import entries
from jwt_middleware.revocation.entries import Entry, merged
from jwt_middleware.testing import Clock
from jwt_middleware.testing.revocations import (
    RevocationStoreSuite,
    SharedRevocationStoreSuite,
    in_parallel,
)


class Plain:
    """A store that is asked `async` and does not say how it is."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}

    async def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        known = [self._entries[key] for key in entries.keys(tenant_id, token_id, subject) if key in self._entries]
        return entries.is_hit(known, issued_at, self._clock())

    def revoke_token(self, tenant_id: str, token_id: str, *, until: float | None) -> None:
        self._merge(entries.token_key(tenant_id, token_id), entries.for_token(until))

    def revoke_subject(self, tenant_id: str, subject: str, *, cutoff: float, until: float | None) -> None:
        self._merge(entries.subject_key(tenant_id, subject), entries.for_cutoff(cutoff, until))

    def revoke_tenant(self, tenant_id: str, *, cutoff: float, until: float | None) -> None:
        self._merge(entries.tenant_key(tenant_id), entries.for_cutoff(cutoff, until))

    def _merge(self, key: str, entry: Entry) -> None:
        self._entries[key] = merged(self._entries.get(key, entry), entry)


class TestAPlainStore(SharedRevocationStoreSuite):
    @pytest.fixture
    def store(self, clock: Clock) -> Plain:
        return Plain(clock)

    @pytest.fixture
    def another(self, store: Plain) -> Plain:
        return store


class TestNothing:
    """Where the fixtures are not overridden."""

    clock = RevocationStoreSuite.clock
    store = RevocationStoreSuite.store
    another = SharedRevocationStoreSuite.another

    def test_what_is_missing_is_named(self, request: pytest.FixtureRequest) -> None:
        with pytest.raises(NotImplementedError, match="override the fixture `store`"):
            request.getfixturevalue("store")


class TestNothingElse:
    """Where only the first store is there."""

    clock = RevocationStoreSuite.clock
    another = SharedRevocationStoreSuite.another

    @pytest.fixture
    def store(self, clock: Any) -> Plain:
        return Plain(clock)

    def test_what_is_missing_is_named(self, request: pytest.FixtureRequest) -> None:
        with pytest.raises(NotImplementedError, match="override the fixture `another`"):
            request.getfixturevalue("another")


def test_what_a_thread_raises_is_raised() -> None:
    def fail(number: int) -> None:
        if number == 2:
            raise LookupError

    with pytest.raises(LookupError):
        in_parallel(fail, lambda _: None, times=3)
