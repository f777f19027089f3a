"""What the unit tests are made of: one tenant with one application, its tokens, and a clock that a test turns."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from jwt_middleware import Identity, JWTSettings, Key, Tenant
from jwt_middleware.bearer import BearerToken
from jwt_middleware.jws import TokenReader, VerifiedToken

NOW: Final = 1_800_000_000
SECRET: Final = b"acme's own secret, which is as long as the longest of the three hashes: HS512"
OTHER_SECRET: Final = b"another secret, likewise as long as the longest of the three hashes: HS512"


class Absence(Enum):
    """Not even null."""

    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT
"""As the value of a member: leave the member out."""

_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


class Clock:
    """Stands still until a test moves it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def tenant(id: str = "acme", **changes: Any) -> Tenant:
    """A tenant with the application `shop`."""
    return Tenant(id, **{"keys": [Key.secret(SECRET)], "applications": ["shop"], **changes})


def settings(tenants: Any = None, **options: Any) -> JWTSettings:
    """Settings that run on a clock that stands still."""
    given = [tenant()] if tenants is None else tenants
    return JWTSettings(given, **{"clock": Clock(), **options})


def claims(**changes: object) -> dict[str, object]:
    """The claims of a good token, with some changed or ABSENT."""
    good = {"sub": "user_123", "iss": "acme", "aud": "shop", "iat": NOW - 10, "exp": NOW + 600}
    return changed({**good, "scope": ["read", "write"]}, changes)


def token(secret: bytes = SECRET, header: Mapping[str, object] | None = None, **changes: Any) -> BearerToken:
    """A good token, with members of the header and claims changed or ABSENT."""
    members = changed({"alg": "HS256", "typ": "JWT"}, header or {})
    return sealed(as_json(members), as_json(claims(**changes)), secret, str(members.get("alg")))


def sealed(header: bytes, payload: bytes, secret: bytes = SECRET, algorithm: str = "HS256") -> BearerToken:
    """A token of any bytes, with a good signature."""
    return signed(f"{segment(header)}.{segment(payload)}", secret, algorithm)


def signed(signing_input: str, secret: bytes = SECRET, algorithm: str = "HS256") -> BearerToken:
    """A token whose first two segments stand there as they are, with a good signature."""
    mac = hmac.digest(secret, signing_input.encode(), _HASHES.get(algorithm, "sha256"))
    return BearerToken(f"{signing_input}.{segment(mac)}")


def segment(octets: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def as_json(members: Mapping[str, object]) -> bytes:
    return json.dumps(members).encode()


def changed(members: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**members, **changes}.items() if value is not ABSENT}


def fingerprint(text: str) -> str:
    """What names a token: SHA-256 of everything before its signature."""
    return hashlib.sha256(text.rpartition(".")[0].encode()).hexdigest()


def token_reader(algorithms: Iterable[str] = ("HS256",), max_bytes: int = 8192) -> TokenReader:
    """The first half of the checks, accepting the usual token types."""
    return TokenReader(algorithms, ["JWT", "at+jwt"], max_bytes, max_verified_tokens=16)


def verified(of: Tenant | None = None, **changes: Any) -> VerifiedToken:
    """A token of the tenant, its signature checked."""
    reader = token_reader()
    return reader.verify(reader.read(token(**changes)), tenant() if of is None else of, NOW)


def identity(**changes: Any) -> Identity:
    """An identity as the checks make them."""
    known = {
        "subject": "user_123",
        "tenant_id": "acme",
        "application_id": "shop",
        "scopes": frozenset({"read", "write"}),
        "issued_at": NOW - 10,
        "expires_at": NOW + 600,
        "issuer": "acme",
    }
    return Identity(**{**known, **changes})
