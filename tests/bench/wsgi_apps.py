"""No-op WSGI apps, bare and behind every way of checking a token that is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, jwt_required

from jwt_middleware.flask import protect as protect_flask
from jwt_middleware.wsgi import JWTMiddleware

from . import django_apps, observed, tokens
from .core import jwt_decode, settings
from .driving import PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The least that an app can answer."""
    start_response("200 OK", [])
    return [b""]


class JWTDecodeMiddleware:
    """A WSGI middleware around jwt.decode, as one would write it on a good day."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        try:
            environ["claims"] = jwt_decode(token if scheme.lower() == "bearer" else "")
        except jwt.PyJWTError:
            start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
            return [b""]
        return self.app(environ, start_response)


def flask(guard: Callable[[Any], Any] = lambda view: view, **config: Any) -> Flask:
    """A Flask app whose only view does nothing, behind that decorator."""
    app = Flask(__name__)
    app.config.update(config)

    @app.get(PATH)
    @guard
    def events() -> str:
        return ""

    return app


def flask_ours() -> Flask:
    """The same, protected by our adapter."""
    app = flask()
    protect_flask(app, settings())
    return app


def flask_jwt_extended() -> Flask:
    """The same with Flask-JWT-Extended."""
    app = flask(
        jwt_required(),
        JWT_SECRET_KEY=tokens.SECRET,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_AUDIENCE=tokens.APPLICATION,
        JWT_DECODE_ISSUER=tokens.TENANT,
    )
    JWTManager(app)
    return app


def apps() -> dict[tuple[str, str], WSGIApplication]:
    """Every app, by what it is written with and what guards it; an empty guard is the app without one."""
    return {
        **_guarded("WSGI", plain),
        ("WSGI", observed.METRICS): observed.wsgi(plain),
        **_guarded("Flask", flask()),
        ("Flask", "ours: protect"): flask_ours(),
        ("Flask", "Flask-JWT-Extended"): flask_jwt_extended(),
        **django_apps.apps(),
    }


def _guarded(stack: str, app: WSGIApplication) -> dict[tuple[str, str], WSGIApplication]:
    """The app alone, behind our door, and behind the middleware around jwt.decode."""
    return {
        (stack, ""): app,
        (stack, "ours: JWTMiddleware"): JWTMiddleware(app, settings()),
        (stack, "middleware around jwt.decode"): JWTDecodeMiddleware(app),
    }
