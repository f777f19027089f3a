"""Many tenants held in memory: what one request costs, and what having them costs."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle

from jwt_middleware import Authenticator, JWTSettings, Key, Tenant

from . import tokens
from .timing import Contestant, Pace, Timing, collector_off, race, seconds

# Tenants that send requests during the race, as against all that there are; and how many tokens they send.
BUSY = 1000
POOL = 2000
# Allocations are counted for this many tenants: tracing a million takes minutes and gives the same number.
TRACED = 20_000
SEED = 7519


@dataclass(frozen=True, slots=True)
class Census:
    """What a number of tenants costs. The two timings are of a tenant known already and of one seen first."""

    count: int
    build_seconds: float
    bytes_per_tenant: float
    collection_seconds: float
    first_request_us: float
    request: Timing
    first_of_tenant: Timing


@dataclass(frozen=True, slots=True)
class _Town:
    """A number of tenants behind one authenticator, and what building them took."""

    count: int
    authenticator: Authenticator
    build_seconds: float
    first_request_us: float
    collection_seconds: float


def survey(counts: Iterable[int], pace: Pace) -> list[Census]:
    """Builds each number of tenants, then times requests to all of them in one interleaved race."""
    towns = [_build(count) for count in counts]
    timings = race(_requests(towns, pace), pace)
    return [_census(town, timings) for town in towns]


def tenant_id(number: int) -> str:
    """The id, and so the issuer, of one of them; all have the same length."""
    return f"tenant-{number:07}"


def secret(number: int) -> str:
    """The secret of that tenant."""
    return sha256(b"bench %d" % number).hexdigest()


def tenant(number: int) -> Tenant:
    """One tenant with one key and one application."""
    return Tenant(tenant_id(number), keys=[Key.secret(secret(number))], applications=[tokens.APPLICATION])


def _build(count: int) -> _Town:
    """Everything up to and including the first request, which pays for whatever is prepared lazily."""
    built: list[Authenticator] = []
    with collector_off():
        build = seconds(lambda: built.append(Authenticator(JWTSettings([tenant(n) for n in range(count)]))))
        (first,) = _tokens([count // 2])
        request = seconds(lambda: built[0].authenticate(first)) * 1e6
        collection = seconds(gc.collect)
    return _Town(count, built[0], build, request, collection)


def _requests(towns: list[_Town], pace: Pace) -> list[Contestant]:
    return [lane for town in towns for lane in (_busy(town), _unseen(town, pace))]


def _busy(town: _Town) -> Contestant:
    """Random access over the tenants that are seen in the run."""
    chosen = random.Random(SEED).sample(range(town.count), min(BUSY, town.count))  # noqa: S311
    shuffled = random.Random(SEED).choices(chosen, k=POOL)  # noqa: S311
    return Contestant(f"busy {town.count}", town.authenticator.authenticate, _tokens(shuffled))


def _unseen(town: _Town, pace: Pace) -> Contestant:
    """As many different tenants in turn as the race has requests: of many tenants each is seen once."""
    wanted = int(pace.rounds * pace.round_us / 4)
    numbers = random.Random(SEED + 1).sample(range(town.count), min(wanted, town.count))  # noqa: S311
    return Contestant(f"unseen {town.count}", town.authenticator.authenticate, _tokens(numbers))


def _tokens(numbers: Iterable[int]) -> list[str]:
    subject = cycle(tokens.subjects(POOL))
    return [tokens.token(next(subject), issuer=tenant_id(n), secret=secret(n)) for n in numbers]


def _census(town: _Town, timings: dict[str, Timing]) -> Census:
    return Census(
        count=town.count,
        build_seconds=town.build_seconds,
        bytes_per_tenant=_bytes_per_tenant(min(town.count, TRACED)),
        collection_seconds=town.collection_seconds,
        first_request_us=town.first_request_us,
        request=timings[f"busy {town.count}"],
        first_of_tenant=timings[f"unseen {town.count}"],
    )


def _bytes_per_tenant(count: int) -> float:
    """Memory allocated for each of that many tenants, and still held once they are built."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held = Authenticator(JWTSettings(list(map(tenant, range(count)))))
        after, _ = tracemalloc.get_traced_memory()
        del held
    finally:
        tracemalloc.stop()
    return (after - before) / count
