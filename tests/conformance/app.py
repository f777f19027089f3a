"""The app behind every door: it tells what it sees of the caller. Views under /view/ demand something themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jwt_middleware import Identity, current_identity

from .row import json_bytes

VIEWS: Final[Mapping[str, tuple[str, ...]]] = {
    "/view/write": ("write",),
    "/view/admin": ("read", "admin"),
    "/view/optional": (),
}
"""The scopes that each view demands."""


def views_below(mount: str) -> list[str]:
    """The whole paths of the views that an app below this path has."""
    return [path for path in VIEWS if path.startswith(mount)]


def seen_in_environ(environ: Mapping[str, Any]) -> bytes:
    """The body of the answer of a WSGI app."""
    is_authenticated = environ.get("AUTH_TYPE") == "Bearer"
    return _body(environ["jwt_middleware.identity"], environ.get("REMOTE_USER", ""), is_authenticated)


def seen_in_scope(scope: Mapping[str, Any]) -> bytes:
    """The body of the answer of an ASGI app."""
    user = scope["user"]
    return _body(scope["jwt_middleware.identity"], user.identity, user.is_authenticated)


def _body(identity: Identity | None, user: str, is_authenticated: bool) -> bytes:
    surroundings = {
        "user": user,
        "is_authenticated": is_authenticated,
        "is_in_context": current_identity.get() is identity,
    }
    return json_bytes({**({"anonymous": True} if identity is None else _members(identity)), **surroundings})


def _members(identity: Identity) -> dict[str, Any]:
    return {
        "tenant": identity.tenant_id,
        "application": identity.application_id,
        "subject": identity.subject,
        "scopes": sorted(identity.scopes),
        "issued_at": identity.issued_at,
        "expires_at": identity.expires_at,
        "token_id": identity.token_id,
        "issuer": identity.issuer,
        "claims": identity.claims,
    }
