"""What the recipes are made of: the parties, GOOD, RAW, and tools that take a token apart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from jwt_middleware import Application, Key, Tenant

from ..keys.making import Signer
from ..unit.making import ABSENT as ABSENT

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve of ES256 (SEC 2, section 2.4.2)."""
ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""The order of the group of Ed25519 (RFC 8032 section 5.1)."""

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Clock:
    """A frozen clock, in seconds; a test turns it by hand."""

    def __init__(self, now: float = 1_800_000_000) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Party:
    """A tenant of the recipes, with keys made for this run."""

    name: str
    secrets: Mapping[str, Any]
    """Key id to secret, or to a Signer; the first one signs."""
    issuer: str = ""
    audience: str = ""

    @property
    def kid(self) -> str:
        return next(iter(self.secrets))

    @property
    def secret(self) -> Any:
        """What signs: bytes, or a Signer."""
        return self.secrets[self.kid]

    @property
    def algorithm(self) -> str:
        return self.secret.algorithm if isinstance(self.secret, Signer) else "HS256"

    def tenant(self, **changes: Any) -> Tenant:
        """The tenant as the middleware is told of it."""
        options: dict[str, Any] = {"applications": [Application(self.audience)], "issuers": (self.issuer,), **changes}
        if "keys" not in options:
            options["keys"] = [key(secret, kid) for kid, secret in self.secrets.items()]
        return Tenant(self.name.lower(), **options)

    def having(self, **changes: Any) -> Party:
        """The same party with other secrets, audience or issuer."""
        return replace(self, **changes)

    def header(self, **changes: object) -> dict[str, object]:
        """The header of GOOD, with members changed or ABSENT."""
        return changed({"alg": self.algorithm, "typ": "JWT", "kid": self.kid}, changes)

    def claims(self, now: float, **changes: object) -> dict[str, object]:
        """The claims of GOOD, with members changed or ABSENT."""
        good: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "u1",
            "iat": now - 5,
            "nbf": now - 5,
            "exp": now + 600,
            "jti": str(uuid.uuid4()),
            "scope": "read",
        }
        return changed(good, changes)


def party(name: str, *key_ids: str) -> Party:
    """A party named as in fixtures.json, with fresh 32-byte secrets."""
    made = {kid: secrets.token_bytes(32) for kid in key_ids or ("k1",)}
    return Party(name, made, f"https://{name.lower()}.example", f"api-{name.lower()}")


_numbers = itertools.count(1000)


def signing_party(name: str, *key_ids: str, algorithm: str = "ES256") -> Party:
    """A party with fresh key pairs instead of secrets. RSA keys, which take long to make, are those of other tests."""
    few = ("RS256", "PS256")
    numbers = itertools.count(2) if algorithm in few else _numbers
    made = {kid: Signer(algorithm, kid, number=next(numbers)) for kid in key_ids or ("k1",)}
    return Party(name, made, f"https://{name.lower()}.example", f"api-{name.lower()}")


def key(secret: Any, kid: str | None) -> Key:
    """What the middleware is told of a secret, or of a key pair."""
    return secret.key(kid=kid) if isinstance(secret, Signer) else Key.secret(secret, kid=kid)


def changed(members: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """The members with the changes applied, without those that are ABSENT."""
    return {name: value for name, value in {**members, **changes}.items() if value is not ABSENT}


def json_bytes(value: object) -> bytes:
    """Bytes as they are, anything else as compact JSON; surrogates come out as escapes."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def encode(octets: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """The bytes of an unpadded base64url segment."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def mac(signing_input: str, secret: bytes, digest: str = "sha256") -> bytes:
    """The HMAC of header.payload."""
    return hmac.digest(secret, signing_input.encode(), digest)


def sealed(header_segment: str, payload_segment: str, secret: Any) -> str:
    """A token of two segments as they are and their HMAC-SHA256, or the signature of a Signer."""
    text = f"{header_segment}.{payload_segment}"
    signature = secret.sign(text.encode()) if isinstance(secret, Signer) else mac(text, secret)
    return f"{text}.{encode(signature)}"


def raw(header: object, payload: object, secret: Any) -> str:
    """RAW of the recipes: bytes stand in the token literally, other values as compact JSON."""
    return sealed(encode(json_bytes(header)), encode(json_bytes(payload)), secret)


def unsigned(header: object, payload: object, signature: bytes) -> str:
    """A token with any bytes in the place of its signature."""
    return ".".join(encode(json_bytes(part)) for part in (header, payload, signature))


def resigned(token: str, signature: bytes) -> str:
    """The same header and payload under another signature."""
    return f"{token.rpartition('.')[0]}.{encode(signature)}"


def spliced(members: Mapping[str, object], literal: bytes, name: str = "x") -> bytes:
    """A JSON object that starts with a member whose value is the literal bytes."""
    return b'{"' + name.encode() + b'":' + literal + b"," + json_bytes(members)[1:]


def fingerprint(token: str) -> str:
    """SHA-256 of header.payload: what names a token without `jti` in a revocation store."""
    return hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()
