"""Public keys: RS, PS and ES 256 to 512, and EdDSA (RFC 7518 sections 3.3 to 3.5, RFC 8037), by PyJWT's algorithms.

Imported only when the first public key is built: those who have secrets only need no cryptography.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import jwt
from jwt.algorithms import get_default_algorithms, has_crypto

from jwt_middleware.errors import ConfigurationError, Problem

PublicKeyText: TypeAlias = str | bytes | Mapping[str, Any]
"""PEM text of a public key, or a JWK as JSON text or as a mapping."""

MIN_RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""
MAX_RSA_BITS: Final = 8192
"""Larger keys cost more time than a signature may take."""
MAX_RSA_EXPONENT_BITS: Final = 64
"""Likewise for public exponents, of which 65537 is the usual one."""

_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_PRIVATE_MEMBERS: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
_EXTRA: Final = Problem(
    "algorithm",
    "needs the package cryptography",
    "pip install 'tenant-jwt-middleware[crypto]'",
)


def check_installed() -> None:
    """Raises ConfigurationError, naming the extra, where the package that checks public keys is missing."""
    if not has_crypto:
        raise ConfigurationError([_EXTRA], "public keys cannot be used")


def read_public_key(text: PublicKeyText, algorithm: str) -> tuple[bytes, str | None]:
    """The key as DER (SubjectPublicKeyInfo) and, for a JWK, its `kid`. Raises ConfigurationError with the fix."""
    check_installed()
    if isinstance(text, Mapping):
        return _from_jwk(dict(text), algorithm)
    pem = _text(text)
    if pem.startswith("{"):
        return _from_jwk(_json(pem), algorithm)
    return _checked_der(_from_pem(pem), algorithm), None


def verifier(algorithm: str, der: bytes) -> Callable[[bytes, bytes], bool]:
    """The check of a signature with this key (DER). Says no to whatever is no signature at all."""
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    implementation: Any = get_default_algorithms()[algorithm]
    key = implementation.prepare_key(load_der_public_key(der))

    def verify(signing_input: bytes, signature: bytes) -> bool:
        try:
            return bool(implementation.verify(signing_input, key, signature))
        except Exception:
            return False

    return verify


def decoy_der(algorithm: str) -> bytes:
    """A public key (DER) that belongs to nobody. An RSA modulus need not be made of primes to cost what one costs."""
    check_installed()
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    kind = _KEY_TYPES[algorithm[:2]]
    if kind == "RSA":
        modulus = secrets.randbits(MIN_RSA_BITS) | 1 | 1 << (MIN_RSA_BITS - 1)
        return _der(rsa.RSAPublicNumbers(65537, modulus).public_key())
    if kind == "EC":
        curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm]
        return _der(ec.generate_private_key(curve).public_key())
    return _der(ed25519.Ed25519PrivateKey.generate().public_key())


def _text(text: object) -> str:
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        decoded = None
    if not isinstance(decoded, str):
        raise _refused("is not text", "give the PEM or JWK form, not DER")
    return decoded.removeprefix("\ufeff").replace("\r\n", "\n").strip()


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _refused("is not a JWK", "give one JSON object with kty and the members of a public key")
    return value


def _from_pem(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY-----" in pem:
        raise _refused("is a private key", "give the public one: openssl pkey -pubout -in private.pem")
    if "-----BEGIN CERTIFICATE" in pem:
        raise _refused("is a certificate", "give its public key: openssl x509 -pubkey -noout -in certificate.pem")
    if not pem.startswith("-----BEGIN"):
        raise _refused("is neither PEM nor a JWK", "the text begins with -----BEGIN PUBLIC KEY----- or with {")
    try:
        return load_pem_public_key(pem.encode())
    except Exception:
        raise _refused("cannot be read as PEM", "check that the whole text is there, with its line ends") from None


def _from_jwk(jwk: dict[str, Any], algorithm: str) -> tuple[bytes, str | None]:
    """RFC 7517 section 4: type, use and operations must fit, and nothing private may be there."""
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise _refused("is a private or symmetric JWK", "give only the members of the public key")
    if jwk.get("kty") != _KEY_TYPES[algorithm[:2]]:
        raise _refused(f"has another kty than {algorithm} needs", f'it needs "{_KEY_TYPES[algorithm[:2]]}"')
    if jwk.get("alg", algorithm) != algorithm:
        raise _refused(f"is for another algorithm than {algorithm}", "one key serves one algorithm")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise _refused("is not for checking signatures", 'use is "sig", and key_ops has "verify", where they are there')
    try:
        key = get_default_algorithms()[algorithm].from_jwk(jwk)
    # Their texts can quote the key.
    except Exception:
        raise _refused("cannot be read as a JWK", "check its members (RFC 7518 section 6, RFC 8037)") from None
    key_id = jwk.get("kid")
    return _checked_der(key, algorithm), key_id if isinstance(key_id, str) else None


def _checked_der(key: Any, algorithm: str) -> bytes:
    try:
        get_default_algorithms()[algorithm].prepare_key(key)
    except (jwt.InvalidKeyError, TypeError, ValueError):
        raise _refused(f"is of another kind than {algorithm} needs", "one key serves one algorithm and curve") from None
    if _KEY_TYPES[algorithm[:2]] == "RSA":
        _check_size(key)
    return _der(key)


def _check_size(key: Any) -> None:
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise _refused(f"has {key.key_size} bits", f"RSA keys have {MIN_RSA_BITS} to {MAX_RSA_BITS}")
    if key.public_numbers().e.bit_length() > MAX_RSA_EXPONENT_BITS:
        raise _refused("has a very large public exponent", "make a key with the usual one, 65537")


def _der(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


def _refused(what: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem("public key", what, fix)], "this key cannot be used")
