"""The verify endpoint: a tenant's developer learns what a token gives; a gateway asks whether a request may pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, quote

from jwt_middleware.claims import require_scopes
from jwt_middleware.errors import InsufficientPermissions
from jwt_middleware.grammar import is_scope_token
from jwt_middleware.identity import Identity
from jwt_middleware.responses import Answer, json_answer

# What may stand in a field value as it is: everything visible but the percent sign.
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


def require_demanded_scopes(identity: Identity, query: str) -> None:
    """What `?scope=a%20b` demands. Raises InsufficientPermissions, naming only what a challenge may hold."""
    demanded = demanded_scopes(query)
    if identity.has_scopes(*demanded):
        return
    sayable = tuple(filter(is_scope_token, demanded))
    if len(sayable) < len(demanded):
        raise InsufficientPermissions(sayable)
    require_scopes(identity, sayable)


def demanded_scopes(query: str) -> tuple[str, ...]:
    """The scopes that `?scope=a%20b` demands, in order, each once."""
    values = parse_qs(query).get("scope", [])
    return tuple(dict.fromkeys(scope for value in values for scope in value.split(" ") if scope))


def identity_answer(identity: Identity, clock: Callable[[], float]) -> Answer:
    """200, with the identity in the body and in the `X-Auth-` headers that gateways copy (contract section 5)."""
    return json_answer(_members(identity, clock()), _headers(identity))


def _members(identity: Identity, now: float) -> dict[str, Any]:
    members: dict[str, Any] = {
        "active": True,
        "sub": identity.subject,
        "iss": identity.issuer,
        "aud": identity.application_id,
        "scope": sorted(identity.scopes),
        "iat": identity.issued_at,
        "exp": identity.expires_at,
        "expires_in": max(0, int(identity.expires_at - now)),
        "tenant": identity.tenant_id,
    }
    if identity.jwt_id is not None:
        members["jti"] = identity.jwt_id
    if identity.key_expires_at is not None:
        members["key_expires_at"] = identity.key_expires_at
    return members


def _headers(identity: Identity) -> tuple[tuple[str, str], ...]:
    scopes = " ".join(_field(scope) for scope in sorted(identity.scopes))
    return (
        ("x-auth-subject", _field(identity.subject)),
        ("x-auth-tenant", _field(identity.tenant_id)),
        ("x-auth-application", _field(identity.application_id)),
        ("x-auth-scope", scopes),
    )


def _field(text: str) -> str:
    return quote(text, safe=_VISIBLE)
