"""What every revocation store has to do, as tests: subclass one of the suites and say how your store is made.

::

    class TestMyRevocations(RevocationStoreSuite):
        @pytest.fixture
        def store(self, clock):
            store = MyRevocations(clock=clock)
            yield store
            store.close()

Every test runs in both colours: asked in a thread and on an event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from jwt_middleware.plugins import UNKNOWN, Plugin
from jwt_middleware.revocation.protocol import WritableRevocations
from jwt_middleware.testing.clock import Clock

IsRevoked: TypeAlias = Callable[..., bool]
"""Takes tenant id, token id, subject and `iat`."""


class RevocationStoreSuite:
    """A store that can be told and asked. `store` gives an empty one, which goes by `clock` if it can."""

    @pytest.fixture
    def clock(self) -> Clock:
        """Seconds since the Unix epoch."""
        return Clock()

    @pytest.fixture
    def store(self, clock: Clock) -> Any:
        """An empty store; override this."""
        raise NotImplementedError("override the fixture `store`")

    @pytest.fixture(params=["in a thread", "on an event loop"])
    def is_revoked(self, request: pytest.FixtureRequest, store: Any) -> Iterator[IsRevoked]:
        """Asks as the middleware asks."""
        plugin: Plugin[bool] = Plugin(store, "is_revoked", bool, 10, "revocation_store")
        with asyncio.Runner() as runner:
            yield (
                plugin.ask if request.param == "in a thread" else lambda *question: runner.run(asked(plugin, question))
            )
        plugin.close()

    def test_nothing_is_revoked_at_first(self, is_revoked: IsRevoked) -> None:
        assert is_revoked("acme", "t-1", "user_123", 1_000) is False

    def test_a_token_is_revoked_by_its_id_whatever_else_it_says(
        self, store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        store.revoke_token("acme", "t-1", until=None)
        assert is_revoked("acme", "t-1", "user_123", 1_000) is True
        assert is_revoked("acme", "t-1", "somebody else", 10**11 - 1) is True

    @pytest.mark.parametrize("token_id", ["t-2", "T-1", "t-1 ", "t-", "", "t-1\0", "t\u00ad-1"])
    def test_another_token_is_not(self, token_id: str, store: WritableRevocations, is_revoked: IsRevoked) -> None:
        store.revoke_token("acme", "t-1", until=None)
        assert not is_revoked("acme", token_id, "user_123", 1_000)

    def test_a_subjects_tokens_are_revoked_up_to_the_cutoff(
        self, store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        store.revoke_subject("acme", "user_123", cutoff=1_000, until=None)
        assert is_revoked("acme", "t-1", "user_123", 0)
        assert is_revoked("acme", "t-2", "user_123", 1_000)
        assert not is_revoked("acme", "t-3", "user_123", 1_001)

    def test_a_tenants_tokens_are_revoked_up_to_the_cutoff(
        self, store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        store.revoke_tenant("acme", cutoff=1_000, until=None)
        assert is_revoked("acme", "t-1", "user_123", 0)
        assert is_revoked("acme", "t-2", "somebody else", 1_000)
        assert not is_revoked("acme", "t-3", "user_123", 1_001)

    @pytest.mark.parametrize(
        ("cutoff", "issued_at", "hits"),
        [(1_000, 1_000.999, True), (1_000.999, 1_000.999, True), (1_000.5, 1_001, False), (1_000.999, 1_001.0, False)],
    )
    def test_the_time_of_issue_counts_in_whole_seconds(
        self, cutoff: float, issued_at: float, hits: bool, store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        store.revoke_subject("acme", "user_123", cutoff=cutoff, until=None)
        store.revoke_tenant("globex", cutoff=cutoff, until=None)
        assert is_revoked("acme", "t-1", "user_123", issued_at) is hits
        assert is_revoked("globex", "t-1", "user_123", issued_at) is hits

    @pytest.mark.parametrize("tenant_id", ["globex", "ACME", "acm", "acme ", ""])
    def test_another_tenants_tokens_are_untouched(
        self, tenant_id: str, store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        store.revoke_token("acme", "t-1", until=None)
        store.revoke_subject("acme", "user_123", cutoff=1_000, until=None)
        store.revoke_tenant("acme", cutoff=500, until=None)
        assert not is_revoked(tenant_id, "t-1", "user_123", 0)

    def test_a_subject_is_not_a_token_nor_a_tenant(self, store: WritableRevocations, is_revoked: IsRevoked) -> None:
        store.revoke_subject("acme", "one", cutoff=1_000, until=None)
        store.revoke_token("acme", "other", until=None)
        assert not is_revoked("acme", "one", "other", 0)
        assert not is_revoked("one", "t-1", "user_123", 0)

    @pytest.mark.parametrize(
        ("tenant_id", "name", "other_tenant", "other_name"),
        [
            ("a", "bc", "ab", "c"),
            ("a", "b", "a:b", ""),
            ("a:b", "c", "a", "b:c"),
            ("1:a", "b", "1", ":ab"),
            ("a/b", "c", "a", "b/c"),
            ("a\0b", "c", "a", "b\0c"),
            ("a}", "{b", "a", "}{b"),
            ("*", "*", "a", "b"),
            ("a' OR '1'='1", "b", "a", "b"),
            ("e\u0301", "x", "\u00e9", "x"),
            ("x" * 10_000, "y", "x" * 9_999, "xy"),
        ],
    )
    def test_no_name_can_be_written_so_that_it_is_another_tenants(
        self,
        tenant_id: str,
        name: str,
        other_tenant: str,
        other_name: str,
        store: WritableRevocations,
        is_revoked: IsRevoked,
    ) -> None:
        store.revoke_token(tenant_id, name, until=None)
        store.revoke_subject(tenant_id, name, cutoff=1_000, until=None)
        assert is_revoked(tenant_id, name, "-", 1_001)
        assert is_revoked(tenant_id, "-", name, 1_000)
        assert not is_revoked(other_tenant, other_name, other_name, 0)

    @pytest.mark.parametrize("cutoffs", [(500, 1_000), (1_000, 500), (1_000, 1_000)])
    def test_the_later_cutoff_counts_in_whichever_order_they_come(
        self, cutoffs: tuple[int, int], store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        for cutoff in cutoffs:
            store.revoke_subject("acme", "user_123", cutoff=cutoff, until=None)
            store.revoke_tenant("globex", cutoff=cutoff, until=None)
        for tenant_id in ("acme", "globex"):
            assert is_revoked(tenant_id, "t-1", "user_123", 1_000)
            assert not is_revoked(tenant_id, "t-1", "user_123", 1_001)

    @pytest.mark.parametrize("ends", [(100, 500), (500, 100), (None, 100), (100, None)])
    def test_the_later_end_counts_in_whichever_order_they_come(
        self,
        ends: tuple[float | None, float | None],
        clock: Clock,
        store: WritableRevocations,
        is_revoked: IsRevoked,
    ) -> None:
        now = clock.now
        for end in ends:
            until = None if end is None else now + end
            store.revoke_token("acme", "t-1", until=until)
            store.revoke_subject("acme", "user_123", cutoff=now, until=until)
        clock.now = now + 499
        assert is_revoked("acme", "t-1", "somebody else", now)
        assert is_revoked("acme", "t-2", "user_123", now)

    @pytest.mark.parametrize("end", [0.5, 1, 59, 61, 86_400, 4_000_000_000])
    def test_an_entry_counts_until_its_end(
        self, end: float, clock: Clock, store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        now = clock.now
        store.revoke_token("acme", "t-1", until=now + end)
        store.revoke_subject("acme", "user_123", cutoff=now, until=now + end)
        store.revoke_tenant("globex", cutoff=now, until=now + end)
        clock.now = now + end - 0.25
        assert is_revoked("acme", "t-1", "somebody else", now)
        assert is_revoked("acme", "t-2", "user_123", now)
        assert is_revoked("globex", "t-2", "user_123", now)

    @pytest.mark.parametrize("time", [float("nan"), float("inf"), -1, -float("inf")])
    def test_a_time_that_is_none_is_refused(
        self, time: float, store: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        with pytest.raises(ValueError, match="seconds since the Unix epoch"):
            store.revoke_token("acme", "t-1", until=time)
        with pytest.raises(ValueError, match="seconds since the Unix epoch"):
            store.revoke_subject("acme", "user_123", cutoff=time, until=None)
        with pytest.raises(ValueError, match="seconds since the Unix epoch"):
            store.revoke_tenant("acme", cutoff=1_000, until=time)
        assert not is_revoked("acme", "t-1", "user_123", 0)

    def test_two_who_write_at_once_lose_nothing(self, store: WritableRevocations, is_revoked: IsRevoked) -> None:
        in_parallel(
            lambda number: store.revoke_subject("acme", "user_123", cutoff=1_000 + number, until=None),
            lambda number: store.revoke_token("acme", f"t-{number}", until=None),
            times=20,
        )
        assert is_revoked("acme", "-", "user_123", 1_019)
        assert not is_revoked("acme", "-", "user_123", 1_020)
        assert all(is_revoked("acme", f"t-{number}", "-", 1_000) for number in range(20))

    def test_many_may_ask_at_once(self, store: WritableRevocations) -> None:
        plugin: Plugin[bool] = Plugin(store, "is_revoked", bool, 10, "revocation_store")
        store.revoke_token("acme", "t-1", until=None)

        async def ask_all() -> list[bool]:
            questions = [("acme", f"t-{number % 2}", "user_123", 1_000) for number in range(200)]
            return await asyncio.gather(*(asked(plugin, question) for question in questions))

        assert asyncio.run(ask_all()) == [False, True] * 100
        plugin.close()

    def test_one_event_loop_after_another_may_ask(self, store: WritableRevocations) -> None:
        plugin: Plugin[bool] = Plugin(store, "is_revoked", bool, 10, "revocation_store")
        for _ in range(3):
            assert asyncio.run(asked(plugin, ("acme", "t-1", "user_123", 1_000))) is False
        plugin.close()

    def test_it_says_that_it_is_well(self, store: Any, is_revoked: IsRevoked) -> None:
        assert not is_revoked("acme", "t-1", "user_123", 1_000)
        if hasattr(store, "check"):
            store.check()
        if hasattr(store, "check_async"):
            asyncio.run(store.check_async())


class SharedRevocationStoreSuite(RevocationStoreSuite):
    """A store that several processes share: `another` gives a second one that looks at the same entries."""

    @pytest.fixture
    def another(self, store: Any, clock: Clock) -> Any:
        """A second store, as another process would make it; override this."""
        raise NotImplementedError("override the fixture `another`")

    def test_what_another_process_revokes_counts_on_the_next_check(
        self, another: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        assert not is_revoked("acme", "t-1", "user_123", 1_000)
        another.revoke_token("acme", "t-1", until=None)
        assert is_revoked("acme", "t-1", "user_123", 1_000)
        another.revoke_subject("acme", "user_123", cutoff=500, until=None)
        assert is_revoked("acme", "t-2", "user_123", 500)
        another.revoke_tenant("acme", cutoff=400, until=None)
        assert is_revoked("acme", "t-2", "somebody else", 400)

    def test_two_processes_that_write_at_once_lose_nothing(
        self, store: WritableRevocations, another: WritableRevocations, is_revoked: IsRevoked
    ) -> None:
        in_parallel(
            lambda number: store.revoke_subject("acme", "user_123", cutoff=1_000 + number, until=None),
            lambda number: another.revoke_subject("acme", "user_123", cutoff=2_000 - number, until=None),
            times=20,
        )
        assert is_revoked("acme", "-", "user_123", 2_000)
        assert not is_revoked("acme", "-", "user_123", 2_001)


async def asked(plugin: Plugin[bool], question: tuple[Any, ...]) -> bool:
    """The answer, as an ASGI door gets it."""
    known = plugin.recall(*question)
    return await plugin.ask_async(*question) if known is UNKNOWN else known


def in_parallel(*calls: Callable[[int], None], times: int) -> None:
    """Call each of them with 0, 1, 2 ... in a thread of its own; raise what one of them raised."""
    errors: list[Exception] = []

    def run(call: Callable[[int], None]) -> None:
        try:
            for number in range(times):
                call(number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
