"""Signatures with a private key, for tenants of which the API knows public keys only. Needs the `crypto` extra."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.tenants.keys import Key

PrivateKey: TypeAlias = Any
"""PEM as text or bytes, or a private key object of cryptography."""
Sign: TypeAlias = Callable[[bytes], bytes]
"""Takes header.payload, gives the signature."""


def signature_of(private_key: PrivateKey, algorithm: str) -> Sign:
    """What signs by this algorithm. Raises ConfigurationError where the key is none for it."""
    from jwt.algorithms import get_default_algorithms
    from jwt.exceptions import PyJWTError

    maker = get_default_algorithms().get(algorithm)
    try:
        key = None if maker is None else maker.prepare_key(private_key)
    except (PyJWTError, TypeError, ValueError):
        key = None
    if maker is None or not hasattr(key, "sign"):
        fix = "pass the private key as PEM, or as an object of cryptography; it needs the crypto extra"
        raise ConfigurationError([Problem("private_key", f"no private key for {algorithm}", fix)], _TITLE)
    return lambda signing_input: maker.sign(signing_input, key)


def partner_of(private_key: PrivateKey, public_keys: Iterable[Key]) -> tuple[Key, Sign]:
    """The public key that checks what this private key signs. Raises ConfigurationError where none does."""
    for public_key in public_keys:
        try:
            sign = signature_of(private_key, public_key.algorithm)
        except ConfigurationError:
            continue
        if public_key.verifies(b"header.payload", sign(b"header.payload")):
            return public_key, sign
    fix = "pass the one whose public key the tenant has"
    raise ConfigurationError([Problem("private_key", "belongs to none of the tenant's keys", fix)], _TITLE)


_TITLE = "no token can be made"
