"""Public keys: which are accepted, which are refused, and with what advice."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt.algorithms
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from jwt_middleware import ConfigurationError, JWTSettings, Key, Tenant
from jwt_middleware.tenants import public_keys
from jwt_middleware.tenants.keys import PUBLIC_KEY_ALGORITHMS, decoy_key
from jwt_middleware.tenants.public_keys import MAX_RSA_BITS, MIN_RSA_BITS

from ..unit.making import ABSENT, NOW, SECRET
from .making import ALGORITHMS, Signer, private_key

SIGNERS = {**{name: Signer(name, "k1") for name in ALGORITHMS}, "Ed448": Signer("EdDSA", "k1", kind="Ed448")}
TEXT = b"header.payload"
RS256, ES256, EDDSA = SIGNERS["RS256"], SIGNERS["ES256"], SIGNERS["EdDSA"]


def pem(public: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return str(public.public_bytes(Encoding.PEM, form).decode())


FORMS: dict[str, Callable[[Signer], str | bytes | Mapping[str, Any]]] = {
    "PEM": lambda signer: signer.pem.decode(),
    "PEM as bytes": lambda signer: signer.pem,
    "PEM with Windows line ends": lambda signer: signer.pem.decode().replace("\n", "\r\n"),
    "PEM with Windows line ends as bytes": lambda signer: signer.pem.replace(b"\n", b"\r\n"),
    "PEM with a byte order mark": lambda signer: "\ufeff" + signer.pem.decode(),
    "PEM with a byte order mark as bytes": lambda signer: b"\xef\xbb\xbf" + signer.pem,
    "PEM between blanks": lambda signer: "\n\t " + signer.pem.decode() + "\n\n",
    "JWK": lambda signer: signer.jwk(),
    "JWK as text": lambda signer: json.dumps(signer.jwk(), indent=2),
    "JWK as bytes": lambda signer: json.dumps(signer.jwk()).encode(),
    "JWK with a byte order mark": lambda signer: "\ufeff" + json.dumps(signer.jwk()),
    "JWK that says nothing more": lambda signer: signer.jwk(alg=ABSENT, use=ABSENT, kid=ABSENT),
    "JWK for verifying": lambda signer: signer.jwk(use=ABSENT, key_ops=["verify", "encrypt"]),
    "JWK with members that nobody knows": lambda signer: signer.jwk(x5t="abc", status={"ok": 1}),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
def test_a_public_key_in_any_form_verifies_what_its_private_key_signed(
    signer: Signer, form: Callable[[Signer], Any]
) -> None:
    key = Key.public(form(signer), algorithm=signer.algorithm)
    signature = signer.sign(TEXT)
    assert key.algorithm == signer.algorithm
    assert key.verifies(TEXT, signature)
    assert not key.verifies(TEXT + b"x", signature)
    assert not key.verifies(TEXT, signature[:-1] + bytes([signature[-1] ^ 1]))


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
def test_another_key_of_the_same_kind_did_not_sign(signer: Signer) -> None:
    kind = "Ed448" if signer is SIGNERS["Ed448"] else None
    stranger = Signer(signer.algorithm, number=1, kind=kind)
    assert not signer.key().verifies(TEXT, stranger.sign(TEXT))


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
@pytest.mark.parametrize("signature", [b"", b"\0", bytes(64), bytes(256), b"\xff" * 64, b"0" * 1000, b"\x30\x06\2\1\1"])
def test_a_signature_of_any_form_is_simply_wrong(signer: Signer, signature: bytes) -> None:
    assert not signer.key().verifies(TEXT, signature)


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
@pytest.mark.parametrize("signature", [None, 7, ["x"]], ids=str)
def test_what_is_no_signature_at_all_is_wrong_and_nothing_is_raised(signer: Signer, signature: Any) -> None:
    assert not signer.key().verifies(TEXT, signature)


def test_a_key_of_pkcs_1_is_read() -> None:
    key = Key.public(pem(RS256.public, PublicFormat.PKCS1), algorithm="PS384")
    assert "BEGIN RSA PUBLIC KEY" in pem(RS256.public, PublicFormat.PKCS1)
    assert key.verifies(TEXT, SIGNERS["PS384"].sign(TEXT))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_one_rsa_key_serves_one_algorithm(algorithm: str) -> None:
    """The same key pair, and yet what it signed by another algorithm is not taken."""
    assert Key.public(RS256.pem, algorithm=algorithm).verifies(TEXT, SIGNERS[algorithm].sign(TEXT))
    assert not Key.public(RS256.pem, algorithm=algorithm).verifies(TEXT, RS256.sign(TEXT))
    assert not RS256.key().verifies(TEXT, SIGNERS[algorithm].sign(TEXT))


def test_the_signature_of_an_elliptic_curve_is_in_the_form_of_jose_and_not_in_der() -> None:
    from jwt.utils import raw_to_der_signature

    signature = ES256.sign(TEXT)
    assert len(signature) == 64
    assert not ES256.key().verifies(TEXT, raw_to_der_signature(signature, ES256.private.curve))


def test_the_key_id_of_a_jwk_is_taken_where_none_is_given() -> None:
    assert Key.public(ES256.jwk(), algorithm="ES256").key_id == "k1"
    assert Key.public(ES256.jwk(), algorithm="ES256", kid="mine").key_id == "mine"
    assert Key.public(ES256.jwk(kid=ABSENT), algorithm="ES256").key_id is None
    assert Key.public(ES256.pem, algorithm="ES256").key_id is None


@pytest.mark.parametrize("key_id", [7, ["k1"], None, "", "x" * 257, "k\n1"])
def test_a_key_id_that_no_token_can_carry_is_not_taken_from_a_jwk(key_id: object) -> None:
    assert Key.public(ES256.jwk(kid=key_id), algorithm="ES256").key_id is None


def test_the_end_of_a_public_key_is_kept() -> None:
    key = Key.public(EDDSA.pem, algorithm="EdDSA", not_after=datetime.fromtimestamp(NOW, UTC))
    assert key.not_after == NOW
    assert key.is_usable(NOW - 1)
    assert not key.is_usable(NOW)


def refusal(text: Any, algorithm: Any = "RS256", **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Key.public(text, algorithm=algorithm, **options)
    return str(caught.value)


def private_pem(kind: str, form: PrivateFormat, password: bytes | None = None) -> bytes:
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    pem: bytes = private_key(kind).private_bytes(Encoding.PEM, form, protection)
    return pem


PRIVATE = {
    "PKCS 8": private_pem("RSA", PrivateFormat.PKCS8),
    "PKCS 8, encrypted": private_pem("RSA", PrivateFormat.PKCS8, b"hunter2"),
    "traditional": private_pem("RSA", PrivateFormat.TraditionalOpenSSL),
    "traditional, encrypted": private_pem("RSA", PrivateFormat.TraditionalOpenSSL, b"hunter2"),
    "elliptic curve": private_pem("ES256", PrivateFormat.TraditionalOpenSSL),
    "OpenSSH": private_pem("EdDSA", PrivateFormat.OpenSSH),
    "after the public one": RS256.pem + private_pem("RSA", PrivateFormat.PKCS8),
    "with Windows line ends": private_pem("RSA", PrivateFormat.PKCS8).replace(b"\n", b"\r\n"),
}


def told_of(message: str, text: bytes) -> list[str]:
    """What of the text stands in the message: any eight characters of a long line of it."""
    lines = [line for line in text.decode("latin-1").splitlines() if len(line) > 40 and " " not in line]
    return [line[i : i + 8] for line in lines for i in range(len(line) - 8) if line[i : i + 8] in message]


@pytest.mark.parametrize("text", PRIVATE.values(), ids=PRIVATE)
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_private_key_is_refused_with_how_to_get_the_public_one(text: bytes, algorithm: str) -> None:
    message = refusal(text, algorithm)
    assert "is a private key" in message
    assert "openssl pkey -pubout" in message
    assert told_of(message, text) == []


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
def test_a_private_jwk_is_refused(signer: Signer) -> None:
    jwk = signer.private_jwk()
    for given in (jwk, json.dumps(jwk)):
        message = refusal(given, signer.algorithm)
        assert "is a private or symmetric JWK" in message
        assert "only the members of the public key" in message
        assert jwk["d"][:8] not in message


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_one_private_member_is_one_too_many(member: str) -> None:
    assert "private or symmetric" in refusal(RS256.jwk(**{member: "AQAB"}))


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, RS256.public, 1, now, now + timedelta(days=1))
    return builder.sign(RS256.private, SHA256()).public_bytes(Encoding.PEM)


def test_a_certificate_is_refused_with_how_to_get_its_key() -> None:
    message = refusal(certificate())
    assert "is a certificate" in message
    assert "openssl x509 -pubkey" in message
    assert told_of(message, certificate()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "[]",
        ES256.public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        base64.b64encode(ES256.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode(),
    ],
    ids=["empty", "word", "array", "SSH", "body of a PEM"],
)
def test_text_that_is_neither_pem_nor_jwk_is_refused(text: str) -> None:
    message = refusal(text, "ES256")
    assert "is neither PEM nor a JWK" in message
    assert "-----BEGIN PUBLIC KEY-----" in message
    assert not text or text[:40] not in message


@pytest.mark.parametrize("given", [None, 7, ["x"], bytearray(b"x"), b"\xff\xfe\0", RS256.public, object()])
def test_what_is_no_text_is_refused(given: object) -> None:
    assert "is not text" in refusal(given)


@pytest.mark.parametrize(
    "text",
    [
        RS256.pem[: len(RS256.pem) // 2],
        RS256.pem.replace(b"M", b"N", 1),
        b"-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----",
        b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----",
    ],
    ids=["half", "changed", "empty", "something else"],
)
def test_broken_pem_is_refused(text: bytes) -> None:
    message = refusal(text)
    assert "cannot be read as PEM" in message
    assert told_of(message, text) == []


@pytest.mark.parametrize("text", ["{", "{]", '{"kty": "RSA"', "{" * 100_000, '{"a":' * 50_000])
def test_broken_json_is_no_jwk(text: str) -> None:
    assert "is not a JWK" in refusal(text)


BROKEN_JWKS = {
    "no members": RS256.jwk(n=ABSENT, e=ABSENT),
    "a number for text": RS256.jwk(n=7654321),
    "no base64url": RS256.jwk(n="!" * 300),
    "another curve": ES256.jwk(crv="P-999", alg="RS256", kty="RSA", n=ABSENT),
    "an exponent of 1": RS256.jwk(e="AQ"),
}


@pytest.mark.parametrize("jwk", BROKEN_JWKS.values(), ids=BROKEN_JWKS)
def test_a_jwk_with_broken_members_is_refused(jwk: dict[str, Any]) -> None:
    message = refusal(jwk)
    assert "cannot be read as a JWK" in message
    assert str(jwk.get("n"))[:20] not in message


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    assert "cannot be read as a JWK" in refusal(ES256.jwk(x=ES256.jwk()["y"]), "ES256")


@pytest.mark.parametrize(
    "changes",
    [{"kty": "EC"}, {"kty": ABSENT}, {"kty": None}, {"kty": ["RSA"]}, {"kty": "rsa"}, {"kty": "oct"}],
    ids=str,
)
def test_a_key_type_that_does_not_fit_is_refused_with_the_one_that_does(changes: dict[str, object]) -> None:
    message = refusal(RS256.jwk(**changes))
    assert "has another kty than RS256 needs" in message
    assert 'it needs "RSA"' in message


@pytest.mark.parametrize("alg", ["RS512", "PS256", "HS256", "none", "", None, ["RS256"], 256])
def test_a_jwk_for_another_algorithm_is_refused(alg: object) -> None:
    message = refusal(RS256.jwk(alg=alg))
    assert "is for another algorithm than RS256" in message
    assert "one key serves one algorithm" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"use": None},
        {"use": ["sig"]},
        {"key_ops": ["encrypt"]},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"key_ops": None},
        {"use": "sig", "key_ops": ["wrapKey"]},
        {"use": "enc", "key_ops": ["verify"]},
    ],
    ids=str,
)
def test_a_jwk_that_is_not_for_checking_signatures_is_refused(changes: dict[str, object]) -> None:
    message = refusal(RS256.jwk(**changes))
    assert "is not for checking signatures" in message
    assert 'use is "sig"' in message


OF_ANOTHER_KIND = {
    "RSA for ES256": (RS256.pem, "ES256"),
    "RSA for EdDSA": (RS256.pem, "EdDSA"),
    "EC for RS256": (ES256.pem, "RS256"),
    "EC for PS512": (ES256.pem, "PS512"),
    "EC for EdDSA": (ES256.pem, "EdDSA"),
    "EdDSA for ES256": (EDDSA.pem, "ES256"),
    "EdDSA for RS256": (EDDSA.pem, "RS256"),
    "P-384 for ES256": (SIGNERS["ES384"].pem, "ES256"),
    "P-521 for ES384": (SIGNERS["ES512"].pem, "ES384"),
    "P-256 for ES512": (ES256.pem, "ES512"),
    "secp256k1 for ES256": (pem(ec.generate_private_key(ec.SECP256K1()).public_key()), "ES256"),
    "brainpool for ES256": (pem(ec.generate_private_key(ec.BrainpoolP256R1()).public_key()), "ES256"),
    "X25519 for EdDSA": (pem(x25519.X25519PrivateKey.generate().public_key()), "EdDSA"),
    "P-384 JWK for ES256": (SIGNERS["ES384"].jwk(alg="ES256"), "ES256"),
}


@pytest.mark.parametrize(("text", "algorithm"), OF_ANOTHER_KIND.values(), ids=OF_ANOTHER_KIND)
def test_a_key_of_another_kind_or_curve_is_refused(text: Any, algorithm: str) -> None:
    message = refusal(text, algorithm)
    assert f"is of another kind than {algorithm} needs" in message
    assert "one key serves one algorithm and curve" in message


def of_modulus(bits: int, exponent: int = 65537) -> Any:
    """A public key of just this size; that it has no private one does not matter here."""
    return rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) + 12345).public_key()


@pytest.mark.parametrize("bits", [1024, MIN_RSA_BITS - 8, MIN_RSA_BITS - 1, MAX_RSA_BITS + 1, 16_384])
@pytest.mark.parametrize("form", [pem, lambda key: json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))])
def test_an_rsa_key_that_is_too_weak_or_too_slow_is_refused(bits: int, form: Callable[[Any], Any]) -> None:
    message = refusal(form(of_modulus(bits)))
    assert f"has {bits} bits" in message
    assert f"RSA keys have {MIN_RSA_BITS} to {MAX_RSA_BITS}" in message


@pytest.mark.parametrize("bits", [MIN_RSA_BITS, 3072, MAX_RSA_BITS])
def test_an_rsa_key_of_a_usual_size_is_taken(bits: int) -> None:
    assert Key.public(pem(of_modulus(bits)), algorithm="PS256").algorithm == "PS256"


def test_an_rsa_key_whose_exponent_makes_every_check_slow_is_refused() -> None:
    assert Key.public(pem(of_modulus(2048, 2**63 + 1)), algorithm="RS256").algorithm == "RS256"
    message = refusal(pem(of_modulus(2048, 2**2000 + 1)))
    assert "public exponent" in message
    assert "65537" in message


@pytest.mark.parametrize("algorithm", ["HS256", "none", "rs256", "RS1", "ES256K", "Ed25519", "", None, 256, ["RS256"]])
def test_an_algorithm_that_takes_no_public_key_is_refused(algorithm: object) -> None:
    message = refusal(RS256.pem, algorithm)
    assert "does not take a public key" in message
    assert "RS256, RS384" in message


def test_name_and_end_of_a_public_key_are_checked_as_those_of_a_secret() -> None:
    message = refusal(RS256.pem, kid="", not_after="never")
    assert "kid: not text" in message
    assert "not_after: not a time" in message


def test_a_tenant_does_not_mix_secrets_and_public_keys() -> None:
    """What is public could be taken for a secret, and sign (alg confusion)."""
    with pytest.raises(ConfigurationError, match="secrets and public keys are mixed"):
        Tenant("acme", keys=[Key.secret(SECRET, kid="k1"), RS256.key(kid="k2")], applications=["shop"])
    assert len(Tenant("acme", keys=[RS256.key(), ES256.key(), EDDSA.key()], applications=["shop"]).keys) == 3


def test_a_key_is_the_key_of_one_tenant() -> None:
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings([RS256.tenant("acme"), RS256.tenant("other")])
    assert "'acme' and 'other'" in str(caught.value)
    assert told_of(str(caught.value), RS256.pem) == []


def test_public_keys_are_equal_by_what_they_are() -> None:
    assert RS256.key() == Key.public(RS256.jwk(), algorithm="RS256")
    assert hash(RS256.key()) == hash(Key.public(RS256.jwk(), algorithm="RS256"))
    assert RS256.key() != Signer("RS256", "k1", number=1).key()
    assert RS256.key() != Key.public(RS256.pem, algorithm="PS256", kid="k1")
    assert RS256.key().has_secret_of(RS256.key(kid="k2"))


def test_nothing_that_shows_a_public_key_shows_more_than_its_name() -> None:
    key = EDDSA.key()
    assert repr(key) == "Key(algorithm='EdDSA', kid='k1', not_after=None)"
    assert copy.deepcopy(key) is key
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_a_public_key_cannot_sign() -> None:
    with pytest.raises(ConfigurationError, match="a public key cannot sign"):
        RS256.key().sign(TEXT)


def test_a_key_is_made_ready_when_it_is_needed() -> None:
    """A million of them would take minutes otherwise."""
    key = RS256.key()
    assert key.prepared is None
    key.verifies(TEXT, b"")
    assert key.prepared is not None


@pytest.mark.parametrize("algorithm", PUBLIC_KEY_ALGORITHMS)
def test_a_decoy_belongs_to_nobody_and_is_as_large_as_a_key(algorithm: str) -> None:
    decoy, signer = decoy_key(algorithm), Signer(algorithm)
    assert decoy.algorithm == algorithm
    assert not decoy.verifies(TEXT, signer.sign(TEXT))
    assert not decoy.has_secret_of(decoy_key(algorithm))
    assert len(decoy.material) == len(signer.key().material)


def test_where_the_extra_is_missing_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_keys, "has_crypto", False)
    assert "pip install 'tenant-jwt-middleware[crypto]'" in refusal(RS256.pem)
    with pytest.raises(ConfigurationError, match="needs the package cryptography"):
        Key.check_public_keys()


def test_where_the_extra_is_missing_an_unknown_issuer_costs_something_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(public_keys, "has_crypto", False)
    assert decoy_key("RS256").algorithm == "HS256"
