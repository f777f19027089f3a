"""Stores that stop, die, lose everything, dawdle or refuse, under load: what requests are answered with.

Each row: tokens that are good and tokens that were revoked before the outage, through both doors, while a store fails
and after it is back. Never is a good token refused with 401, never does a revoked one pass, and nobody waits for long.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, NamedTuple, TypeAlias

import pytest

from jwt_middleware import CachedTenants, StaticTenants, asgi, wsgi
from jwt_middleware.revocation.recorded import RecordedRevocations
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.tenants.sql import SQLTenants

from ..unit.calling import environ_of, scope_of
from ..unit.making import settings, tenant, token
from .databases import PostgresDatabase
from .proxy import Proxy
from .redis_server import RedisServer

LIMIT: Final = 0.25
"""Seconds that the stores of one check may take in all."""
REQUESTS: Final = 5_000
"""For each row and door, before, during and after the outage."""
OUTAGE: Final = 1.0
"""Seconds that it lasts."""
BACK_WITHIN: Final = 2.0
THREADS: Final = 8
TASKS: Final = 32

Status: TypeAlias = int
GOOD, REVOKED = token(jti="good"), token(jti="revoked")
ALLOWED: Final[dict[str, set[Status]]] = {GOOD: {200, 503}, REVOKED: {401, 503}}


class Stores(NamedTuple):
    """What a middleware is built on, in front of which a proxy may stand."""

    tenants: Any
    revocations: Any


class Load:
    """Requests with both tokens, as many at a time as the door's server would serve; and how they were answered."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.statuses: dict[str, Counter[Status]] = {}
        self._lock = threading.Lock()

    def note(self, phase: str, text: str, status: Status, seconds: float) -> None:
        assert status in ALLOWED[text], f"{status} for a token that {'is good' if text == GOOD else 'was revoked'}"
        with self._lock:
            self.seconds.setdefault(phase, []).append(seconds)
            self.statuses.setdefault(phase, Counter())[status] += 1

    def count(self, phase: str) -> int:
        return sum(self.statuses.get(phase, Counter()).values())


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[-1]


class ThreadedDoor:
    """The WSGI door, called by threads."""

    name = "WSGI"

    def __init__(self, stores: Stores) -> None:
        built = settings(stores.tenants, revocations=stores.revocations, store_timeout=LIMIT, max_logged_refusals=0)
        self._layer = wsgi.JWTMiddleware(_app, built)

    def ask(self, text: str) -> Status:
        statuses: list[str] = []

        def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], None]:
            statuses.append(status)
            return lambda _: None

        list(self._layer(environ_of(token=text), start_response))
        return int(statuses[0][:3])

    def run(self, load: Load, phase: str, goes_on: Callable[[], bool]) -> None:
        errors: list[BaseException] = []

        def serve() -> None:
            try:
                while goes_on() and not errors:
                    for text in (GOOD, REVOKED):
                        began = time.perf_counter()
                        load.note(phase, text, self.ask(text), time.perf_counter() - began)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=serve) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def close(self) -> None:
        self._layer.close()


class LoopDoor:
    """The ASGI door, called by tasks of one event loop."""

    name = "ASGI"

    def __init__(self, stores: Stores) -> None:
        built = settings(stores.tenants, revocations=stores.revocations, store_timeout=LIMIT, max_logged_refusals=0)
        self._layer = asgi.JWTMiddleware(_async_app, built)
        self._runner = asyncio.Runner()

    def ask(self, text: str) -> Status:
        return self._runner.run(self._ask(text))

    def run(self, load: Load, phase: str, goes_on: Callable[[], bool]) -> None:
        async def serve() -> None:
            while goes_on():
                for text in (GOOD, REVOKED):
                    began = time.perf_counter()
                    load.note(phase, text, await self._ask(text), time.perf_counter() - began)
                # An answer that waits for nobody is no reason to keep others waiting.
                await asyncio.sleep(0)

        async def serve_all() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(TASKS):
                    group.create_task(serve())

        self._runner.run(serve_all())

    async def _ask(self, text: str) -> Status:
        statuses: list[int] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._layer(scope_of(token=text), _receive, send)
        return statuses[0]

    def close(self) -> None:
        self._runner.run(self._layer.aclose())
        self._runner.close()


def _app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


async def _async_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


# The stores


Ports: TypeAlias = tuple[int, int]
"""Where PostgreSQL and Redis are to be found."""
Build: TypeAlias = Callable[[PostgresDatabase, Ports], Stores]


def in_postgresql(database: PostgresDatabase, ports: Ports) -> Stores:
    """Tenants and revocations in PostgreSQL."""
    url = database.server.url(database.name, port=ports[0])
    revocations = SQLRevocations(url, store_timeout=LIMIT)
    revocations.revoke_token("acme", "revoked", until=None)
    return Stores(_tenants(url), revocations)


def in_redis(database: PostgresDatabase, ports: Ports) -> Stores:
    """Revocations in Redis alone."""
    revocations = RedisRevocations(f"redis://127.0.0.1:{ports[1]}/0", store_timeout=LIMIT)
    _put_back(revocations)
    return Stores(StaticTenants([tenant()]), revocations)


def in_both(database: PostgresDatabase, ports: Ports) -> Stores:
    """Tenants in PostgreSQL, revocations there with a copy in Redis."""
    url = database.server.url(database.name, port=ports[0])
    record = SQLRevocations(url, store_timeout=LIMIT / 2)
    copy = RedisRevocations(f"redis://127.0.0.1:{ports[1]}/0", store_timeout=LIMIT / 2)
    revocations = RecordedRevocations(record, copy, store_timeout=LIMIT / 2)
    revocations.revoke_token("acme", "revoked", until=None)
    revocations.keeper.tend()
    return Stores(_tenants(url), revocations)


def _tenants(url: str) -> CachedTenants:
    """With a short memory, so that they are looked up during the outage too."""
    tenants = SQLTenants(url, store_timeout=LIMIT, store_in_clear=True)
    tenants.replace_tenant(tenant())
    return CachedTenants(tenants, ttl=0.2, stale_if_error=60, store_timeout=LIMIT)


def _put_back(revocations: RedisRevocations) -> None:
    """What an operator does before he confirms."""
    revocations.revoke_token("acme", "revoked", until=None)
    revocations.confirm()


# The faults


class Place(NamedTuple):
    """Where a fault happens."""

    database: PostgresDatabase
    redis: RedisServer
    proxy: Proxy
    stores: Stores


Fault: TypeAlias = Callable[[Place], AbstractContextManager[None]]


@contextmanager
def redis_stops(place: Place) -> Iterator[None]:
    place.redis.pause()
    yield
    place.redis.resume()


@contextmanager
def redis_is_killed(place: Place) -> Iterator[None]:
    place.redis.kill()
    yield
    place.redis.start()
    _confirm_if_alone(place)


@contextmanager
def redis_restarts_empty(place: Place) -> Iterator[None]:
    place.redis.restart(empty=True)
    yield
    _confirm_if_alone(place)


@contextmanager
def redis_is_full(place: Place) -> Iterator[None]:
    with place.redis.full():
        yield


@contextmanager
def postgresql_stops(place: Place) -> Iterator[None]:
    place.database.server.pause()
    yield
    place.database.server.resume()


@contextmanager
def postgresql_is_killed(place: Place) -> Iterator[None]:
    place.database.server.kill()
    yield
    place.database.server.start()


@contextmanager
def postgresql_restarts_empty(place: Place) -> Iterator[None]:
    tables = ("jwt_middleware_revocations", "jwt_middleware_tenants")
    for table in tables:
        place.database.run(f"ALTER TABLE {table} RENAME TO {table}_gone")
    place.database.server.restart()
    yield
    for table in tables:
        place.database.run(f"ALTER TABLE {table}_gone RENAME TO {table}")


@contextmanager
def postgresql_is_full(place: Place) -> Iterator[None]:
    with place.database.server.full():
        place.database.server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
        yield


@contextmanager
def way_is_slow(place: Place) -> Iterator[None]:
    place.proxy.delay = 4 * LIMIT
    yield
    place.proxy.delay = 0


@contextmanager
def way_is_closed(place: Place) -> Iterator[None]:
    place.proxy.refuse()
    yield
    place.proxy.accept()


def _confirm_if_alone(place: Place) -> None:
    if isinstance(place.stores.revocations, RedisRevocations):
        operator = RedisRevocations(place.redis.url, store_timeout=5)
        _put_back(operator)
        operator.close()


REDIS: Final[dict[str, Fault]] = {
    "Redis stopped": redis_stops,
    "Redis killed": redis_is_killed,
    "Redis restarted empty": redis_restarts_empty,
    "Redis slow": way_is_slow,
    "Redis refuses connections": way_is_closed,
    "Redis out of connections": redis_is_full,
}
POSTGRESQL: Final[dict[str, Fault]] = {
    "PostgreSQL stopped": postgresql_stops,
    "PostgreSQL killed": postgresql_is_killed,
    "PostgreSQL restarted empty": postgresql_restarts_empty,
    "PostgreSQL slow": way_is_slow,
    "PostgreSQL refuses connections": way_is_closed,
    "PostgreSQL out of connections": postgresql_is_full,
}
ROWS: Final[list[tuple[str, Build, str, Fault]]] = [
    *(("Redis", in_redis, name, fault) for name, fault in REDIS.items()),
    *(("PostgreSQL", in_postgresql, name, fault) for name, fault in POSTGRESQL.items()),
    *(("both", in_both, name, fault) for name, fault in {**REDIS, **POSTGRESQL}.items()),
]


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The rows, printed at the end."""
    rows = [
        f"{'stores':<12}{'outage':<32}{'door':<6}{'requests':>9}{'200':>7}{'401':>7}{'503':>7}"
        f"{'p99 ms':>8}{'longest':>9}{'usual':>7}{'back in ms':>12}"
    ]
    yield rows
    print("\n" + "\n".join(rows))


@pytest.fixture
def acme(postgres_server: Any, lasting_postgres_database: PostgresDatabase) -> PostgresDatabase:
    """A database that knows the tenant of the tokens."""
    database = lasting_postgres_database
    database.run("TRUNCATE jwt_middleware_revocations")
    database.run("DELETE FROM jwt_middleware_meta WHERE name = 'revocation_copy'")
    return database


@pytest.mark.parametrize("door_of", [ThreadedDoor, LoopDoor], ids=["WSGI", "ASGI"])
@pytest.mark.parametrize(("where", "build", "name", "fault"), ROWS, ids=[f"{row[0]}-{row[2]}" for row in ROWS])
def test_during_an_outage_only_honest_answers(
    where: str,
    build: Build,
    name: str,
    fault: Fault,
    door_of: type[ThreadedDoor] | type[LoopDoor],
    acme: PostgresDatabase,
    redis_server: RedisServer,
    table: list[str],
) -> None:
    is_redis = name in REDIS
    upstream = redis_server.port if is_redis else acme.server.port
    with Proxy(upstream) as proxy:
        needs_proxy = fault in (way_is_slow, way_is_closed)
        ports = (
            proxy.port if needs_proxy and not is_redis else acme.server.port,
            proxy.port if needs_proxy and is_redis else redis_server.port,
        )
        stores = build(acme, ports)
        door = door_of(stores)
        load = Load()
        try:
            until_back(door)
            door.run(load, "before", lambda: load.count("before") < REQUESTS // 5)
            with fault(Place(acme, redis_server, proxy, stores)):
                end = time.monotonic() + OUTAGE
                door.run(load, "outage", lambda: time.monotonic() < end)
            back = until_back(door)
            rest = REQUESTS - load.count("before") - load.count("outage")
            door.run(load, "after", lambda: load.count("after") < max(rest, 200))
        finally:
            door.close()
    usual, worst = p99(load.seconds["before"]), p99(load.seconds["outage"])
    during = load.statuses["outage"]
    total = sum(load.count(phase) for phase in load.statuses)
    table.append(
        f"{where:<12}{name:<32}{door.name:<6}{total:>9}{during[200]:>7}{during[401]:>7}{during[503]:>7}"
        f"{worst * 1000:>8.0f}{max(load.seconds['outage']) * 1000:>9.0f}{usual * 1000:>7.1f}{back * 1000:>12.0f}"
    )
    assert total >= REQUESTS
    assert back < BACK_WITHIN
    # What this machine does to every request, it may do to these too.
    assert worst < LIMIT + 0.05 + 3 * usual
    assert load.statuses["before"][503] <= load.count("before") // 5


def until_back(door: ThreadedDoor | LoopDoor) -> float:
    """Seconds until both tokens are answered as if nothing had happened, several times."""
    began = time.monotonic()
    good = 0
    while good < 5:
        answers = (door.ask(GOOD), door.ask(REVOKED))
        assert answers[0] in ALLOWED[GOOD]
        assert answers[1] in ALLOWED[REVOKED]
        good = good + 1 if answers == (200, 401) else 0
        assert time.monotonic() - began < 5 * BACK_WITHIN
    return time.monotonic() - began
