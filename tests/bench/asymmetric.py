"""Tokens signed with a private key: cryptography's own verification, and ours for a new and for a familiar token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_middleware import Authenticator, JWTSettings, Key, Tenant

from . import tokens
from .core import base64
from .timing import Contestant

ALGORITHMS = ("RS256", "ES256", "EdDSA")
# More than the middleware remembers of one tenant with its default settings, so that in turn each token is new.
POOL = 400
FAMILIAR = 20

RawVerify = Callable[[bytes, bytes], object]
Signed = tuple[bytes, bytes]


class Scheme(NamedTuple):
    """A private key, what cryptography verifies with, and the form in which it wants the signature."""

    private: Any
    verify: RawVerify
    signature: Callable[[bytes], bytes] = bytes


def raw(algorithm: str) -> str:
    """How cryptography's own verification is called among the timings."""
    return f"{algorithm}: cryptography's verify alone"


def fresh(algorithm: str) -> str:
    """How a token that was not seen before is called among the timings."""
    return f"{algorithm}: ours, new token"


def familiar(algorithm: str) -> str:
    """How a token that was seen before is called among the timings."""
    return f"{algorithm}: ours, token seen before"


def contestants() -> list[Contestant]:
    """Three rows for each algorithm."""
    return [row for algorithm in ALGORITHMS for row in _rows(algorithm)]


def _rows(algorithm: str) -> list[Contestant]:
    scheme = _SCHEMES[algorithm]()
    signed = [_token(subject, scheme.private, algorithm) for subject in tokens.subjects(POOL)]
    return [
        Contestant(raw(algorithm), lambda pair: scheme.verify(*pair), [_split(text, scheme) for text in signed]),
        Contestant(fresh(algorithm), _authenticator(scheme, algorithm).authenticate, signed),
        Contestant(familiar(algorithm), _authenticator(scheme, algorithm).authenticate, signed[:FAMILIAR]),
    ]


def _authenticator(scheme: Scheme, algorithm: str) -> Authenticator:
    pem = scheme.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = Key.public(pem, algorithm=algorithm)
    return Authenticator(JWTSettings([Tenant(tokens.TENANT, keys=[key], applications=[tokens.APPLICATION])]))


def _token(subject: str, private: Any, algorithm: str) -> str:
    return jwt.encode(tokens.claims(subject), private, algorithm=algorithm)


def _split(token: str, scheme: Scheme) -> Signed:
    """Signature, in cryptography's form, and signing input."""
    signing_input, _, signature = token.encode().rpartition(b".")
    return scheme.signature(base64(signature)), signing_input


def _rsa() -> Scheme:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public, padded, digest = private.public_key(), padding.PKCS1v15(), SHA256()
    return Scheme(private, lambda signature, text: public.verify(signature, text, padded, digest))


def _p256() -> Scheme:
    private = ec.generate_private_key(ec.SECP256R1())
    public, digest = private.public_key(), ec.ECDSA(SHA256())
    return Scheme(private, lambda signature, text: public.verify(signature, text, digest), _as_der)


def _ed25519() -> Scheme:
    private = ed25519.Ed25519PrivateKey.generate()
    return Scheme(private, private.public_key().verify)


def _as_der(signature: bytes) -> bytes:
    """A JWS has the two numbers side by side (RFC 7518 section 3.4), cryptography takes them as DER."""
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


_SCHEMES: dict[str, Callable[[], Scheme]] = {"RS256": _rsa, "ES256": _p256, "EdDSA": _ed25519}
