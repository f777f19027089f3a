"""The tenant of these tests, its tokens, and one small API that every framework serves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jwt

from jwt_middleware import Application, JWTSettings, Key, Rule, Tenant

SECRET = "correct horse battery staple, and then some"
CEILING = ("read", "write")

HEALTH, EVENTS, ME, AUDIT = "/healthz", "/v1/events", "/v1/me", "/v1/audit"
MAYBE, MAYBE_ME = "/maybe", "/maybe/me"
OPEN_ME = "/open/me"
"""Asks for an identity where the settings say that tokens are not looked at."""
RAISED, SWALLOWED, PREFLIGHT = "/v1/raised", "/v1/swallowed", "/v1/preflight"
RULED = "/v1/ruled"


def settings(**more: Any) -> JWTSettings:
    """Settings that open some paths of the API."""
    acme = Tenant("acme", keys=[Key.secret(SECRET)], applications=[Application("shop", scopes=CEILING)])
    defaults: dict[str, Any] = {
        "public": [HEALTH, OPEN_ME],
        "optional": [MAYBE, MAYBE_ME],
        "rules": [Rule(RULED, scopes=["write"])],
    }
    return JWTSettings([acme], **{**defaults, **more})


def token(*scopes: str, secret: str = SECRET, **claims: Any) -> str:
    """A token as the authentication guide makes it."""
    now = int(time.time())
    payload = {"sub": "user_123", "iss": "acme", "aud": "shop", "iat": now, "exp": now + 600, "scope": [*scopes]}
    return jwt.encode({**payload, **claims}, secret, "HS256")


class Reply(NamedTuple):
    """What a client got. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def members(self) -> Any:
        return json.loads(self.body)

    def documented(self) -> dict[str, object]:
        """Status, body and the headers that no app may change."""
        names = ("content-type", "content-length", "cache-control", "www-authenticate", "retry-after", "allow")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        return {"status": self.status, "body": self.body, **headers}


class Client(Protocol):
    """Sends one request to an app in this process."""

    def __call__(
        self, method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply: ...


def authorized(token: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    """The headers with the token in them."""
    return {**({} if token is None else {"Authorization": f"Bearer {token}"}), **(headers or {})}


Serve = Callable[[JWTSettings], Client]
"""Builds the API of one framework, protects it, and gives its client."""


def documented(status: int, challenge: str, **members: object) -> dict[str, object]:
    """The answer to a refused request, as the documentation has it."""
    body = json.dumps(members, separators=(",", ":")).encode()
    return {
        "status": status,
        "body": body,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "www-authenticate": f'Bearer realm="api"{challenge}',
    }


NO_TOKEN = documented(
    401,
    "",
    error="invalid_token",
    error_description="No bearer token arrived with the request",
    solution="Send the header Authorization: Bearer YOUR_JWT_TOKEN. If you do send it, "
    "a proxy on the way may have removed it",
)
EXPIRED = documented(
    401,
    ', error="invalid_token", error_description="The access token expired"',
    error="token_expired",
    error_description="The access token expired",
    solution="Generate a new token with a future expiration time",
    claim="exp",
)


def lacking(scope: str) -> dict[str, object]:
    """The answer to a token that lacks this scope."""
    return documented(
        403,
        f', error="insufficient_scope", scope="{scope}"',
        error="insufficient_permissions",
        error_description="The access token lacks a scope that this request needs",
        solution="Add the scopes named in this answer to the scope claim: an array of strings, "
        "or one string separated by blanks",
        required_scope=[scope],
    )
