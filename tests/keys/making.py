"""What the tests of public keys are made of: key pairs of every kind, and tokens that they sign."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from jwt_middleware import Key, Tenant

from ..unit.making import as_json, changed, claims, segment

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_CURVES: Final = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


@cache
def private_key(kind: str, number: int = 0) -> Any:
    """A private key of this kind (RSA, Ed448 or an algorithm); another number, another key."""
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    if kind == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return ed25519.Ed25519PrivateKey.generate() if kind == "EdDSA" else ec.generate_private_key(_CURVES[kind])


class Signer:
    """Whoever has a private key: makes tokens, and hands out the public key."""

    def __init__(self, algorithm: str, kid: str | None = None, *, number: int = 0, kind: str | None = None) -> None:
        self.algorithm = algorithm
        self.kid = kid
        self._own = kind or ("RSA" if algorithm[:2] in ("RS", "PS") else algorithm)
        self.private = private_key(self._own, number)

    @property
    def public(self) -> Any:
        return self.private.public_key()

    @property
    def pem(self) -> bytes:
        pem: bytes = self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def jwk(self, **changes: object) -> dict[str, Any]:
        """The public key as a member of a key set, with members changed or ABSENT."""
        members: dict[str, Any] = get_default_algorithms()[self.algorithm].to_jwk(self.public, as_dict=True)
        members.pop("key_ops", None)
        named = {} if self.kid is None else {"kid": self.kid}
        return changed({**members, "alg": self.algorithm, "use": "sig", **named}, changes)

    def private_jwk(self) -> dict[str, Any]:
        """The whole key pair as a JWK."""
        members: dict[str, Any] = get_default_algorithms()[self.algorithm].to_jwk(self.private, as_dict=True)
        members.pop("key_ops", None)
        return members

    def key(self, **options: Any) -> Key:
        """The public key as a tenant's."""
        return Key.public(self.pem, algorithm=self.algorithm, **{"kid": self.kid, **options})

    def sign(self, text: bytes) -> bytes:
        signature: bytes = get_default_algorithms()[self.algorithm].sign(text, self.private)
        return signature

    def token(self, header: Mapping[str, object] | None = None, **changes: object) -> str:
        """A good token, with members of the header and claims changed or ABSENT."""
        named = {} if self.kid is None else {"kid": self.kid}
        members = changed({"alg": self.algorithm, "typ": "JWT", **named}, header or {})
        return self.signed(as_json(members), as_json(claims(**changes)))

    def signed(self, header: bytes, payload: bytes) -> str:
        """A token of any bytes, with a good signature."""
        text = f"{segment(header)}.{segment(payload)}"
        return f"{text}.{segment(self.sign(text.encode()))}"

    def tenant(self, id: str = "acme", **changes: Any) -> Tenant:
        """A tenant that has the public key, with the application `shop`."""
        return Tenant(id, **{"keys": [self.key()], "applications": ["shop"], **changes})


def key_set(*members: object) -> dict[str, object]:
    """A JWK Set of these members; a Signer stands for its public key."""
    return {"keys": [member.jwk() if isinstance(member, Signer) else member for member in members]}
