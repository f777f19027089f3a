"""Revocation, rotation, and everything that a door might remember too long: cache-*."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Any

import pytest

from jwt_middleware import Application, Rule

from .build import ABSENT, ALPHABET, P256_ORDER, decode, fingerprint, raw, resigned
from .catalogue import (
    ACCEPTED,
    EXPIRED,
    FORBIDDEN,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    UNAVAILABLE,
    Attempt,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .doors import Doors, Request
from .world import Directory, Withdrawn, World

cases = Cases()


def revoking(world: World, **options: Any) -> tuple[Doors, Withdrawn]:
    """Doors that ask a revocation store, and the store."""
    store = Withdrawn()
    return world.doors(world.a, world.b, revocations=store, **options), store


@cases("cache-02")
def revoked_and_padded(world: World) -> Steps:
    doors, store = revoking(world)
    for jti in (str(uuid.uuid4()), ABSENT):
        token = world.good(jti=jti)
        answers = yield attempt(token, ACCEPTED, through=doors)
        assert answers.identity.token_id == (fingerprint(token) if jti is ABSENT else jti)
        store.revoke(answers.identity)
        for padding in ("", "=", "==", "A", "%3D"):
            yield attempt(
                token + padding, INVALID_TOKEN, *((INVALID_SIGNATURE,) if padding == "A" else ()), through=doors
            )
        # Spare bits of the last character would be another spelling of the same signature.
        yield attempt(token[:-1] + ALPHABET[ALPHABET.index(token[-1]) + 1], INVALID_TOKEN, through=doors)


@cases("cache-03")
def revoked_and_malleated(world: World) -> Steps:
    """Of an ES256 signature (r, s), the other one that is good for the same text is (r, n - s)."""
    e, store = world.keyed("E", "ES256"), Withdrawn()
    doors = world.doors(world.a, e, revocations=store)
    for jti in (str(uuid.uuid4()), ABSENT):
        token = world.good(e, jti=jti)
        signature = decode(token.rpartition(".")[2])
        s = int.from_bytes(signature[32:], "big")
        other = resigned(token, signature[:32] + (P256_ORDER - s).to_bytes(32, "big"))
        answers = yield attempt(token, ACCEPTED, through=doors)
        yield attempt(other, ACCEPTED, through=doors)
        store.revoke(answers.identity)
        yield attempt(other, through=doors)
        yield attempt(token, through=doors)


@cases("cache-04")
def revoked_and_spelled_otherwise(world: World) -> Steps:
    doors, store = revoking(world)
    token = world.good(jti=ABSENT)
    answers = yield attempt(token, ACCEPTED, through=doors)
    store.revoke(answers.identity)
    for value in (f"Bearer  {token}", f"bearer {token}", f"BEARER {token} ", f"Bearer {token}\t", f" Bearer {token}"):
        yield Attempt(Request(authorization=(value.encode(),)), through=doors)


@cases("cache-05")
def same_token_id_of_two_tenants(world: World) -> Steps:
    doors, store = revoking(world)
    jti = str(uuid.uuid4())
    for revoked, other in ((world.a, world.b), (world.b, world.a)):
        store.tokens = {(revoked.tenant().id, jti)}
        yield attempt(world.good(other, jti=jti), through=doors)
        yield attempt(world.good(revoked, jti=jti), INVALID_TOKEN, through=doors)


class Down:
    """A store that fails, at once or by never answering."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure

    async def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        if self.failure is not None:
            raise self.failure
        await asyncio.sleep(30)
        return False


class DownAtOnce:
    """The same as a plain object, in this process and out of it."""

    def __init__(self, failure: Exception, *, in_memory: bool) -> None:
        self.failure = failure
        self.in_memory = in_memory

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        raise self.failure


@cases("cache-06")
def store_down(world: World) -> Steps:
    stores: list[object] = [Down(None)]
    for failure in (ConnectionError("redis://user:pass@db"), TimeoutError(), KeyError("x"), RuntimeError("x")):
        stores += [Down(failure), DownAtOnce(failure, in_memory=True), DownAtOnce(failure, in_memory=False)]
    for store in stores:
        doors = world.doors(world.a, revocations=store, store_timeout=0.05)
        answers = yield attempt(world.good(), through=doors, persists=False)
        assert answers.wsgi.header("retry-after") == "1"
        assert answers.wsgi.header("www-authenticate") is None
        # What the token itself does wrong is told as ever, the store is not asked.
        yield attempt(world.good(aud="other"), INVALID_TOKEN, through=doors, persists=False)


class ResolverDown:
    """A resolver that cannot answer."""

    in_memory = True

    def resolve(self, issuer: str) -> None:
        raise ConnectionError("postgresql://user:pass@db")


def test_resolver_down_is_no_verdict(world: World) -> None:
    """The same for the other store: 503, neither a 401 nor a pass."""
    doors = world.doors(resolver=ResolverDown())

    def down(world: World) -> Steps:
        for token in (world.good(), resigned(world.good(), b"x" * 32)):
            yield attempt(token, UNAVAILABLE, through=doors, persists=False)
        yield attempt("x.y.z", INVALID_TOKEN, through=doors, persists=False)

    put_through("cache-06", down, world)


@cases("cache-09")
def clock_that_moves_back(world: World) -> Steps:
    doors = world.doors(world.a)
    token = world.good()
    yield attempt(token, ACCEPTED, through=doors)
    world.clock.advance(300)
    yield attempt(token, ACCEPTED, through=doors)
    world.clock.advance(-300 - 5 - 61)
    yield attempt(token, through=doors)
    world.clock.advance(1_000)
    yield attempt(token, EXPIRED, through=doors)


@cases("cache-10")
def secret_rotated_out(world: World) -> Steps:
    a = world.party("A", "k1", "k2")
    directory = Directory(a.tenant())
    doors = world.doors(resolver=directory)
    old = world.good(a)
    yield attempt(old, ACCEPTED, through=doors, persists=False)
    remaining = a.having(secrets={"k2": a.secrets["k2"]})
    directory.put(remaining.tenant())
    yield attempt(old, through=doors, persists=False)
    yield attempt(raw(a.header(kid=ABSENT), a.claims(world.now), a.secret), through=doors, persists=False)
    yield attempt(world.good(remaining), ACCEPTED, through=doors, persists=False)


@cases("cache-11")
def tenant_suspended(world: World) -> Steps:
    directory = Directory(world.a.tenant())
    doors = world.doors(resolver=directory)
    token = world.good()
    for _ in range(3):
        yield attempt(token, ACCEPTED, through=doors)
    directory.put(world.a.tenant(active=False))
    yield attempt(token, through=doors, persists=False)
    directory.put(world.a.tenant())
    yield attempt(token, ACCEPTED, through=doors)


@cases("cache-12")
def audience_or_permissions_changed(world: World) -> Steps:
    directory = Directory(world.a.tenant())
    doors = world.doors(resolver=directory, rules=[Rule("/write", scopes=["write"])])
    token = world.good(scope="read")
    yield attempt(token, ACCEPTED, through=doors)
    yield attempt(token, path="/write", through=doors)
    yield attempt(token, ACCEPTED, through=doors)
    wider = world.good(scope="read write")
    yield attempt(wider, ACCEPTED, path="/write", through=doors)
    directory.put(world.a.tenant(applications=[Application("api-a", scopes=["read"])]))
    yield attempt(wider, FORBIDDEN, path="/write", through=doors)
    directory.put(world.a.tenant(applications=["api-new"]))
    yield attempt(token, INVALID_TOKEN, through=doors, persists=False)


@cases("cache-15")
def same_content_under_another_signature(world: World) -> Steps:
    doors = world.doors(world.a)
    token = world.good()
    for _ in range(2):
        yield attempt(token, ACCEPTED, through=doors)
    for signature in (secrets.token_bytes(32), b"\0" * 32, b"", secrets.token_bytes(64)):
        yield attempt(resigned(token, signature), through=doors)
    yield attempt(token, ACCEPTED, through=doors)


@cases("cache-16")
def same_ids_in_a_forgery(world: World) -> Steps:
    doors = world.doors(world.a, world.b)
    claims = world.a.claims(world.now)
    yield attempt(raw(world.a.header(), claims, world.a.secret), ACCEPTED, through=doors)
    for changes in ({}, {"scope": "admin"}, {"sub": "admin"}):
        forged = raw(world.a.header(), {**claims, **changes}, world.b.secret)
        yield attempt(forged, through=doors)


@cases("cache-17")
def two_instances(world: World) -> Steps:
    first, second = world.doors(world.a), world.doors(world.a.having(audience="api-2"))
    token = world.good()
    yield attempt(token, ACCEPTED, through=first)
    yield attempt(token, through=second, persists=False)
    yield attempt(token, ACCEPTED, through=first)
    stranger = world.doors(world.party("A"))
    yield attempt(token, INVALID_SIGNATURE, through=stranger, persists=False)


@cases("cache-18")
def asked_before_it_existed(world: World) -> Steps:
    a = world.party("A", "k1", "k9")
    before = a.having(secrets={"k1": a.secrets["k1"]})
    directory = Directory(before.tenant())
    doors = world.doors(resolver=directory)
    token = raw(a.header(kid="k9"), a.claims(world.now), a.secrets["k9"])
    new = world.good(world.b)
    for _ in range(3):
        yield attempt(token, INVALID_SIGNATURE, through=doors, persists=False)
        yield attempt(new, INVALID_SIGNATURE, through=doors, persists=False)
    directory.put(a.tenant(), world.b.tenant())
    yield attempt(token, through=doors)
    yield attempt(new, through=doors)


@cases("cache-21")
def same_key_id_new_secret(world: World) -> Steps:
    fresh = world.party("A")
    directory = Directory(world.a.tenant())
    doors = world.doors(resolver=directory)
    old = world.good()
    yield attempt(old, ACCEPTED, through=doors)
    directory.put(fresh.tenant())
    yield attempt(old, through=doors, persists=False)
    yield attempt(world.good(fresh), ACCEPTED, through=doors)


@cases("cache-22")
def same_token_twice(world: World) -> Steps:
    token = world.good()
    first, second = (yield attempt(token)), (yield attempt(token))
    assert first.text == second.text
    assert first.identity == second.identity


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack_on_verified_tokens(case_id: str, builder: Builder, signing_world: World) -> None:
    """The same, where tokens that were seen before are kept: those of tenants that have key pairs."""
    put_through(case_id, builder, signing_world)
