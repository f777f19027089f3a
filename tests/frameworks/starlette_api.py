"""The API in Starlette."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp

from jwt_middleware import AuthenticationError, InsufficientPermissions, JWTSettings
from jwt_middleware.starlette import identity, optional_identity, protect, requires
from tests.frameworks import world
from tests.frameworks.world import Client, Reply


def me(request: Request) -> Response:
    return JSONResponse({"tenant": identity(request).tenant_id, "user": identity(request).subject})


async def maybe(request: Request) -> Response:
    who = optional_identity(request)
    return JSONResponse({"user": None if who is None else who.subject})


class Events(HTTPEndpoint):
    @requires("write")
    async def post(self, request: Request) -> Response:
        return me(request)


@requires("audit")
async def audit(request: Request) -> Response:
    return me(request)


async def raised(request: Request) -> Response:
    raise InsufficientPermissions(["audit"])


async def swallowed(request: Request) -> Response:
    try:
        return await audit(request)
    except AuthenticationError:
        return JSONResponse({"secret": "for auditors"})


async def health(request: Request) -> Response:
    return JSONResponse({"up": True})


@requires()
def preflight(request: Request) -> Response:
    return JSONResponse({})


def build() -> Starlette:
    """The API, not protected."""
    return Starlette(
        routes=[
            Route(world.HEALTH, health),
            Route(world.EVENTS, Events),
            Route(world.ME, me),
            Route(world.AUDIT, audit),
            Route(world.MAYBE, maybe),
            Route(world.MAYBE_ME, me),
            Route(world.OPEN_ME, me),
            Route(world.RULED, me),
            Route(world.RAISED, raised),
            Route(world.SWALLOWED, swallowed),
            Route(world.PREFLIGHT, preflight, methods=["GET", "OPTIONS"]),
        ]
    )


def client(app: ASGIApp) -> Client:
    """Sends requests to this app."""
    test_client = TestClient(app)

    def send(method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        response = test_client.request(method, path, headers=world.authorized(token, headers))
        return Reply(response.status_code, dict(response.headers.items()), response.content)

    return send


def serve(settings: JWTSettings) -> Client:
    """The API, protected."""
    app = build()
    protect(app, settings)
    return client(app)


def denied(client: TestClient, path: str, given: str | None) -> Reply:
    """The answer to a handshake that was refused."""
    with (
        pytest.raises(WebSocketDenialResponse) as raised,
        client.websocket_connect(path, headers=world.authorized(given, None)),
    ):
        raise AssertionError("let in")
    response: Any = raised.value
    return Reply(response.status_code, dict(response.headers.items()), response.content)
