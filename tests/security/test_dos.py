"""What a request may cost: dos-*. Bounds are generous; where growth matters, growth is measured."""

from __future__ import annotations

import gc
import secrets
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from jwt_middleware import ConfigurationError, JWTSettings, Key
from jwt_middleware.metrics import Metrics

from .build import ABSENT, Party, encode, json_bytes, mac, raw, resigned, spliced, unsigned
from .catalogue import (
    ACCEPTED,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    MISSING_CLAIM,
    Attempt,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .doors import Doors, Request, bearer, facts
from .world import World

cases = Cases()
UNCAPPED = 50_000_000


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + (b"" if opening == b"[" else b"1") + closing * depth


def deep(depth: int) -> tuple[bytes, bytes]:
    """Arrays and objects nested as deep."""
    return nested(depth), nested(depth, b'{"a":', b"}")


def at_stack_depth(depth: int, call: Callable[[], Any]) -> Any:
    """Call from below as many frames."""
    return call() if depth == 0 else at_stack_depth(depth - 1, call)


def fastest(doors: Doors, request: Request, tries: int = 5) -> float:
    """Seconds that the WSGI door needs at best."""

    def once() -> float:
        started = time.perf_counter()
        doors.ask_wsgi(request)
        return time.perf_counter() - started

    return min(once() for _ in range(tries))


@cases("dos-02")
def deep_signed_payload(world: World) -> Steps:
    claims = world.a.claims(world.now)
    uncapped = world.doors(world.a, max_token_bytes=UNCAPPED)
    for depth in (1_000, 2_900, 10_000, 100_000):
        for value in deep(depth):
            yield attempt(world.paying(spliced(claims, value)), through=uncapped)
            yield attempt(world.paying(value), through=uncapped)
            # Unknown members of a header are ignored; how deep they may be, depends on the release of Python.
            header = spliced(world.a.header(), value)
            yield attempt(raw(header, claims, world.a.secret), ACCEPTED, INVALID_TOKEN, through=uncapped)
    for value in deep(100_000):
        yield attempt(world.paying(spliced(claims, value[:100_000])), through=uncapped)
    yield attempt(world.paying(spliced(claims, nested(2_900))))


@cases("dos-03")
def nesting_below_the_limit(world: World) -> Steps:
    """The app reads `claims` of all that is let in, deep inside itself; nothing of this may run out of stack."""
    claims = world.a.claims(world.now)
    uncapped = world.doors(world.a, max_token_bytes=UNCAPPED)
    uncapped.while_serving = lambda: at_stack_depth(200, lambda: facts(uncapped.visits[-1].identity))
    for depth in (*range(10, 80, 6), 200, 400, 495, 500, 600, 900, 990):
        for value in deep(depth):
            request = bearer(world.paying(spliced(claims, value)))
            yield Attempt(request, (ACCEPTED, INVALID_TOKEN), through=uncapped)
            answer = at_stack_depth(200, partial(uncapped.ask, request))
            assert answer.status in (200, 401)
            world.check_log(request)


@cases("dos-04")
def deep_unsigned_payload(world: World) -> Steps:
    for value in deep(10_000):
        payload = spliced(world.a.claims(world.now), value)
        token = unsigned(world.a.header(), payload, secrets.token_bytes(32))
        yield attempt(token)
        uncapped = world.doors(world.a, max_token_bytes=UNCAPPED)
        yield attempt(token, through=uncapped)
        started = time.perf_counter()
        at_stack_depth(200, partial(uncapped.ask, bearer(token)))
        assert time.perf_counter() - started < 1


@cases("dos-05")
def many_members(world: World) -> Steps:
    members = json_bytes({f"m{number}": number for number in range(100_000)})
    token = world.paying(members)
    yield attempt(token, INVALID_TOKEN)
    assert fastest(world.standing, bearer(token)) < 0.1
    uncapped = world.doors(world.a, max_token_bytes=UNCAPPED)
    yield attempt(token, MISSING_CLAIM, through=uncapped)
    few = world.paying(json_bytes({f"m{number}": number for number in range(25_000)}))
    yield attempt(few, MISSING_CLAIM, through=uncapped)
    assert fastest(uncapped, bearer(token)) < 12 * fastest(uncapped, bearer(few))


@cases("dos-07")
def flood_of_asymmetric_tokens(world: World) -> Steps:
    """For a tenant that has no such key, and for one that has, a flood costs what each check does, and no more."""
    sizes = {"RS256": 256, "ES512": 132, "PS256": 256, "EdDSA": 64}
    for algorithm, size in sizes.items():
        header = world.a.header(alg=algorithm)
        yield attempt(unsigned(header, world.a.claims(world.now), secrets.token_bytes(size)))
        yield attempt(unsigned(header, world.a.claims(world.now), b""))
    flood = [
        bearer(
            unsigned(world.a.header(alg=algorithm), world.a.claims(world.now), secrets.token_bytes(sizes[algorithm]))
        )
        for algorithm in ("RS256", "ES512")
        for _ in range(500)
    ]
    started = time.perf_counter()
    assert {world.standing.ask_wsgi(request).status for request in flood} == {401}
    assert time.perf_counter() - started < 10
    world.log.kept.clear()
    yield attempt(world.good(), ACCEPTED)
    for algorithm in ("RS256", "ES512"):
        one = world.keyed("R", algorithm, "r1")
        doors = world.doors(world.a, one)
        token = world.good(one)
        forged = [bearer(resigned(token, secrets.token_bytes(sizes[algorithm]))) for _ in range(500)]
        started = time.perf_counter()
        assert {doors.ask_wsgi(request).status for request in forged} == {401}
        assert time.perf_counter() - started < 10
        world.log.kept.clear()
        yield attempt(token, ACCEPTED, through=doors)


@cases("dos-08")
def many_keys(world: World) -> Steps:
    unnamed = [Key.secret(secrets.token_bytes(32)) for _ in range(50)]
    with pytest.raises(ConfigurationError):
        world.a.tenant(keys=unnamed)
    a = world.party("A", *(f"k{number}" for number in range(50)))
    doors = world.doors(a)
    anonymous = a.header(kid=ABSENT)
    yield attempt(raw(anonymous, a.claims(world.now), b"x" * 32), through=doors, persists=False)
    tokens = [raw(anonymous, a.claims(world.now), secret) for secret in a.secrets.values()]
    # Each key that was tried let its token in: that counts the candidates without a look inside.
    tried = [token for token in tokens if doors.ask(bearer(token)).status == 200]
    assert len(tried) <= 8
    for kid, secret in a.secrets.items():
        yield attempt(raw(a.header(kid=kid), a.claims(world.now), secret), ACCEPTED, through=doors)


@cases("dos-10")
def long_fields(world: World) -> Steps:
    """Linear in the length, with the length limit out of the way too."""
    uncapped = world.doors(world.a, max_token_bytes=UNCAPPED)
    for pattern, end in (
        (b"a.", b""),
        (b"=", b""),
        (b" ", b"x"),
        (b"..", b""),
        (b"a", b""),
        (b",", b""),
        (b"\t", b"x"),
    ):
        long, longer = (
            Request(authorization=(b"Bearer " + pattern * (size // len(pattern)) + end,)) for size in (100_000, 800_000)
        )
        yield Attempt(long)
        yield Attempt(long, (INVALID_TOKEN,), through=uncapped)
        assert fastest(world.standing, long) < 0.05
        # Eight times the length: eight times the time, sixty-four if it were quadratic. The floor is timer noise.
        assert fastest(uncapped, longer, 20) < 32 * max(fastest(uncapped, long, 20), 0.0002)


@cases("dos-11")
def number_formats(world: World) -> Steps:
    claims = world.a.claims(world.now)
    uncapped = world.doors(world.a, max_token_bytes=UNCAPPED)
    numbers = (
        b"1e999999999",
        b"-1e999999999",
        b"1e-999999999",
        b"0." + b"0" * 100_000 + b"1",
        b"-0.0e-0",
        b"9" * 100_000,
        b"9" * 4_000,
        b"1" * 100_000 + b"e-99999",
        b"0e" + b"9" * 50_000,
    )
    for number in numbers:
        for payload in (spliced(claims, number), spliced(claims, b"[" + number + b"]")):
            token = world.paying(payload)
            yield attempt(token, ACCEPTED, INVALID_TOKEN, through=uncapped)
            assert fastest(uncapped, bearer(token)) < 0.05
        header = spliced(world.a.header(), number)
        token = raw(header, claims, world.a.secret)
        yield attempt(token, ACCEPTED, INVALID_TOKEN, through=uncapped)
        assert fastest(uncapped, bearer(token)) < 0.05


@cases("dos-13")
def ten_thousand_names(world: World) -> Steps:
    """By the contract unknown issuers and key ids are one answer; none is kept, nor is a log line written for each.

    Metrics name tenants whose tokens were verified, and nothing that stands in any other token.
    """
    registry = CollectorRegistry()
    metrics = Metrics(registry, tenants=True)
    limited = Doors(JWTSettings([world.a.tenant()], clock=world.clock, observers=[metrics]), world.loop)
    for number in range(20):
        yield attempt(world.good(iss=f"i{number}"), INVALID_SIGNATURE, through=limited)
        yield attempt(world.headed(kid=f"k-{number}"), INVALID_SIGNATURE, through=limited)
    tracemalloc.start()
    try:
        first, second = (remembered(world, limited, f"half{half}") for half in range(2))
    finally:
        tracemalloc.stop()
    assert first < 2_000_000
    assert second < 500_000
    yield attempt(world.good(), ACCEPTED, through=limited)
    labels = labels_of(registry)
    assert labels["tenant"] == {"", world.a.tenant().id}
    assert labels["reason"] == {"", "unknown_issuer", "unknown_key_id"}
    assert not [value for values in labels.values() for value in values if value.startswith(("half", "i0", "k-"))]
    yield attempt(world.good(), ACCEPTED)


def labels_of(registry: CollectorRegistry) -> dict[str, set[str]]:
    """Every label of requests and their times, with all values that it has."""
    found: dict[str, set[str]] = {}
    for metric in registry.collect():
        if metric.name in ("jwt_middleware_requests", "jwt_middleware_verification_seconds"):
            for label, value in (item for sample in metric.samples for item in sample.labels.items()):
                found.setdefault(label, set()).add(value)
    return found


def remembered(world: World, doors: Doors, marker: str) -> int:
    """Bytes more in use after 5,000 tokens with names of their own."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(2_500):
        doors.ask_wsgi(bearer(world.good(iss=f"{marker}-{number}")))
        doors.ask_wsgi(bearer(world.headed(kid=f"{marker}-{number}")))
    assert len(world.log.kept) < 2_500  # not a line for each
    world.log.kept.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


@cases("dos-14")
def many_tenants(world: World) -> Steps:
    crowd = [
        Party(f"t{number}", {"k1": mac(str(number), world.a.secret)}, f"i{number}", "api") for number in range(10_000)
    ]
    many, few = world.doors(*crowd, world.a), world.doors(*crowd[:10], world.a)
    for one in (crowd[0], crowd[5_000], crowd[-1]):
        answers = yield attempt(world.good(one), through=many)
        assert answers.identity.tenant_id == one.name
    requests = [bearer(world.good(one)) for one in crowd]
    assert {many.ask_wsgi(request).status for request in requests} == {200}
    many.visits.clear()
    hammered = bearer(world.good(crowd[7]))
    slow, quick = (fastest(doors, hammered, tries=200) for doors in (many, few))
    assert slow < 4 * quick
    gc.collect()
    tracemalloc.start()
    try:
        for request in requests[:5_000]:
            many.ask_wsgi(request)
            many.visits.clear()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 2_000_000  # a second round over the tenants keeps nothing for each
    yield attempt(resigned(world.good(crowd[7]), encode(b"x").encode()), INVALID_SIGNATURE, through=many)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)
