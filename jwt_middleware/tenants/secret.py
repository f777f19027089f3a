"""A fresh API secret."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from jwt_middleware.tenants.keys import HMAC_HASHES

_LEAST_BYTES: Final = 32


def fresh_secret(algorithm: str) -> str:
    """Random URL-safe text of at least 256 bit and at least the size of the hash (RFC 7518 section 3.2).

    It never starts with a hyphen, which commands would take for an option.
    """
    while (secret := secrets.token_urlsafe(secret_size(algorithm))).startswith("-"):
        pass
    return secret


def secret_size(algorithm: str) -> int:
    """Bytes that such a secret holds."""
    return max(_LEAST_BYTES, hashlib.new(HMAC_HASHES[algorithm]).digest_size)
