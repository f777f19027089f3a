"""Tokens made as a tenant makes them, for tools and demonstrations: this package issues none to anybody.

What is made here is not checked: whether the middleware accepts it is for an `Authenticator` to say.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Tenant

DEFAULT_LIFETIME: Final = 3600
"""Seconds that a token is valid where nobody says otherwise: the hour of the authentication guide."""

_encode = msgspec.json.encode


def guide_claims(
    tenant: Tenant,
    application_id: str,
    subject: str,
    *,
    now: float,
    scopes: Iterable[str] = (),
    lifetime: int = DEFAULT_LIFETIME,
) -> dict[str, Any]:
    """The claims of the authentication guide, under the names that this tenant uses for audience and scope.

    `now` in seconds since the Unix epoch, `lifetime` in seconds; the issuer is the tenant's first one.
    """
    issued_at = int(now)
    claims: dict[str, Any] = {
        "sub": subject,
        "iss": tenant.issuers[0],
        tenant.audience_claim: application_id,
        "iat": issued_at,
        "exp": issued_at + lifetime,
    }
    listed = [*scopes]
    return claims | {tenant.scope_claim: listed} if listed else claims


def header_for(key: Key, typ: str | None = "JWT") -> dict[str, str]:
    """The header of a token that this key signs: its algorithm, the type and, where the key has one, its key id."""
    members = {"alg": key.algorithm, "typ": typ, "kid": key.key_id}
    return {name: value for name, value in members.items() if value is not None}


def signed(claims: Mapping[str, Any], key: Key, typ: str | None = "JWT") -> str:
    """A token (compact JWS, RFC 7515 section 3.1) with these claims, as they are, signed with this key."""
    signing_input = f"{segment(_encode(header_for(key, typ)))}.{segment(_encode(claims))}"
    return f"{signing_input}.{segment(key.sign(signing_input.encode('ascii')))}"


def segment(content: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def decoded(segment: str) -> bytes:
    """The bytes of a segment, for looking at a token. Raises ValueError for text that is not base64."""
    padded = segment.encode("ascii") + b"=" * (-len(segment) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
