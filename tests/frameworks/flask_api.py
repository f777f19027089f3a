"""The API in Flask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from jwt_middleware import AuthenticationError, InsufficientPermissions, JWTSettings
from jwt_middleware.flask import current_identity, optional_identity, protect, requires
from tests.frameworks import world
from tests.frameworks.world import Client, Reply


def build() -> Flask:
    """The API, not protected."""
    app = Flask(__name__)
    app.testing = True

    def me() -> dict[str, str]:
        return {"tenant": current_identity.tenant_id, "user": current_identity.subject}

    def maybe() -> dict[str, Any]:
        identity = optional_identity()
        return {"user": None if identity is None else identity.subject}

    @requires("write")
    def events() -> dict[str, str]:
        return me()

    @requires("audit")
    async def audit() -> dict[str, str]:
        return me()

    def raised() -> dict[str, str]:
        raise InsufficientPermissions(["audit"])

    def swallowed() -> dict[str, str]:
        try:
            requires("audit")(me)()
        except (Exception, AuthenticationError):
            return {"secret": "for auditors"}
        raise AssertionError("let in")

    for path, view in ((world.ME, me), (world.MAYBE, maybe), (world.RAISED, raised), (world.SWALLOWED, swallowed)):
        app.add_url_rule(path, view_func=view)
    app.add_url_rule(world.EVENTS, view_func=events, methods=["POST"])
    app.add_url_rule(world.AUDIT, view_func=audit)
    app.add_url_rule(world.HEALTH, "health", lambda: {"up": True})
    app.add_url_rule(world.MAYBE_ME, "maybe_me", me)
    app.add_url_rule(world.OPEN_ME, "open_me", me)
    app.add_url_rule(world.RULED, "ruled", me)
    app.add_url_rule(world.PREFLIGHT, "preflight", requires()(lambda: {}), methods=["GET", "OPTIONS"])
    return app


def client(app: Flask) -> Client:
    """Sends requests to this app."""

    def send(method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        sent = world.authorized(token, headers)
        response = app.test_client().open(path, method=method, headers=sent, buffered=True)
        return Reply(
            response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.data
        )

    return send


def serve(settings: JWTSettings) -> Client:
    """The API, protected."""
    app = build()
    protect(app, settings)
    return client(app)
