"""What the stores cost: tenants in a database, behind their cache or not, and revocations, each beside the bare thing.

PostgreSQL and Redis are real ones on this machine, so that a round trip is the shortest that there is.
"""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from sqlalchemy import create_engine

from jwt_middleware import Authenticator, CachedTenants, JWTSettings
from jwt_middleware.revocation import entries
from jwt_middleware.revocation.memory import MemoryRevocations
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.sql.reading import by_issuer
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tenants.sql import SQLTenants

from ..stores.postgres_server import PostgresServer
from ..stores.redis_server import RedisServer
from . import tokens
from .populating import populate
from .tenants import BUSY, secret, tenant, tenant_id
from .timing import Contestant, Pace, Timing, race

STATIC = "tenants as objects"
MEMORY = "MemoryRevocations.is_revoked"
REDIS = "RedisRevocations.is_revoked"
BARE_REDIS = "redis-py, MGET of the same four keys"
KINDS = ("SQLite", "PostgreSQL")
MAX_TENANTS = 1000
"""Bounds the cache whose memory is measured; it is asked for several times as many."""
LONG = 3600.0
_PATIENCE = 5.0
"""Seconds for a look-up: what a busy machine does to one is no reason to end the bench."""


def cached(kind: str, count: int) -> str:
    """A request whose tenant is in the cache."""
    return f"cached, {kind} with {count:,} tenants"


def cold(kind: str) -> str:
    """A tenant that has to be looked up."""
    return f"SQLTenants.resolve, {kind}"


def bare(kind: str) -> str:
    """The same query without us."""
    return f"SQLAlchemy Core, the same query, {kind}"


@dataclass(frozen=True, slots=True)
class Stock:
    """What the stores cost in time and, for each thing kept in memory, in bytes."""

    timings: dict[str, Timing]
    counts: Sequence[int]
    """Of tenants in each database."""
    revocations: int
    """Entries in memory."""
    bytes_per_revocation: float
    bytes_once_full: float
    """By which a full cache grows while it is asked for several times as many tenants as it may hold, for each."""


def take_stock(counts: Sequence[int], revocations: int, pace: Pace) -> Stock:
    """Starts the servers, fills the databases and the memory, and times everything in one interleaved race."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = stack.enter_context(_databases(folder, counts))
        lanes = [_static(), *_cached_lanes(urls, stack), *_cold_lanes(urls, stack)]
        store, memory = _filled(revocations)
        lanes.append(Contestant(MEMORY, lambda name: store.is_revoked(*name), _questions()))
        lanes += stack.enter_context(_redis_lanes(folder))
        growth = _growth(urls[KINDS[0], counts[-1]], counts[-1])
        return Stock(race(lanes, pace), counts, revocations, memory, growth)


@contextmanager
def _databases(folder: Path, counts: Sequence[int]) -> Iterator[dict[tuple[str, int], str]]:
    """The URL of a database of each kind with each number of tenants."""
    server = PostgresServer()
    try:
        with ExitStack() as stack:
            urls = {("SQLite", count): f"sqlite:///{folder / f'{count}.db'}" for count in counts}
            for count in counts:
                urls["PostgreSQL", count] = server.url(stack.enter_context(server.database()))
            for (_, count), url in urls.items():
                upgrade(url)
                populate(url, count)
            yield urls
    finally:
        server.remove()


def _static() -> Contestant:
    authenticator = Authenticator(JWTSettings([tenant(number) for number in range(MAX_TENANTS)]))
    return Contestant(STATIC, authenticator.authenticate, _good(MAX_TENANTS))


def _cached_lanes(urls: dict[tuple[str, int], str], stack: ExitStack) -> Iterator[Contestant]:
    for (kind, count), url in urls.items():
        store = CachedTenants(_tenants(url, stack), ttl=LONG, store_timeout=_PATIENCE)
        authenticator = Authenticator(JWTSettings(store))
        good = _good(count)
        for token in good:
            authenticator.authenticate(token)
        yield Contestant(cached(kind, count), authenticator.authenticate, good)


def _cold_lanes(urls: dict[tuple[str, int], str], stack: ExitStack) -> Iterator[Contestant]:
    for (kind, count), url in urls.items():
        if count == max(count for _, count in urls):
            issuers = [tenant_id(number) for number in range(min(count, BUSY))]
            yield Contestant(cold(kind), _tenants(url, stack).resolve, issuers)
            yield Contestant(bare(kind), _bare_query(url, stack), issuers)


def _tenants(url: str, stack: ExitStack) -> SQLTenants:
    store = SQLTenants(url, store_in_clear=True, store_timeout=_PATIENCE)
    stack.callback(store.close)
    return store


def _bare_query(url: str, stack: ExitStack) -> Callable[[str], object]:
    engine = create_engine(url)
    stack.callback(engine.dispose)
    statement = by_issuer(None)

    def look_up(issuer: str) -> object:
        with engine.connect() as connection:
            return connection.execute(statement, {"issuer": issuer}).all()

    return look_up


@contextmanager
def _redis_lanes(folder: Path) -> Iterator[list[Contestant]]:
    server = RedisServer(folder)
    store, client = RedisRevocations(server.url, store_timeout=_PATIENCE), redis.Redis(port=server.port)
    try:
        store.confirm()
        questions = _questions()
        keys = [["{jwt_middleware}:generation", *map(_key, entries.keys(*names[:3]))] for names in questions]
        yield [
            Contestant(REDIS, lambda question: store.is_revoked(*question), questions),
            Contestant(BARE_REDIS, client.mget, keys),
        ]
    finally:
        store.close()
        client.close()
        server.kill()


def _key(name: str) -> str:
    return f"{{jwt_middleware}}:{name}"


def _good(count: int) -> list[str]:
    """One token of each tenant that is busy."""
    busy = min(count, BUSY)
    return [tokens.token("user_1", issuer=tenant_id(number), secret=secret(number)) for number in range(busy)]


def _questions() -> list[tuple[str, str, str, float]]:
    """What a store is asked about tokens that nobody revoked."""
    return [(tokens.TENANT, f"{number:032x}", f"user_{number}", 1.7e9) for number in range(BUSY)]


def _filled(count: int) -> tuple[MemoryRevocations, float]:
    """A store with that many entries, and the bytes of each; ids and ends are the caller's and soon gone."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        store = MemoryRevocations()
        for number in range(count):
            store.revoke_token(tokens.TENANT, f"revoked-{number}", until=4e9 + number % 3600)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return store, (after - before) / count


def _growth(url: str, count: int) -> float:
    """Bytes for each further tenant, once as many are cached as may be."""
    limit = min(MAX_TENANTS, count // 4)
    with ExitStack() as stack:
        store = CachedTenants(_tenants(url, stack), ttl=LONG, max_tenants=limit, store_timeout=_PATIENCE)
        _visit(store, range(limit))
        gc.collect()
        tracemalloc.start()
        try:
            # All again, so that what is kept was counted.
            _visit(store, range(limit, 2 * limit))
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            _visit(store, range(2 * limit, 4 * limit))
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return max(0.0, (after - before) / (2 * limit))


def _visit(store: CachedTenants, numbers: range) -> None:
    for number in numbers:
        store.resolve(tenant_id(number))
