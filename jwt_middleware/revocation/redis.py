"""Revocations in Redis, shared by all processes that use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.revocation import entries
from jwt_middleware.revocation.entries import Entry
from jwt_middleware.revocation.redis_entries import Reading, RedisEntries

if TYPE_CHECKING:
    from redis import Redis

MAX_CONNECTIONS: Final = 8
"""Connections of one process, and of one event loop."""


class RedisRevocations:
    """Revocations in Redis, looked at in one round trip. Safe to share between threads, and between event loops.

    Redis is not where things are kept for good: one that was flushed, restarted or failed over may have lost what was
    revoked. Alone, it answers only after somebody has said that nothing is missing: `confirm`, or `jwt-middleware
    revocations confirm URL`; until then, and again whenever its marker is missing or was set for another run of the
    server, every check is a 503. To be free of that, keep the record in a database: RecordedRevocations.

    `url_or_client`: redis://, rediss:// (TLS), or a redis.Redis whose address and credentials are used.
    `store_timeout` (seconds) bounds each check, whatever it waits for. Raises ConfigurationError for a server that
    evicts entries, if it answers by now; where it does not tell its policy or its run (INFO is forbidden), say
    `eviction_checked=True` once you have made sure that the policy is noeviction. Then nobody notices that the server
    was restarted or replaced either, as long as the marker is there: delete that yourself whenever it was.
    """

    keeps_time = True

    def __init__(
        self,
        url_or_client: str | Redis,
        *,
        store_timeout: float = 0.25,
        prefix: str = "jwt_middleware",
        max_connections: int = MAX_CONNECTIONS,
        eviction_checked: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.entries = RedisEntries(
            url_or_client,
            store_timeout=store_timeout,
            prefix=prefix,
            max_connections=max_connections,
            eviction_checked=eviction_checked,
            clock=clock,
        )
        self._clock = clock
        self._latest = 0
        self.entries.start()

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """Whether the token was withdrawn. Raises TemporarilyUnavailable where Redis cannot tell."""
        return self._judged(self.entries.read(*entries.keys(tenant_id, token_id, subject)), issued_at)

    async def is_revoked_async(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """The same on an event loop."""
        return self._judged(await self.entries.read_async(*entries.keys(tenant_id, token_id, subject)), issued_at)

    def revoke_token(self, tenant_id: str, token_id: str, *, until: float | None) -> None:
        """Withdraw one token; the entry expires when it is no longer needed."""
        self._merge(entries.token_key(tenant_id, token_id), entries.for_token(until))

    def revoke_subject(self, tenant_id: str, subject: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the subject's tokens issued up to the cut-off."""
        self._merge(entries.subject_key(tenant_id, subject), entries.for_cutoff(cutoff, until))

    def revoke_tenant(self, tenant_id: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the tenant's tokens issued up to the cut-off."""
        self._merge(entries.tenant_key(tenant_id), entries.for_cutoff(cutoff, until))

    def confirm(self) -> None:
        """Say that what this server holds is complete: nothing was revoked yet, or all of it has been put back."""
        # Whoever did so before may have had a clock that was ahead of this one.
        known = max(self._latest, self.entries.read().marked)
        self.entries.mark(max(int(self._clock() * 1000), known + 1))

    def check(self) -> None:
        """Raise what a check of a token would: TemporarilyUnavailable, or ConfigurationError if the server evicts."""
        self._require_confirmed(self.entries.read())

    async def check_async(self) -> None:
        """The same on an event loop."""
        self._require_confirmed(await self.entries.read_async())

    def close(self) -> None:
        """End the connections of this process's threads; those of an event loop end with it."""
        self.entries.close()

    async def aclose(self) -> None:
        """The same, and end those of the running event loop."""
        await self.entries.aclose()

    def __repr__(self) -> str:
        return f"RedisRevocations({self.entries.address.text})"

    def _merge(self, name: str, entry: Entry) -> None:
        self.entries.merge([(name, entry)])

    def _judged(self, reading: Reading, issued_at: float) -> bool:
        self._require_confirmed(reading)
        return entries.is_hit(reading.entries, issued_at, self._clock())

    def _require_confirmed(self, reading: Reading) -> None:
        """A generation later than the one known was confirmed since; an earlier one is an old copy come back."""
        generation = reading.generation
        if generation is None or generation < self._latest:
            raise TemporarilyUnavailable("revocations_not_confirmed")
        self._latest = generation
