"""The speed budgets: each compares two timings of one run, and holds the outcome against its limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import asymmetric, core, observed, stores
from .contestants import Added, added
from .stores import Stock
from .tenants import Census
from .timing import Timing

OURS_DOOR = "ours: JWTMiddleware"
OURS_ADAPTER = "ours: protect"
ADAPTERS = ("Flask", "Starlette", "FastAPI", "Django")
ADAPTER_LIMIT = 3.0
"""Microseconds that an adapter may add to what the bare door adds to the same app."""
PURE = "middleware around jwt.decode"
# Refusing may cost this much more than accepting, for each key that had to be tried.
REFUSAL_LIMIT = 2.0
TENANTS_TOLERANCE = 1.25
# Bytes; a tenant in the cache takes about a hundred times that.
FULL_CACHE_TOLERANCE = 10


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget line. `measured` holds the ratio of the best rounds and that of the median rounds.

    Where a line says µs or bytes, it is that instead.
    """

    line: str
    limit: float
    measured: Timing
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the ratio of the best rounds keeps the limit."""
        best = self.measured.best
        return best >= self.limit if self.at_least else best <= self.limit

    @property
    def rule(self) -> str:
        """The limit in words."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}"


def budgets(timings: dict[str, Timing], censuses: list[Census], stock: Stock) -> list[Budget]:
    """Every budget that the run has a measurement for."""
    return [
        *_verification(timings),
        *_asymmetric(timings),
        *_requests(timings[core.OURS], added(timings)),
        *_refusals(timings),
        *_junk(timings),
        *_tenants(censuses),
        *_tenants_in_databases(stock),
        *_revocations(stock),
    ]


def _verification(timings: dict[str, Timing]) -> Iterator[Budget]:
    ours = timings[core.OURS]
    yield Budget("verification, HS256, as a multiple of the floor", 1.25, ours.over(timings[core.FLOOR]))
    yield Budget("jwt.decode as a multiple of it", 8, timings[core.PYJWT].over(ours), at_least=True)


def _asymmetric(timings: dict[str, Timing]) -> Iterator[Budget]:
    familiar = timings[asymmetric.familiar("RS256")]
    yield Budget("RS256 token seen before, as a multiple of the floor", 0.5, familiar.over(timings[core.FLOOR]))
    for algorithm in asymmetric.ALGORITHMS:
        extra = timings[asymmetric.fresh(algorithm)].less(timings[asymmetric.raw(algorithm)])
        yield Budget(f"{algorithm}, µs more than cryptography's verify", 10, extra)


def _requests(verification: Timing, guards: Added) -> Iterator[Budget]:
    for stack in ("ASGI", "WSGI"):
        ours = guards[stack, OURS_DOOR]
        yield Budget(f"added to {stack} request, over the bare verification", 1.5, ours.over(verification))
        yield _rival(guards, stack, PURE, 8)
        more = guards[stack, observed.METRICS].less(ours)
        yield Budget(f"{stack}: µs more with Metrics()", observed.LIMIT, more)
    for stack in ADAPTERS:
        more = guards[stack, OURS_ADAPTER].less(guards[stack, OURS_DOOR])
        yield Budget(f"{stack}: µs more with its adapter than with the bare door", ADAPTER_LIMIT, more)
    yield _rival(guards, "Flask", "Flask-JWT-Extended", 15)
    yield _rival(guards, "Litestar", "JWTAuth", 15)


def _rival(guards: Added, stack: str, rival: str, limit: float) -> Budget:
    """What the rival adds to a request, as a multiple of what our door adds to the same app."""
    measured = guards[stack, rival].over(guards[stack, OURS_DOOR])
    return Budget(f"{stack}: {rival} over ours", limit, measured, at_least=True)


def _refusals(timings: dict[str, Timing]) -> Iterator[Budget]:
    ours = timings[core.OURS]
    yield Budget("forged token over an accepted one", REFUSAL_LIMIT, timings[core.FORGED].over(ours))
    yield Budget("unknown issuer over an accepted one", REFUSAL_LIMIT, timings[core.STRANGER].over(ours))
    limit = REFUSAL_LIMIT * core.CANDIDATES
    yield Budget("forged token, eight candidate keys", limit, timings[core.FORGED_EIGHT].over(ours))


def _junk(timings: dict[str, Timing]) -> Iterator[Budget]:
    for name, timing in timings.items():
        if name.startswith(core.JUNK):
            line = f"{name.removeprefix('ours: ')}, over the floor"
            yield Budget(line, 2, timing.over(timings[core.FLOOR]))


def _tenants(censuses: list[Census]) -> Iterator[Budget]:
    few, *more = censuses
    for census in more:
        line = f"request with {census.count:,} tenants over {few.count:,}"
        yield Budget(line, TENANTS_TOLERANCE, census.request.over(few.request))


def _tenants_in_databases(stock: Stock) -> Iterator[Budget]:
    timings, few, many = stock.timings, stock.counts[0], stock.counts[-1]
    for kind in stores.KINDS:
        more = timings[stores.cached(kind, few)].less(timings[stores.STATIC])
        yield Budget(f"cached tenant of {kind}, µs more than one held in memory", 0.5, more)
        cold = timings[stores.cold(kind)].over(timings[stores.bare(kind)])
        yield Budget(f"cold tenant of {kind}, over the same query in SQLAlchemy Core", 1.5, cold)
        request = timings[stores.cached(kind, many)].over(timings[stores.cached(kind, few)])
        yield Budget(f"request with {many:,} tenants in {kind} over {few:,}", TENANTS_TOLERANCE, request)
    growth = Timing(stock.bytes_once_full, stock.bytes_once_full)
    yield Budget("full cache, bytes that it grows for each further tenant", FULL_CACHE_TOLERANCE, growth)


def _revocations(stock: Stock) -> Iterator[Budget]:
    timings = stock.timings
    yield Budget("RedisRevocations over a bare MGET", 1.3, timings[stores.REDIS].over(timings[stores.BARE_REDIS]))
    yield Budget(f"MemoryRevocations with {stock.revocations:,} entries, µs", 0.8, timings[stores.MEMORY])
    size = Timing(stock.bytes_per_revocation, stock.bytes_per_revocation)
    yield Budget("MemoryRevocations, bytes for each entry", 150, size)
