"""Doors of the frameworks: an app of each, closed by its `protect`. Imported when asked for: each needs its extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jwt_middleware import JWTSettings
from jwt_middleware.exchange import Receive, Scope, Send

from .app import VIEWS, seen_in_environ, seen_in_scope
from .asgi_doors import ask
from .row import Reply, Request
from .wsgi_doors import environ_of, run

if TYPE_CHECKING:
    from starlette.responses import Response


def flask(settings: JWTSettings, request: Request) -> Reply:
    """Flask, asked like any other WSGI app."""
    from flask import Flask, Response
    from flask import request as current

    from jwt_middleware.flask import protect, requires

    app = Flask(__name__)
    protect(app, settings)

    def view() -> Response:
        return Response(seen_in_environ(current.environ), content_type="application/json")

    @app.before_request
    def answer_every_path() -> Response | None:
        return None if current.path in VIEWS else view()

    for path, scopes in VIEWS.items():
        app.add_url_rule(path, path, requires(*scopes)(view))
    return run(app, environ_of(request))


def django_wsgi(settings: JWTSettings, request: Request) -> Reply:
    """Django, asked like any other WSGI app."""
    from tests.frameworks.django_doors import under_wsgi

    return under_wsgi(settings, request)


def django_asgi(settings: JWTSettings, request: Request) -> Reply:
    """Django, asked like any other ASGI app."""
    from tests.frameworks.django_doors import under_asgi

    return under_asgi(settings, request)


def starlette(settings: JWTSettings, request: Request) -> Reply:
    """Starlette, through its TestClient."""
    from starlette.applications import Starlette
    from starlette.requests import Request as Current
    from starlette.routing import Route

    from jwt_middleware.starlette import protect, requires

    async def view(current: Current) -> Response:
        return _as_json(current.scope)

    app = Starlette(routes=[Route(path, requires(*scopes)(view)) for path, scopes in VIEWS.items()])
    app.router.default = _answer_every_path
    protect(app, settings)
    return ask(app, request)


def fastapi(settings: JWTSettings, request: Request) -> Reply:
    """FastAPI, through Starlette's TestClient."""
    from fastapi import FastAPI, Response
    from fastapi import Request as Current

    from jwt_middleware.fastapi import Requires, protect

    async def view(current: Current) -> Response:
        return _as_json(current.scope)

    # FastAPI looks the names of annotations up in the module, where these are not.
    view.__annotations__ = {"current": Current, "return": Response}
    app = FastAPI(openapi_url=None)
    for path, scopes in VIEWS.items():
        app.add_api_route(path, view, dependencies=[Requires(*scopes)])
    app.router.default = _answer_every_path
    protect(app, settings)
    return ask(app, request)


async def _answer_every_path(scope: Scope, receive: Receive, send: Send) -> None:
    await _as_json(scope)(scope, receive, send)


def _as_json(scope: Scope) -> Response:
    from starlette.responses import Response

    return Response(seen_in_scope(scope), media_type="application/json")
