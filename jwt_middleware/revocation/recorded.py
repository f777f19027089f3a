"""Revocations recorded in a database and looked at in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from jwt_middleware.plugins import Plugin, aclose_all, close_all
from jwt_middleware.revocation import entries
from jwt_middleware.revocation.copying import UNAVAILABLE, CopyKeeper, Record
from jwt_middleware.revocation.redis import RedisRevocations


class RecordedRevocations:
    """Revocations whose record is a database and whose fast copy is Redis. Safe to share.

    A revocation is recorded first, then copied. Checks ask Redis; where it cannot be reached, or its copy is not
    complete (flushed, restarted, failed over), they ask the database; where neither answers, TemporarilyUnavailable.

    A copy that is not complete is filled in the background. A revocation that could not be copied when it was recorded
    takes effect in this process on the next check, in others within about a second: every process looks after that in
    a thread of its own, from its first check until `close`.

    Redis and the database have time limits of their own; `store_timeout` (seconds) bounds the database under ASGI.
    """

    def __init__(
        self,
        record: Record,
        copy: RedisRevocations,
        *,
        store_timeout: float = 0.25,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.record = record
        self.copy = copy
        self.keeper = CopyKeeper(record, copy.entries)
        self._clock = clock
        self._fallback: Plugin[bool] = Plugin(record, "is_revoked", bool, store_timeout, "revocation_store")

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """Whether the token was withdrawn. Raises TemporarilyUnavailable where neither store can tell."""
        self.keeper.start()
        try:
            reading = self.copy.entries.read(*entries.keys(tenant_id, token_id, subject))
            if self.keeper.trusts(reading):
                return entries.is_hit(reading.entries, issued_at, self._clock())
        except UNAVAILABLE:
            pass
        return self._fallback.ask(tenant_id, token_id, subject, issued_at)

    async def is_revoked_async(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """The same on an event loop."""
        self.keeper.start()
        try:
            reading = await self.copy.entries.read_async(*entries.keys(tenant_id, token_id, subject))
            if self.keeper.trusts(reading):
                return entries.is_hit(reading.entries, issued_at, self._clock())
        except UNAVAILABLE:
            pass
        return await self._fallback.ask_async(tenant_id, token_id, subject, issued_at)

    def revoke_token(self, tenant_id: str, token_id: str, *, until: float | None) -> None:
        """Withdraw one token. Raises TemporarilyUnavailable where it could not be recorded."""
        self.record.revoke_token(tenant_id, token_id, until=until)
        self.keeper.add(entries.token_key(tenant_id, token_id), entries.for_token(until))

    def revoke_subject(self, tenant_id: str, subject: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the subject's tokens issued up to the cut-off."""
        self.record.revoke_subject(tenant_id, subject, cutoff=cutoff, until=until)
        self.keeper.add(entries.subject_key(tenant_id, subject), entries.for_cutoff(cutoff, until))

    def revoke_tenant(self, tenant_id: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the tenant's tokens issued up to the cut-off."""
        self.record.revoke_tenant(tenant_id, cutoff=cutoff, until=until)
        self.keeper.add(entries.tenant_key(tenant_id), entries.for_cutoff(cutoff, until))

    def check(self) -> None:
        """Raise where no check of a token could be answered: neither by Redis nor by the database."""
        self.is_revoked("", "", "", 0)

    async def check_async(self) -> None:
        """The same on an event loop."""
        await self.is_revoked_async("", "", "", 0)

    def close(self) -> None:
        """End the thread and the connections; those of an event loop end with it."""
        self.keeper.stop()
        close_all([self.copy, self._fallback, self.record])

    async def aclose(self) -> None:
        """The same, and end those of the running event loop."""
        await asyncio.to_thread(self.keeper.stop)
        await aclose_all([self.copy, self._fallback, self.record])

    def __repr__(self) -> str:
        return f"RecordedRevocations({self.record!r}, {self.copy!r})"
