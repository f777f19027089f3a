"""Algorithms and key ids: alg-*, key-*."""

from __future__ import annotations

import secrets

import pytest

from jwt_middleware import ConfigurationError, Key

from .build import ABSENT, encode, raw, resigned, unsigned
from .catalogue import INVALID_SIGNATURE, INVALID_TOKEN, Builder, Cases, Steps, attempt, put_through
from .naughty import NAUGHTY, may_not_be_a_key_id
from .outside import nothing_opened
from .world import World

cases = Cases()


@cases("alg-01")
def alg_none(world: World) -> Steps:
    for spelling in ("none", "None", "NONE", "nOnE"):
        token = world.headed(alg=spelling)
        yield attempt(resigned(token, b""))
        yield attempt(token)


@cases("alg-08")
def alg_null(world: World) -> Steps:
    yield attempt(world.headed(alg=None))
    yield attempt(world.headed(alg=ABSENT))


@cases("alg-10")
def alg_boolean(world: World) -> Steps:
    yield attempt(world.headed(alg=True))


@cases("alg-12")
def alg_list(world: World) -> Steps:
    yield attempt(world.headed(alg=["HS256"]))


@cases("alg-13")
def alg_object(world: World) -> Steps:
    yield attempt(world.headed(alg={"HS256": 1}))


@cases("key-03")
def jku(world: World) -> Steps:
    own = secrets.token_bytes(32)
    for member in ("jku", "x5u"):
        header = world.a.header(**{member: f"{world.listener.url}/jwks.json"})
        yield attempt(raw(header, world.a.claims(world.now), own))
        # A kid that is in the listener's set only, and an algorithm whose keys are usually fetched.
        yield attempt(raw({**header, "kid": "theirs"}, world.a.claims(world.now), own))
        yield attempt(unsigned({**header, "alg": "RS256"}, world.a.claims(world.now), secrets.token_bytes(256)))
    assert not world.listener.was_called()


@cases("key-06")
def certificate_thumbprints(world: World) -> Steps:
    yield attempt(world.headed(x5t=encode(secrets.token_bytes(20))))
    yield attempt(world.headed(**{"x5t#S256": encode(secrets.token_bytes(32))}))


@cases("key-09")
def kid_boolean(world: World) -> Steps:
    yield attempt(world.headed(kid=True))


@cases("key-10")
def kid_float(world: World) -> Steps:
    yield attempt(world.headed(kid=1.5))


@cases("key-11")
def kid_list(world: World) -> Steps:
    yield attempt(world.headed(kid=["k1"]))


@cases("key-12")
def kid_object(world: World) -> Steps:
    yield attempt(world.headed(kid={"a": 1}))


@cases("key-15")
def kid_missing(world: World) -> Steps:
    yield attempt(world.headed(kid=ABSENT))


@cases("key-17")
def kid_of_another_key(world: World) -> Steps:
    a = world.party("A", "k1", "k2")
    doors = world.doors(a)
    for named, signing in (("k1", "k2"), ("k2", "k1")):
        token = raw(a.header(kid=named), a.claims(world.now), a.secrets[signing])
        yield attempt(token, through=doors, persists=False)
        assert doors.accepts(raw(a.header(kid=named), a.claims(world.now), a.secrets[named]))


def kid_injection(world: World, kid: str) -> Steps:
    """Tokens with this kid, signed with what a lookup by it could come back with."""
    yield attempt(world.headed(kid="unknown"))  # warms up what is imported on first use
    for secret in (b"", b"\0", kid.encode(), world.a.secret):
        with nothing_opened():
            yield attempt(raw(world.a.header(kid=kid), world.a.claims(world.now), secret))
    assert not world.listener.was_called()


@cases("key-19")
def kid_path(world: World) -> Steps:
    yield from kid_injection(world, "../../../../../../dev/null")


@cases("key-22")
def kid_url(world: World) -> Steps:
    yield from kid_injection(world, f"{world.listener.url}/k")


@cases("key-23")
def kid_jndi(world: World) -> Steps:
    yield from kid_injection(world, "${jndi:ldap://127.0.0.1/a}")


@cases("key-26")
def kid_surrogate(world: World) -> Steps:
    for kid in ("\ud800", "k1\udfff", "\udc00\ud800"):
        yield attempt(world.headed(kid=kid))


@cases("key-27")
def kid_long(world: World) -> Steps:
    for length in (100_000, 5_000, 257):
        yield attempt(world.headed(kid="a" * length))
    yield attempt(world.headed(kid="a" * 256), INVALID_SIGNATURE)


@cases("key-28")
def kid_dunder(world: World) -> Steps:
    for kid in ("__class__", "__proto__", "constructor", "keys", "__dict__", "secret", "0", "-1"):
        yield attempt(world.headed(kid=kid))


@cases("key-29")
def kid_folded(world: World) -> Steps:
    for kid in ("K1", "k1 ", " k1", "\uff4b1", "k1\u200b", "k\u0661"):
        yield attempt(world.headed(kid=kid))


@cases("key-30")
def kid_naughty(world: World) -> Steps:
    for kid in NAUGHTY:
        expected = INVALID_TOKEN if may_not_be_a_key_id(kid) else INVALID_SIGNATURE
        yield attempt(world.headed(kid=kid), expected)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)


# The public point of a key pair is no secret; this one is made up.
_JWK = '{"kty":"EC","crv":"P-256","x":"' + "A" * 43 + '","y":"' + "A" * 43 + '"}'
_PEM = f"-----BEGIN PUBLIC KEY-----\n{'A' * 64}\n{'A' * 32}\n-----END PUBLIC KEY-----\n"
_SSH = "ssh-ed25519 " + "A" * 68 + " someone@example"


@pytest.mark.parametrize(
    "text",
    [_JWK, "\ufeff" + _JWK, f"[{_JWK}]", f'{{"keys":[{_JWK}]}}', " \n" + _JWK, _PEM, "\ufeff\n" + _PEM, _SSH],
    ids=["jwk", "jwk-bom", "jwk-array", "jwks", "jwk-blanks", "pem", "pem-bom", "ssh"],
)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
def test_key_text_is_no_secret(text: str, *, as_bytes: bool) -> None:
    """The part of alg-18 and alg-19 that needs no asymmetric tenant: the confusion cannot be configured."""
    with pytest.raises(ConfigurationError) as refusal:
        Key.secret(text.encode() if as_bytes else text, allow_weak=True)
    assert "A" * 16 not in str(refusal.value)


def test_embedded_secret_is_not_used(world: World) -> None:
    """The part of key-01 that needs no asymmetric tenant: an own `jwk` of the kind that the tenant uses."""
    own = secrets.token_bytes(32)
    jwk = {"kty": "oct", "k": encode(own), "alg": "HS256", "kid": world.a.kid}

    def embedded(world: World) -> Steps:
        for header in (world.a.header(jwk=jwk), world.a.header(jwk=jwk, kid=ABSENT)):
            yield attempt(raw(header, world.a.claims(world.now), own))
        yield attempt(raw(world.a.header(x5c=[encode(own)]), world.a.claims(world.now), own))

    put_through("key-01", embedded, world)
