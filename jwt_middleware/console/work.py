"""What the pages ask of the stores, in threads of their own. No page is made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import anyio.to_thread

from jwt_middleware.authenticator import Authenticator
from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.explaining.checking import Outcome, check
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.tenants.refresh_links import Refreshed, RefreshLink, RefreshLinks

Answer = TypeVar("Answer")

MAX_THREADS: Final = 8
MAX_WAITING: Final = 64
"""Requests that wait for a thread; the next one is answered with 503 at once."""


class Work:
    """Every call raises TemporarilyUnavailable where the stores, or this machine, cannot answer in time."""

    def __init__(self, links: RefreshLinks, authenticator: Authenticator, api_url: str) -> None:
        self._links = links
        self._authenticator = authenticator
        self._threads = anyio.CapacityLimiter(MAX_THREADS)
        self.settings: Final = authenticator.settings
        self.api_url: Final = api_url.rstrip("/")

    async def find(self, token: str) -> RefreshLink:
        """See RefreshLinks."""
        return await self._run(lambda: self._links.find(token))

    async def refresh(self, token: str, grace: float | None) -> Refreshed:
        """See RefreshLinks."""
        return await self._run(lambda: self._links.refresh(token, grace))

    async def confirm(self, token: str) -> Tenant:
        """See RefreshLinks."""
        return await self._run(lambda: self._links.confirm(token))

    async def check(self, token: str, scopes: Sequence[str]) -> Outcome:
        """What becomes of a token."""
        outcome = await self._run(lambda: check(token, self._authenticator, scopes))
        if isinstance(outcome.refusal, TemporarilyUnavailable):
            raise outcome.refusal
        return outcome

    async def _run(self, call: Callable[[], Answer]) -> Answer:
        if self._threads.statistics().tasks_waiting >= MAX_WAITING:
            raise TemporarilyUnavailable("console_has_too_many_waiting")
        return await anyio.to_thread.run_sync(call, limiter=self._threads)
