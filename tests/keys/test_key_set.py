"""A JWK Set, read with care: what cannot be used is left out with a log line, the rest serves."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from jwt_middleware.tenants.key_set import MAX_KEYS, MalformedKeySet, read_key_set
from jwt_middleware.tenants.model import MAX_KEYS_WITHOUT_ID

from ..unit.making import ABSENT
from .making import ALGORITHMS, Signer, key_set

SOURCE = "https://idp.example/jwks.json"
RS, ES, ED = Signer("RS256", "r1"), Signer("ES256", "e1"), Signer("EdDSA", "d1")
TEXT = b"header.payload"
WEAK_RSA = json.loads(RSAAlgorithm.to_jwk(rsa.RSAPublicNumbers(65537, (1 << 1023) + 12345).public_key()))


def read(*members: object) -> Any:
    return read_key_set(key_set(*members), SOURCE)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    "document",
    [None, [], {}, "keys", 7, True, [{"keys": []}], {"keys": None}, {"keys": {}}, {"keys": "RSA"}, {"Keys": []}],
    ids=json.dumps,
)
def test_what_is_no_set_is_malformed(document: object) -> None:
    with pytest.raises(MalformedKeySet, match="no array of keys"):
        read_key_set(document, SOURCE)


def test_an_empty_set_is_a_set_without_keys() -> None:
    keys = read()
    assert len(keys) == 0
    assert not keys.has("r1")
    assert keys.candidates("RS256", None) == ()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_of_each_algorithm_is_found_by_its_id(algorithm: str) -> None:
    signer = Signer(algorithm, "k1")
    keys = read(signer, Signer("ES256", "other", number=1))
    (found,) = keys.candidates(algorithm, "k1")
    assert found.verifies(TEXT, signer.sign(TEXT))
    assert keys.candidates(algorithm, "k2") == ()
    assert keys.has("k1")
    assert not keys.has("k2")


def test_a_key_is_not_found_for_another_algorithm() -> None:
    assert read(RS, ES).candidates("PS256", "r1") == ()
    assert read(RS, ES).candidates("RS256", "e1") == ()


def test_without_an_id_every_key_of_the_algorithm_is_a_candidate() -> None:
    first, second = Signer("ES256", "e1"), Signer("ES256", "e2", number=1)
    assert [key.key_id for key in read(first, RS, second).candidates("ES256", None)] == ["e1", "e2"]


def test_a_key_without_id_may_be_meant_by_any() -> None:
    keys = read(ES, Signer("ES256", number=1), Signer("EdDSA"))
    assert [key.key_id for key in keys.candidates("ES256", "e1")] == ["e1", None]
    assert [key.key_id for key in keys.candidates("ES256", "unheard-of")] == [None]
    assert keys.has("unheard-of")


def test_one_id_may_stand_for_keys_of_different_algorithms() -> None:
    keys = read(Signer("RS256", "k1"), Signer("ES256", "k1"))
    assert [key.algorithm for key in keys.candidates("ES256", "k1")] == ["ES256"]
    assert [key.algorithm for key in keys.candidates("RS256", "k1")] == ["RS256"]


@pytest.mark.parametrize(
    ("signer", "algorithm"),
    [
        (Signer("RS512", "k1"), "RS256"),
        (ES, "ES256"),
        (Signer("ES384", "k1"), "ES384"),
        (Signer("ES512", "k1"), "ES512"),
        (ED, "EdDSA"),
        (Signer("EdDSA", "k1", kind="Ed448"), "EdDSA"),
    ],
)
def test_where_the_algorithm_is_not_stated_type_and_curve_tell(signer: Signer, algorithm: str) -> None:
    (key,) = read(signer.jwk(alg=ABSENT, use=ABSENT)).candidates(algorithm, signer.kid)
    assert key.algorithm == algorithm


UNUSABLE = {
    "null": (None, "no object"),
    "a list": ([], "no object"),
    "text": ("RSA", "no object"),
    "no members": ({}, "its algorithm"),
    "symmetric": ({"kty": "oct", "k": "YWJj" * 20, "kid": "r1"}, "its algorithm"),
    "symmetric for HS256": ({"kty": "oct", "k": "YWJj" * 20, "alg": "HS256"}, "its algorithm"),
    "symmetric that says RS256": ({"kty": "oct", "k": "YWJj" * 20, "alg": "RS256"}, "private or symmetric"),
    "symmetric, none": ({"kty": "oct", "k": "YWJj", "alg": "none"}, "its algorithm"),
    "alg is a list": ({"kty": "oct", "k": "YWJj", "alg": ["HS256"]}, "its algorithm"),
    "alg is an object": (RS.jwk(alg={}), "its algorithm"),
    "alg is a number": (RS.jwk(alg=256), "its algorithm"),
    "alg for encryption": (RS.jwk(alg="RSA-OAEP", use="enc"), "its algorithm"),
    "alg of another curve": (Signer("ES384", "k1").jwk(alg="ES256"), "another kind"),
    "alg of another type": (RS.jwk(alg="ES256"), "another kty"),
    "RSA without a modulus": ({"kty": "RSA"}, "cannot be read"),
    "broken base64": (RS.jwk(n="***"), "cannot be read"),
    "weak RSA": (WEAK_RSA, "has 1024 bits"),
    "a private key": (ES.private_jwk(), "private or symmetric"),
    "a private RSA key": (RS.private_jwk(), "private or symmetric"),
    "for encryption": (RS.jwk(use="enc"), "not for checking signatures"),
    "for encrypting": (RS.jwk(use=ABSENT, key_ops=["encrypt"]), "not for checking signatures"),
    "an unknown curve": (ES.jwk(crv="secp256k1", alg=ABSENT), "its algorithm"),
    "a curve that is a list": (ES.jwk(crv=["P-256"], alg=ABSENT), "its algorithm"),
    "for key agreement": (ED.jwk(crv="X25519", alg=ABSENT), "cannot be read"),
    "an unknown type": ({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"}, "its algorithm"),
    "kid is a list": (RS.jwk(kid=["r1"]), "its kid"),
    "kid is a number": (RS.jwk(kid=1), "its kid"),
    "kid is an object": (RS.jwk(kid={"r1": 1}), "its kid"),
    "kid is empty": (RS.jwk(kid=""), "its kid"),
    "kid is long": (RS.jwk(kid="x" * 257), "its kid"),
    "kid has a line end": (RS.jwk(kid="r\n1"), "its kid"),
    "deep": (RS.jwk(n=[[[[[[[]]]]]]]), "cannot be read"),
}


@pytest.mark.parametrize(("member", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_one_bad_member_does_not_spoil_the_others(
    member: object, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = Signer("EdDSA", "good", number=1)
    keys = read(member, good)
    assert len(keys) == 1
    (found,) = keys.candidates("EdDSA", "good")
    assert found.verifies(TEXT, good.sign(TEXT))
    (line,) = lines(caplog)
    assert line.startswith(f"key set {SOURCE}: left out member 0: ")
    assert reason in line
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize("private", [RS.private_jwk(), ES.private_jwk(), {"kty": "oct", "k": "c2VjcmV0" * 8}])
def test_nothing_of_a_key_is_logged(private: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    read(private)
    values = [value for name, value in private.items() if name not in ("kty", "crv", "e")]
    assert lines(caplog)
    assert not [value for value in values if value[:12] in caplog.text]


@pytest.mark.parametrize("order", [1, -1])
def test_a_key_id_that_stands_twice_stands_for_none(order: int, caplog: pytest.LogCaptureFixture) -> None:
    """Which one is meant nobody knows; picking one would let the other's owner choose the order."""
    twins = [Signer("ES256", "k1"), Signer("ES256", "k1", number=1)][::order]
    keys = read(*twins, ED)
    assert keys.candidates("ES256", "k1") == ()
    assert keys.candidates("ES256", None) == ()
    assert len(keys) == 1
    assert len(lines(caplog)) == 2
    assert all("kid 'k1': it stands there more than once" in line for line in lines(caplog))


def test_a_key_id_in_a_log_line_cannot_break_it(caplog: pytest.LogCaptureFixture) -> None:
    read(Signer("ES256", "k\u2028\u200e1"), Signer("ES256", "k\u2028\u200e1", number=1))
    assert all(line.isprintable() for line in lines(caplog))


def test_keys_without_id_are_limited_so_that_nobody_multiplies_the_cost_of_a_bad_signature() -> None:
    many = [Signer("EdDSA", number=number) for number in range(MAX_KEYS_WITHOUT_ID + 5)]
    keys = read(*many, *(Signer("ES256", number=number) for number in range(3)))
    assert len(keys.candidates("EdDSA", None)) == MAX_KEYS_WITHOUT_ID
    assert len(keys.candidates("ES256", None)) == 3


def test_of_a_set_of_10_000_keys_the_first_ones_are_read_and_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    member = ED.jwk()
    members = [{**member, "kid": f"k{number}"} for number in range(10_000)]
    started = time.perf_counter()
    keys = read(*members)
    assert time.perf_counter() - started < 1
    assert len(keys) == MAX_KEYS
    assert keys.has(f"k{MAX_KEYS - 1}")
    assert not keys.has(f"k{MAX_KEYS}")
    assert lines(caplog) == [f"key set {SOURCE}: only the first {MAX_KEYS} of 10000 keys are read"]


def test_the_address_in_a_log_line_cannot_break_it(caplog: pytest.LogCaptureFixture) -> None:
    read_key_set({"keys": [None]}, "https://idp.example/\n\x1b[31m")
    assert lines(caplog)[0].isprintable()


def test_no_key_is_made_ready_before_it_is_needed() -> None:
    assert all(key.prepared is None for key in read(RS, ES, ED).candidates("RS256", None))
