"""Tokens for the table, made with nothing but the standard library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

NOW: Final = 1_800_000_000
"""What the clock says, in seconds, while the table is run."""
SECRET: Final = b"acme signs with this secret, which is longer than any hash of SHA-2 is"
ABSENT: Final = object()
"""As a value: leave the member out."""

HEADER: Final[Mapping[str, Any]] = {"alg": "HS256", "typ": "JWT"}
CLAIMS: Final[Mapping[str, Any]] = {
    "sub": "user_123",
    "iss": "acme",
    "aud": "shop",
    "iat": NOW - 60,
    "exp": NOW + 3540,
    "scope": ["read", "write"],
}
"""The claims of the authentication guide's example."""


def with_members(members: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The members with changes, without those that are ABSENT."""
    return {name: value for name, value in {**members, **changes}.items() if value is not ABSENT}


def encode(octets: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """The bytes of an unpadded segment."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def sealed(signing_input: str, secret: bytes = SECRET, hash_name: str = "sha256") -> str:
    """header.payload with its HMAC."""
    return f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), hash_name))}"


def raw(header: bytes | Mapping[str, Any], payload: bytes | Mapping[str, Any], secret: bytes = SECRET) -> str:
    """A signed token; bytes stand in it as they are."""
    return sealed(f"{encode(_json(header))}.{encode(_json(payload))}", secret)


def token(secret: bytes = SECRET, **claims: Any) -> str:
    """The guide's token with other claims."""
    return raw(HEADER, with_members(CLAIMS, claims), secret)


def headed(secret: bytes = SECRET, **members: Any) -> str:
    """The guide's token with other header members, signed with HMAC-SHA256 whatever they say."""
    return raw(with_members(HEADER, members), CLAIMS, secret)


def paying(payload: bytes) -> str:
    """A signed token with this payload."""
    return raw(HEADER, payload)


def spliced(literal: bytes) -> bytes:
    """The guide's claims as JSON, with this text before the closing brace."""
    return _json(CLAIMS)[:-1] + b"," + literal + b"}"


def claims_of(text: str) -> dict[str, Any]:
    """What the payload of a token says."""
    claims = json.loads(decode(text.split(".")[1]))
    assert isinstance(claims, dict)
    return claims


def fingerprint(text: str) -> str:
    """SHA-256 of header.payload in hexadecimal."""
    return hashlib.sha256(text.rpartition(".")[0].encode()).hexdigest()


def _json(value: bytes | Mapping[str, Any]) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


GOOD: Final = token()
