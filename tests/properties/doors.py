"""Both doors around the same app, under the same settings, asked without a server."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any, Final, cast

from jwt_middleware import JWTSettings, Rule
from jwt_middleware.asgi import JWTMiddleware as ASGIDoor
from jwt_middleware.wsgi import JWTMiddleware as WSGIDoor

from ..conformance.asgi_doors import app as asgi_app
from ..conformance.asgi_doors import reply_in, scope_of
from ..conformance.row import Reply, Request
from ..conformance.tokens import NOW
from ..conformance.wsgi_doors import app as wsgi_app
from ..conformance.wsgi_doors import environ_of, run
from .signing import TENANTS

SETTINGS: Final = JWTSettings(
    TENANTS,
    clock=lambda: NOW,
    public=["/healthz", "/static/*", "/users/{name}"],
    optional=["/feed", "/v1/*"],
    rules=[
        Rule("/admin/*", scopes=["admin"]),
        Rule("/static/admin", scopes=["write"]),
        Rule("/users/{name}", methods=["POST"], scopes=["write"]),
    ],
    max_logged_refusals=1_000_000,
)
_wsgi = WSGIDoor(wsgi_app, SETTINGS)
_asgi = ASGIDoor(asgi_app, SETTINGS)


def ask_wsgi(request: Request) -> Reply:
    """What the WSGI door answers."""
    return run(_wsgi, environ_of(request))


def ask_asgi(request: Request) -> Reply:
    """What the ASGI door answers, without ever having to wait: tenants are in memory."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    _run_through(_asgi(scope_of(request), receive, send))
    start, body = sent
    return reply_in(start, body)


def _run_through(call: Awaitable[None]) -> None:
    steps = cast("Generator[None, None, None]", call.__await__())
    assert [*steps] == [], "the door waited for something"
