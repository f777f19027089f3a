"""Tenants remembered for a while, in front of a resolver that has to be waited for."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from jwt_middleware.errors import ConfigurationError, Problem, TemporarilyUnavailable
from jwt_middleware.flights import Failure, Flight, Flights
from jwt_middleware.forks import renew_after_fork
from jwt_middleware.grammar import escaped
from jwt_middleware.plugins import UNKNOWN, Plugin, Unknown, aclose_all, check_of, close_all
from jwt_middleware.tenants.model import Tenant

_log = logging.getLogger("jwt_middleware")

MAX_UNKNOWN_ISSUERS: Final = 10_000
"""Issuers that nobody has, remembered apart from tenants: inventing issuers displaces no tenant."""
MAX_LOOK_UPS: Final = 64
"""Look-ups under way at most; what needs another one gets 503 at once."""
RENEW_AT: Final = 0.8
"""Part of `ttl` after which a tenant in use is looked up again while the known answer still serves."""
RETRY_AFTER: Final = 1.0
"""Seconds for which a known answer serves without a further try, after the resolver failed."""


_ENDED: Final[Tenant | Failure | None] = Failure("tenant_store_look_up_ended")


class _Known(NamedTuple):
    """An answer and its times, on the cache's clock."""

    tenant: Tenant | None
    renew_at: float
    fresh_until: float
    stale_until: float


class CachedTenants:
    """Remembers what a resolver answered: hits cost no wait, and one look-up serves all who ask for it.

    `ttl` and `negative_ttl` (seconds): how long a tenant, or that nobody has an issuer, is believed. `max_tenants`
    bounds memory. When the resolver fails, what it said serves for `stale_if_error` seconds more. A tenant in use is
    renewed shortly before its time is up, so that no request waits. `store_timeout` (seconds) bounds each look-up.

    Tenants that the wrapped store changes in this process are forgotten at once, where it offers `subscribe`.
    """

    keeps_time = True
    """It bounds its look-ups itself, so that what it knew can serve when one takes too long."""
    recalls_safely = True

    def __init__(
        self,
        resolver: object,
        *,
        ttl: float = 30,
        negative_ttl: float = 5,
        max_tenants: int = 100_000,
        stale_if_error: float = 60,
        store_timeout: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check(ttl=ttl, negative_ttl=negative_ttl, max_tenants=max_tenants, stale_if_error=stale_if_error)
        self.resolver = resolver
        self._ttl, self._negative_ttl, self._stale_if_error = ttl, negative_ttl, stale_if_error
        self._max_tenants = max_tenants
        self._timeout = store_timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._tenants: dict[str, _Known] = {}
        self._unknown: dict[str, _Known] = {}
        self._generation = 0
        self._flights: Flights[Tenant | None] = Flights(MAX_LOOK_UPS, "tenant_store", clock)
        self._plugin: Plugin[Tenant | None]
        self._plugin = Plugin(resolver, "resolve", (Tenant, type(None)), store_timeout, "tenant_store")
        self._store_check = check_of(resolver, store_timeout, "tenant_store")
        self._tasks: set[asyncio.Task[None]] = set()
        subscribe = getattr(resolver, "subscribe", None)
        if subscribe is not None:
            subscribe(self.forget)
        renew_after_fork(self)

    def recall(self, issuer: str) -> Tenant | Unknown | None:
        """What is known and needs no renewal; else UNKNOWN."""
        known = self._tenants.get(issuer)
        if known is None:
            known = self._unknown.get(issuer)
        return known.tenant if known is not None and self._clock() < known.renew_at else UNKNOWN

    def resolve(self, issuer: str) -> Tenant | None:
        """The tenant, looked up in this thread where need be. Raises TemporarilyUnavailable."""
        if (recalled := self.recall(issuer)) is not UNKNOWN:
            return recalled
        known = self._fresh(issuer)
        try:
            generation = self._generation
            flight = self._flights.join(_question(issuer, generation))
            if flight.leads and known is not None:
                threading.Thread(target=self._fly, args=(issuer, flight, generation), daemon=True).start()
            elif flight.leads:
                self._fly(issuer, flight, generation)
            return known.tenant if known is not None else _landed(flight.future.result(self._timeout))
        except (TemporarilyUnavailable, TimeoutError) as error:
            return self._stale(issuer, error)

    async def resolve_async(self, issuer: str) -> Tenant | None:
        """The same on an event loop. A look-up goes on when who asked for it first is cancelled."""
        if (recalled := self.recall(issuer)) is not UNKNOWN:
            return recalled
        known = self._fresh(issuer)
        try:
            generation = self._generation
            flight = self._flights.join(_question(issuer, generation))
            if flight.leads:
                task = asyncio.ensure_future(self._fly_async(issuer, flight, generation))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if known is not None:
                return known.tenant
            waiting = asyncio.shield(asyncio.wrap_future(flight.future))
            return _landed(await asyncio.wait_for(waiting, self._timeout))
        except (TemporarilyUnavailable, TimeoutError) as error:
            return self._stale(issuer, error)

    def forget(self, issuers: Iterable[str] | None = None) -> None:
        """Look these issuers (None: all) up anew when they are next needed, whatever is under way now."""
        with self._lock:
            self._generation += 1
            if issuers is None:
                self._tenants.clear()
                self._unknown.clear()
            for issuer in issuers or ():
                self._tenants.pop(issuer, None)
                self._unknown.pop(issuer, None)

    def check(self) -> None:
        """Ask the store itself whether it can be reached, where it offers that. Raises TemporarilyUnavailable."""
        if self._store_check is not None:
            self._store_check.ask()

    async def check_async(self) -> None:
        """The same on an event loop."""
        if self._store_check is not None:
            await self._store_check.ask_async()

    def close(self) -> None:
        """Close the store and end its threads."""
        close_all([self.resolver, self._plugin, self._store_check])

    async def aclose(self) -> None:
        """The same on an event loop."""
        await aclose_all([self.resolver, self._plugin, self._store_check])

    def after_fork(self) -> None:
        """In the child: nobody there holds the lock. What is remembered stays."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._tenants)

    def __repr__(self) -> str:
        return f"CachedTenants({self.resolver!r}, ttl={self._ttl:g})"

    def _fly(self, issuer: str, flight: Flight[Tenant | None], generation: int) -> None:
        outcome = _ENDED
        try:
            outcome = self._kept(issuer, self._plugin.ask(issuer), generation)
        except TemporarilyUnavailable as error:
            outcome = self._failed(issuer, error)
        finally:
            self._flights.land(_question(issuer, generation), flight, outcome)

    async def _fly_async(self, issuer: str, flight: Flight[Tenant | None], generation: int) -> None:
        outcome = _ENDED
        try:
            outcome = self._kept(issuer, await self._plugin.ask_async(issuer), generation)
        except TemporarilyUnavailable as error:
            outcome = self._failed(issuer, error)
        finally:
            self._flights.land(_question(issuer, generation), flight, outcome)

    def _fresh(self, issuer: str) -> _Known | None:
        known = self._tenants.get(issuer) or self._unknown.get(issuer)
        return known if known is not None and self._clock() < known.fresh_until else None

    def _stale(self, issuer: str, error: Exception) -> Tenant | None:
        """What was known, while the resolver fails. Raises TemporarilyUnavailable where that is too long ago."""
        known = self._tenants.get(issuer) or self._unknown.get(issuer)
        reason = error.reason if isinstance(error, TemporarilyUnavailable) else "tenant_store_timed_out"
        if known is None or self._clock() >= known.stale_until:
            raise TemporarilyUnavailable(reason)
        self._postpone(issuer)
        _log.warning("tenant store fails (%s): %s is served as last known", reason, escaped(issuer))
        return known.tenant

    def _failed(self, issuer: str, error: TemporarilyUnavailable) -> Failure:
        self._postpone(issuer)
        return Failure(error.reason)

    def _postpone(self, issuer: str) -> None:
        """Let what is known serve for a moment without a further try."""
        with self._lock:
            for kept in (self._tenants, self._unknown):
                known = kept.get(issuer)
                if known is not None:
                    renew_at = min(self._clock() + RETRY_AFTER, known.stale_until)
                    kept[issuer] = known._replace(renew_at=renew_at)

    def _kept(self, issuer: str, tenant: Tenant | None, generation: int) -> Tenant | None:
        now, ttl = self._clock(), self._negative_ttl if tenant is None else self._ttl
        # That nobody has an issuer is not renewed ahead, nor believed for longer when the store fails.
        renew_at = now + (ttl if tenant is None else RENEW_AT * ttl)
        known = _Known(tenant, renew_at, now + ttl, now + ttl + (0 if tenant is None else self._stale_if_error))
        with self._lock:
            # What changed while this was under way may have changed this.
            if generation == self._generation:
                self._put(issuer, known)
        return tenant

    def _put(self, issuer: str, known: _Known) -> None:
        """Answers are kept in the order in which they came; those in use are renewed, and so come again."""
        self._tenants.pop(issuer, None)
        self._unknown.pop(issuer, None)
        is_unknown = known.tenant is None
        kept, limit = (self._unknown, MAX_UNKNOWN_ISSUERS) if is_unknown else (self._tenants, self._max_tenants)
        while kept and len(kept) >= limit:
            del kept[next(iter(kept))]
        if limit > 0:
            kept[issuer] = known


def _question(issuer: str, generation: int) -> str:
    """A look-up from before a change does not answer who asks after it."""
    return f"{generation} {issuer}"


def _landed(outcome: Tenant | Failure | None) -> Tenant | None:
    if isinstance(outcome, Failure):
        raise TemporarilyUnavailable(outcome.reason)
    return outcome


def _check(**numbers: object) -> None:
    problems = [
        Problem(name, f"{number!r} is not a number from 0 up", "write plain seconds, or a count")
        for name, number in numbers.items()
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < 1e11
    ]
    if problems:
        raise ConfigurationError(problems, "this cache cannot be used")
