"""Key sets by URL: jwks-*."""

from __future__ import annotations

import asyncio
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from jwt_middleware import JWKS, ConfigurationError
from jwt_middleware.tenants.jwks import Limits

from ..keys.making import Signer, key_set
from ..keys.serving import (
    PATIENT,
    QUICK,
    Answer,
    KeyServer,
    broken,
    cached_for,
    document,
    html,
    redirecting,
    silent,
    text,
)
from .build import ABSENT, Party, encode, raw, resigned
from .catalogue import (
    ACCEPTED,
    INVALID_SIGNATURE,
    UNAVAILABLE,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .doors import Doors, bearer
from .world import World

cases = Cases()


def fetching(
    world: World, of: Party, answer: Answer | None = None, limits: Limits = PATIENT
) -> tuple[Doors, KeyServer]:
    """Doors for A and for this party, whose keys are fetched; and the server that has them."""
    server = world.serve(answer or document(key_set(*of.secrets.values())))
    return world.doors(world.a, of.tenant(keys=world.jwks(server, limits))), server


def strange(world: World, of: Party) -> str:
    """A token with a random kid and a random signature."""
    token = raw(of.header(kid=f"random-{secrets.token_hex(8)}"), of.claims(world.now), of.secret)
    return resigned(token, secrets.token_bytes(64))


@cases("jwks-01")
def random_key_ids(world: World) -> Steps:
    j = world.keyed("J", "ES256", "k1")
    doors, server = fetching(world, j)
    yield attempt(world.good(j), ACCEPTED, through=doors)
    for fetches in (1, 2):
        yield attempt(strange(world, j), through=doors)
        flood = [bearer(strange(world, j)) for _ in range(1000)]
        assert {doors.ask_wsgi(request).status for request in flood[:500]} == {401}
        answers = world.loop.run(all_at_once(doors, flood[500:]))
        assert set(answers) == {401}
        world.log.kept.clear()
        assert server.fetches == fetches
        world.clock.advance(PATIENT.cool_down)
        yield attempt(world.good(j), ACCEPTED, through=doors)


async def all_at_once(doors: Doors, requests: list[Any]) -> list[int]:
    """The statuses of requests that are under way together."""
    answers = await asyncio.gather(*(doors.ask_asgi(request) for request in requests))
    return [answer.status for answer in answers]


@cases("jwks-03")
def new_key_after_rotation(world: World) -> Steps:
    j = world.keyed("J", "ES256", "k1", "k2")
    old, new = j.having(secrets={"k1": j.secrets["k1"]}), j.having(secrets={"k2": j.secrets["k2"]})
    doors, server = fetching(world, old)
    yield attempt(world.good(old), through=doors)
    yield attempt(world.good(new), INVALID_SIGNATURE, through=doors)
    server.answer = document(key_set(*j.secrets.values()))
    world.clock.advance(PATIENT.cool_down)
    yield attempt(world.good(new), through=doors)
    yield attempt(world.good(old), through=doors)
    assert server.fetches == 2


@cases("jwks-04")
def old_key_removed(world: World) -> Steps:
    j = world.keyed("J", "ES256", "k1", "k2")
    doors, server = fetching(world, j, cached_for(100, key_set(*j.secrets.values())))
    token = world.good(j)
    yield attempt(token, ACCEPTED, through=doors)
    server.answer = cached_for(100, key_set(j.secrets["k2"]))
    world.clock.advance(100)
    yield attempt(token, through=doors)
    yield attempt(world.good(j), through=doors)
    yield attempt(raw(j.header(kid=ABSENT), j.claims(world.now), j.secret), through=doors)
    yield attempt(world.good(j.having(secrets={"k2": j.secrets["k2"]})), ACCEPTED, through=doors)


@cases("jwks-05")
def endpoint_down(world: World) -> Steps:
    for answer in (broken(), silent, html, redirecting("http://127.0.0.1:9/"), None):
        j = world.keyed("J", "ES256", "k1")
        doors, server = fetching(world, j, limits=QUICK if answer is silent else PATIENT)
        token = world.good(j)
        yield attempt(token, through=doors)
        server.answer = answer or server.answer
        if answer is None:
            server.down()
        world.clock.advance(PATIENT.default_age + 1)
        yield attempt(token, through=doors)
        yield attempt(world.good(j), through=doors)
        yield attempt(strange(world, j), INVALID_SIGNATURE, through=doors)
        world.clock.advance(-PATIENT.default_age - 1)


_ADDRESSES: Final = (
    "file:///etc/passwd",
    "data:application/json,{}",
    "ftp://idp.example/jwks.json",
    "http://idp.example/jwks.json",
    "http://127.0.0.1/jwks.json",
    "gopher://idp.example/",
    "jar:https://idp.example/!/x",
    "//idp.example/jwks.json",
    "HTTP://idp.example/jwks.json",
)


@cases("jwks-08")
def other_schemes(world: World) -> Steps:
    for address in _ADDRESSES:
        for make in (JWKS, JWKS.discover):
            with pytest.raises(ConfigurationError):
                make(address)
    yield attempt(world.good(), ACCEPTED)


@cases("jwks-09")
def malformed_sets(world: World) -> Steps:
    j = world.keyed("J", "ES256", "k1")
    malformed: list[Answer] = [html, text(b""), text(b"not JSON"), text(b"\xff\xfe\x00")]
    documents: list[Any] = [[], {}, {"keys": {}}, {"keys": None}, {"keys": "k1"}, "keys", 7, None, [j.secret.jwk()]]
    for answer in (*malformed, *map(document, documents)):
        doors, _ = fetching(world, j, answer)
        for token in (world.good(j), strange(world, j)):
            yield attempt(token, UNAVAILABLE, through=doors)
    doors, _ = fetching(world, j, document({"keys": []}))
    yield attempt(world.good(j), INVALID_SIGNATURE, through=doors)


_BAD: Final[tuple[object, ...]] = (
    {"kty": "oct"},
    {"kty": "oct", "k": "YWJj", "alg": "none"},
    {"kty": "oct", "k": "YWJj", "alg": ["HS256"]},
    {"kty": "oct", "k": "YWJj", "alg": {}},
    None,
    [],
    {"kty": "RSA"},
    {"kty": ["RSA"]},
    {"kty": "EC", "crv": {}},
    7,
    "k1",
    {"kid": {}},
)


@cases("jwks-10")
def bad_member_among_good_ones(world: World) -> Steps:
    for bad in _BAD:
        j = world.keyed("J", "ES256", "k1")
        doors, _ = fetching(world, j, document(key_set(bad, j.secret, bad)))
        yield attempt(world.good(j), through=doors)
        yield attempt(strange(world, j), INVALID_SIGNATURE, through=doors)


@cases("jwks-12")
def symmetric_member(world: World) -> Steps:
    j = world.party("J", "k1")
    member = {"kty": "oct", "k": encode(j.secret), "kid": "k1", "alg": "HS256", "use": "sig"}
    doors, _ = fetching(world, j, document(key_set(member)))
    yield attempt(world.good(j), through=doors)
    yield attempt(raw(j.header(kid=ABSENT), j.claims(world.now), j.secret), through=doors)


@cases("jwks-13")
def key_for_something_else(world: World) -> Steps:
    purposes: tuple[dict[str, object], ...] = (
        {"use": "enc"},
        {"use": ABSENT, "key_ops": ["encrypt"]},
        {"key_ops": ["sign"]},
        {"key_ops": []},
    )
    for changes in purposes:
        for algorithm in ("RS256", "ES256"):
            j = world.keyed("J", algorithm, "k1")
            doors, _ = fetching(world, j, document(key_set(j.secret.jwk(**changes))))
            yield attempt(world.good(j), through=doors)


@cases("jwks-14")
def key_id_twice(world: World) -> Steps:
    for order in (1, -1):
        j = world.keyed("J", "ES256", "k1")
        twins = [Signer("ES256", "k1", number=99), j.secret][::order]
        doors, _ = fetching(world, j, document(key_set(*twins)))
        yield attempt(world.good(j), through=doors)
        yield attempt(raw(j.header(kid=ABSENT), j.claims(world.now), j.secret), through=doors)


@cases("jwks-15")
def mixed_set(world: World) -> Steps:
    j, secret = world.keyed("J", "RS256", "k1"), secrets.token_bytes(64)
    member = {"kty": "oct", "k": encode(secret), "kid": "h1", "alg": "HS256"}
    for members in ((j.secret, member), (member, j.secret), ({**member, "kid": "k1"}, j.secret)):
        doors, _ = fetching(world, j, document(key_set(*members)))
        for kid in ("h1", "k1", ABSENT):
            yield attempt(raw(j.header(alg="HS256", kid=kid), j.claims(world.now), secret), through=doors)
        for public in (j.secret.pem, json.dumps(j.secret.jwk()).encode()):
            yield attempt(raw(j.header(alg="HS256"), j.claims(world.now), public), through=doors)
        yield attempt(world.good(j), ACCEPTED, through=doors)


@cases("jwks-17")
def key_id_of_another_type(world: World) -> Steps:
    for kid in (["k1"], 1, 1.5, True, {"k1": 1}, "", "k1\n", "x" * 257):
        j = world.keyed("J", "ES256", "k1")
        doors, _ = fetching(world, j, document(key_set(j.secret.jwk(kid=kid))))
        for named in ("k1", "1", str(kid)[:20].strip() or "k", ABSENT):
            yield attempt(raw(j.header(kid=named), j.claims(world.now), j.secret), through=doors)


@cases("jwks-19")
def concurrent_cold_start(world: World) -> Steps:
    j = world.keyed("J", "ES256", "k1")
    for _ in range(3):
        doors, server = fetching(world, j)
        assert set(world.loop.run(all_at_once(doors, [bearer(world.good(j))] * 100))) == {200}
        assert server.fetches == 1
        doors, server = fetching(world, j)
        with ThreadPoolExecutor(50) as pool:
            answers = pool.map(doors.ask_wsgi, [bearer(world.good(j))] * 100)
            assert {answer.status for answer in answers} == {200}
        assert server.fetches == 1
        yield attempt(world.good(j), through=doors)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)
