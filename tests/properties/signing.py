"""Two tenants, with secrets and with public keys, and tokens that are signed for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import jwt

from jwt_middleware import Application, Key, Tenant

from ..conformance.tokens import SECRET, encode

_HMAC: Final = ("HS256", "HS384", "HS512")
_PUBLIC: Final = ("EdDSA", "ES256") if find_spec("cryptography") else ()
ALGORITHMS: Final = (*_HMAC, *_PUBLIC)
"""Those of which there is a key here."""

ISSUERS: Final = ("acme", "https://id.acme.example/", "globex")
APPLICATIONS: Final = ("shop", "Büro 1%", "kiosk")


@cache
def _private_key(algorithm: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.from_private_bytes(SECRET[:32])
    return ec.derive_private_key(int.from_bytes(SECRET[:31]), ec.SECP256R1())


def _public_pem(algorithm: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = _private_key(algorithm).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


VERIFICATION_KEYS: Final[Mapping[str, bytes]] = {
    **dict.fromkeys(_HMAC, SECRET),
    **{algorithm: _public_pem(algorithm) for algorithm in _PUBLIC},
}
"""For each algorithm, the key as any library takes it."""

TENANTS: Final = (
    Tenant(
        "acme",
        issuers=ISSUERS[:2],
        keys=[Key.secret(SECRET, algorithm=algorithm) for algorithm in _HMAC],
        applications=[*APPLICATIONS[:2], Application(APPLICATIONS[2], scopes=["read"])],
    ),
    Tenant(
        "globex",
        issuers=ISSUERS[2:],
        keys=[Key.public(VERIFICATION_KEYS[algorithm], algorithm=algorithm) for algorithm in _PUBLIC],
        applications=APPLICATIONS,
    ),
)


def issuers_for(algorithm: str) -> tuple[str, ...]:
    """The issuers of the tenant whose keys are for this algorithm."""
    return ISSUERS[:2] if algorithm in _HMAC else ISSUERS[2:]


def sign(header: bytes, payload: bytes, algorithm: str) -> str:
    """A token of these bytes, signed by this algorithm, whatever the header says."""
    signing_input = f"{encode(header)}.{encode(payload)}"
    signer = jwt.get_algorithm_by_name(algorithm)
    key = signer.prepare_key(SECRET) if algorithm in _HMAC else _private_key(algorithm)
    return f"{signing_input}.{encode(signer.sign(signing_input.encode(), key))}"
