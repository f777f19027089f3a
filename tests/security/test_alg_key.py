"""Algorithms and key ids: alg-*, key-*."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_middleware import ConfigurationError, Key

from ..keys.making import Signer, key_set
from ..keys.serving import document
from .build import ABSENT, decode, encode, mac, raw, resigned, unsigned
from .catalogue import ACCEPTED, INVALID_SIGNATURE, INVALID_TOKEN, Builder, Cases, Steps, attempt, put_through
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


def public_texts(signer: Signer) -> Iterator[bytes]:
    """Everything that a public key may look like, in the eyes of who would use it as a secret."""
    pem, public = signer.pem, signer.public
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = b"".join(pem.splitlines()[1:-1])
    yield from (pem, pem.strip(), pem.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + pem, body, body + b"\n", der)
    yield from (b"\n".join(pem.splitlines()[1:-1]), base64.b64decode(body), public_openssh(public))
    jwk = signer.jwk()
    for value in (jwk, [jwk], {"keys": [jwk]}, signer.jwk(alg=ABSENT, use=ABSENT, kid=ABSENT)):
        for text in (json.dumps(value), json.dumps(value, separators=(",", ":")), json.dumps(value, sort_keys=True)):
            yield from (text.encode(), b"\xef\xbb\xbf" + text.encode())
    yield from (decode(value) for name, value in jwk.items() if name in ("n", "x", "y"))


def public_openssh(public: Any) -> bytes:
    text: bytes = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text


def confused(world: World, of_jwk: bool) -> Steps:
    """Tokens by HMAC, whose secret is the public key of a tenant; the settings allow both kinds of algorithm."""
    for algorithm in ("RS256", "ES256", "EdDSA"):
        one = world.keyed("R", algorithm, "r1")
        key = Key.public(one.secret.jwk(), algorithm=algorithm) if of_jwk else one.secret.key()
        doors = world.doors(world.a, one.tenant(keys=[key]))
        yield attempt(world.good(one), ACCEPTED, through=doors)
        for secret in public_texts(one.secret):
            for hmac in ("HS256", "HS512"):
                for kid in ("r1", ABSENT):
                    text = unsigned(one.header(alg=hmac, kid=kid), one.claims(world.now), b"").removesuffix(".")
                    forged = resigned(text + ".", mac(text, secret, f"sha{hmac[2:]}"))
                    yield attempt(forged, through=doors, persists=False)
        assert doors.accepts(world.good())


@cases("alg-18")
def secret_is_a_pem(world: World) -> Steps:
    yield from confused(world, of_jwk=False)


@cases("alg-19")
def secret_is_a_jwk(world: World) -> Steps:
    yield from confused(world, of_jwk=True)


@cases("key-01")
def embedded_key(world: World) -> Steps:
    for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
        one, own = world.keyed("R", algorithm, "r1"), Signer(algorithm, "r1", number=99)
        doors = world.doors(world.a, one)
        yield attempt(world.good(one), ACCEPTED, through=doors)
        for header in (
            one.header(jwk=own.jwk()),
            one.header(jwk=own.jwk(), kid=ABSENT),
            one.header(jwk=own.jwk(kid="own"), kid="own"),
            one.header(jwk=own.private_jwk()),
            one.header(jwks={"keys": [own.jwk()]}),
            one.header(x5c=[encode(own.pem)], kid=ABSENT),
        ):
            yield attempt(raw(header, one.claims(world.now), own), through=doors)
        # Whoever signs well may carry a key along: it is nobody's business.
        yield attempt(raw(one.header(jwk=own.jwk()), one.claims(world.now), one.secret), ACCEPTED, through=doors)


@cases("key-03")
def jku(world: World) -> Steps:
    secret, own = secrets.token_bytes(32), Signer("RS256", "theirs", number=99)
    r = world.keyed("R", "RS256", "r1")
    fetched = world.keyed("J", "RS256", "j1")
    server = world.serve(document(key_set(fetched.secret)))
    doors = world.doors(world.a, r, fetched.tenant(keys=world.jwks(server)))
    for member in ("jku", "x5u"):
        address = {member: f"{world.listener.url}/jwks.json"}
        header = world.a.header(**address)
        yield attempt(raw(header, world.a.claims(world.now), secret))
        # A kid that is in the listener's set only, and an algorithm whose keys are usually fetched.
        yield attempt(raw({**header, "kid": "theirs"}, world.a.claims(world.now), secret))
        yield attempt(unsigned({**header, "alg": "RS256"}, world.a.claims(world.now), secrets.token_bytes(256)))
        for one in (r, fetched):
            for kid in (one.kid, "theirs", ABSENT):
                yield attempt(raw(one.header(**address, kid=kid), one.claims(world.now), own), through=doors)
            yield attempt(raw(one.header(**address), one.claims(world.now), one.secret), ACCEPTED, through=doors)
    assert not world.listener.was_called()
    assert server.fetches == 1


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
