"""One tenant must never be taken for another: tenant-*."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import warnings
from statistics import median

import pytest

from jwt_middleware import ConfigurationError, Tenant
from jwt_middleware.identity import current_identity

from ..keys.making import Signer, key_set
from ..keys.serving import document
from .build import ABSENT, encode, mac, raw, resigned
from .catalogue import (
    ACCEPTED,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    Attempt,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .doors import Request, Visit, bearer, converse, http_request, scope_of
from .world import Directory, World

cases = Cases()


@cases("tenant-01")
def issuer_of_another(world: World) -> Steps:
    a, b = world.a, world.b
    for kid in (a.kid, ABSENT):
        yield attempt(raw(b.header(kid=kid), b.claims(world.now), a.secret))
        yield attempt(raw(a.header(kid=kid), a.claims(world.now), b.secret))
    yield attempt(raw(b.header(), b.claims(world.now, aud=a.audience), a.secret))


@cases("tenant-03")
def same_key_id_in_two_sets(world: World) -> Steps:
    parties = [world.keyed(name, "RS256", "k1") for name in ("J1", "J2")]
    parties[1] = parties[1].having(secrets={"k1": Signer("RS256", "k1", number=1)})
    servers = [world.serve(document(key_set(one.secret))) for one in parties]
    tenants = [one.tenant(keys=world.jwks(server)) for one, server in zip(parties, servers, strict=True)]
    for first, second in (parties, parties[::-1]):
        doors = world.doors(world.a, *tenants)
        yield attempt(world.good(first), ACCEPTED, through=doors)
        for kid in ("k1", ABSENT):
            yield attempt(raw(second.header(kid=kid), second.claims(world.now), first.secret), through=doors)
            yield attempt(raw(first.header(kid=kid), first.claims(world.now), second.secret), through=doors)
        yield attempt(world.good(second), ACCEPTED, through=doors)
    assert [server.fetches for server in servers] == [1, 1]


@cases("tenant-04")
def secret_in_a_set(world: World) -> Steps:
    """J publishes the secret of A, or any: nobody signs with what everybody can read."""
    j = world.party("J", "k1")
    for secret in (j.secret, world.a.secret):
        member = {"kty": "oct", "k": encode(secret), "kid": "k1"}
        for more in ({}, {"alg": "HS256"}, {"alg": "HS256", "use": "sig"}, {"alg": "RS256"}):
            server = world.serve(document(key_set({**member, **more})))
            doors = world.doors(world.a, j.tenant(keys=world.jwks(server)))
            for kid in ("k1", ABSENT):
                yield attempt(raw(j.header(kid=kid), j.claims(world.now), secret), through=doors)


@cases("tenant-05")
def unknown_tenant(world: World) -> Steps:
    claims = world.a.claims(world.now, iss="https://nobody.example")
    unknown = yield attempt(raw(world.a.header(), claims, world.a.secret))
    for signature in (b"", secrets.token_bytes(32), secrets.token_bytes(256)):
        again = yield attempt(resigned(raw(world.a.header(), claims, world.a.secret), signature))
        assert again.text == unknown.text
    forged = yield attempt(resigned(world.good(), secrets.token_bytes(32)))
    assert forged.text == unknown.text


@cases("tenant-06")
def enumeration(world: World) -> Steps:
    forged = resigned(world.good(), secrets.token_bytes(32))
    unknown = raw(world.a.header(), world.a.claims(world.now, iss="https://z.example"), secrets.token_bytes(32))
    first, second = (yield attempt(forged)), (yield attempt(unknown))
    assert first.text == second.text
    for header in (world.a.header(kid="k9"), world.a.header(alg="HS384"), world.a.header(alg="HS512", kid=ABSENT)):
        other = yield attempt(raw(header, world.a.claims(world.now), world.a.secret))
        assert other.text == first.text
    ratio = how_much_slower(world, unknown, forged)
    assert 1 / 3 < ratio < 3


def how_much_slower(world: World, one: str, other: str) -> float:
    """Median time of 200 refusals of one token over that of the other, taken in turns."""
    spent: dict[str, list[float]] = {one: [], other: []}
    for _ in range(200):
        for token, times in spent.items():
            started = time.perf_counter()
            world.standing.ask_wsgi(bearer(token))
            times.append(time.perf_counter() - started)
    return median(spent[one]) / median(spent[other])


@cases("tenant-07")
def suspended_or_removed(world: World) -> Steps:
    directory = Directory(world.a.tenant(), world.b.tenant())
    doors = world.doors(resolver=directory)
    token = world.good()
    yield attempt(token, ACCEPTED, through=doors)
    directory.put(world.a.tenant(active=False))
    yield attempt(token, INVALID_TOKEN, through=doors, persists=False)
    yield attempt(resigned(token, b"x" * 32), INVALID_SIGNATURE, through=doors, persists=False)
    directory.put(world.a.tenant())
    yield attempt(token, ACCEPTED, through=doors)
    directory.remove(world.a.issuer)
    yield attempt(token, INVALID_SIGNATURE, through=doors, persists=False)
    yield attempt(world.good(world.b), ACCEPTED, through=doors)


class SlowForOne:
    """A resolver that needs a second for one tenant and none for the others."""

    def __init__(self, slow: str, *tenants: Tenant) -> None:
        self.slow = slow
        self.directory = Directory(*tenants)

    async def resolve(self, issuer: str) -> Tenant | None:
        if issuer == self.slow:
            await asyncio.sleep(1)
        return self.directory.resolve(issuer)


@cases("tenant-09")
def slow_resolver(world: World) -> Steps:
    doors = world.doors(resolver=SlowForOne(world.b.issuer, world.a.tenant(), world.b.tenant()))
    yield attempt(world.good(), through=doors)
    request, noisy = bearer(world.good()), bearer(world.good(world.b))

    async def crowd() -> tuple[list[int], float, int]:
        slow = asyncio.create_task(doors.ask_asgi(noisy))
        await asyncio.sleep(0)
        started = time.perf_counter()
        quick = await asyncio.gather(*(doors.ask_asgi(request) for _ in range(50)))
        spent = time.perf_counter() - started
        return [answer.status for answer in quick], spent, (await slow).status

    statuses, spent, slow_status = world.loop.run(crowd())
    assert statuses == [200] * 50
    assert spent < 0.2
    assert slow_status == 503  # after store_timeout, not after the second that the resolver takes


@cases("tenant-11")
def tenant_header(world: World) -> Steps:
    forged = (
        ("X-Tenant-ID", b"B"),
        ("X-Forwarded-Host", b"b.example"),
        ("X-Tenant", b"b"),
        ("X-Auth-Tenant", b"b"),
        ("X-Auth-Subject", b"admin"),
        ("Forwarded", b"host=b.example"),
    )
    answers = yield attempt(world.good(), headers=forged)
    assert answers.identity.tenant_id == "a"
    assert answers.identity.subject == "u1"
    yield Attempt(Request(headers=forged), (INVALID_TOKEN,))


@cases("tenant-12")
def equal_secrets(world: World) -> Steps:
    twin = world.b.having(secrets=world.a.secrets)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        world.log.kept.clear()
        try:
            world.doors(world.a, twin)
            pointed_out = bool(warned) or any(record.levelname == "WARNING" for record in world.log.kept)
        except ConfigurationError as refusal:
            pointed_out = world.a.secret.hex() not in str(refusal)
    world.log.kept.clear()
    assert pointed_out
    yield attempt(world.good(), ACCEPTED)


@cases("tenant-13")
def identity_of_the_last_request(world: World) -> Steps:
    doors = world.doors(world.a, public=["/open"])
    yield attempt(world.good(), through=doors)
    anonymous = yield Attempt(Request(path="/open"), through=doors)
    assert all(nobody(visit) for answer in (anonymous.wsgi, anonymous.asgi) for visit in answer.visits)

    def fail() -> None:
        raise LookupError

    async def one_task() -> None:
        """Both requests in one task, the first one failing in the app."""
        doors.while_serving = fail
        with pytest.raises(LookupError):
            await converse(doors.asgi, scope_of(bearer(world.good())), [http_request()])
        doors.while_serving = lambda: None
        assert current_identity.get() is None
        await converse(doors.asgi, scope_of(bearer(world.good())), [http_request()])
        assert current_identity.get() is None
        await converse(doors.asgi, scope_of(Request(path="/open")), [http_request()])

    world.loop.run(one_task())
    assert nobody(doors.visits[-1])
    doors.while_serving = fail
    with pytest.raises(LookupError):
        doors.ask_wsgi(bearer(world.good(), lint=False))
    assert current_identity.get() is None
    doors.while_serving = lambda: None
    for lint in (True, False):  # the linter's body is one that an app sends as it goes
        doors.ask_wsgi(bearer(world.good(), lint=lint))
        assert current_identity.get() is None
    answer = doors.ask_wsgi(Request(path="/open"))
    assert nobody(answer.visits[0])


def nobody(visit: Visit) -> bool:
    """Whether the app saw an anonymous request, wherever it looked."""
    user = visit.surroundings.get("user")
    return (
        visit.identity is None
        and visit.context is None
        and "REMOTE_USER" not in visit.surroundings
        and (user is None or not user.is_authenticated)
    )


@cases("tenant-15")
def issuer_in_the_header(world: World) -> Steps:
    header = {"alg": "HS256", "iss": world.a.issuer, "sub": "admin", "aud": world.a.audience}
    answers = yield attempt(raw(header, world.b.claims(world.now), world.b.secret))
    assert answers.identity.tenant_id == "b"
    assert answers.identity.subject == "u1"
    yield attempt(raw(header, world.b.claims(world.now), world.a.secret), INVALID_SIGNATURE)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)


def test_resolver_that_answers_with_another_tenant(world: World) -> None:
    """A resolver's mistake must not let one tenant in as the other."""

    class Confused:
        in_memory = True

        def resolve(self, issuer: str) -> Tenant | None:
            return world.a.tenant()

    doors = world.doors(resolver=Confused())

    def confused(world: World) -> Steps:
        for signer in (world.a, world.b):
            token = raw(world.b.header(), world.b.claims(world.now), signer.secret)
            yield attempt(token, INVALID_SIGNATURE, through=doors)

    put_through("tenant-01", confused, world)


def test_signature_is_checked_over_the_bytes_that_arrived(world: World) -> None:
    """Claims that read the same are not the same: a MAC over a re-encoding of them is a forgery."""
    claims = world.a.claims(world.now)
    spaced = json.dumps(claims).encode()
    token = raw(world.a.header(), spaced, world.a.secret)
    other = raw(world.a.header(), claims, world.a.secret).rpartition(".")[0]

    def reencoded(world: World) -> Steps:
        yield attempt(token, ACCEPTED)
        yield attempt(resigned(token, mac(other, world.a.secret)), INVALID_SIGNATURE)

    put_through("sig-02", reencoded, world)
