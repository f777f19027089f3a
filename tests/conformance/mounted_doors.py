"""Apps below a path: the door outside the mount, which sees the whole path, or inside, which sees what is below.

Imported when asked for: each needs its framework. What knows no settings is built once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jwt_middleware import JWTSettings, asgi, wsgi
from jwt_middleware.admission import admission_of
from jwt_middleware.exchange import Receive, Scope, Send

from .app import VIEWS, seen_in_scope, views_below
from .asgi_doors import app as asgi_app
from .asgi_doors import serve
from .bare_framework_doors import litestar_with, pyramid_app
from .row import Reply, Request, Row
from .wsgi_doors import environ_of, run

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from fastapi import FastAPI
    from litestar.handlers import ASGIRouteHandler
    from starlette.applications import Starlette
    from starlette.requests import Request as Current
    from starlette.responses import Response

_INSIDE: Final = "/mounted"
"""Where an app is that has the door inside, on top of where the request says that it is mounted."""
_OUTSIDE: Final = ("/view", "/v1", "/static")
"""Parts of the table that are below a mount where the door is outside."""


def mount_takes(row: Row) -> bool:
    """A Mount wants a slash behind it, and knows no line feeds: what is otherwise does not get as far as the door."""
    return row.request.path_bytes.startswith(b"/") and b"\n" not in row.request.path_bytes


def werkzeug_inside(settings: JWTSettings, request: Request) -> Reply:
    """Werkzeug's dispatcher, which moves the mount from PATH_INFO to SCRIPT_NAME, around the door of a Pyramid app."""
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    door = wsgi.JWTMiddleware(pyramid_app(), settings)
    return run(DispatcherMiddleware(_nothing, {_INSIDE: door}), environ_of(_below(request)))


def werkzeug_outside(settings: JWTSettings, request: Request) -> Reply:
    """The door around werkzeug's dispatcher with several Pyramid apps."""
    return run(wsgi.JWTMiddleware(_dispatcher(), settings), environ_of(request))


def starlette_inside(settings: JWTSettings, request: Request) -> Reply:
    """A Mount, which adds to `root_path` and leaves the path as it is, around the door of a Starlette app."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    door = asgi.JWTMiddleware(_starlette(), settings)
    return serve(Starlette(routes=[Mount(_INSIDE, door)]), _below(request))


def starlette_outside(settings: JWTSettings, request: Request) -> Reply:
    """The door around Starlette with several mounted apps."""
    return serve(asgi.JWTMiddleware(_starlette_with_mounts(), settings), request)


def fastapi_inside(settings: JWTSettings, request: Request) -> Reply:
    """FastAPI around the door of a sub app."""
    from fastapi import FastAPI

    api = FastAPI(openapi_url=None)
    api.mount(_INSIDE, asgi.JWTMiddleware(_fastapi(), settings))
    return serve(api, _below(request))


def fastapi_outside(settings: JWTSettings, request: Request) -> Reply:
    """The door around FastAPI with several sub apps."""
    return serve(asgi.JWTMiddleware(_fastapi_with_sub_apps(), settings), request)


def litestar_outside(settings: JWTSettings, request: Request) -> Reply:
    """The door around Litestar with several mounted apps."""
    return serve(asgi.JWTMiddleware(_litestar_with_mounts(), settings), request)


def _below(request: Request) -> Request:
    return replace(request, path=_INSIDE.encode() + request.path_bytes)


def _nothing(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    raise AssertionError("nothing is beside the mount")


@cache
def _dispatcher() -> WSGIApplication:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    return DispatcherMiddleware(pyramid_app(), {mount: pyramid_app(mount) for mount in _OUTSIDE})


@cache
def _starlette(mount: str = "") -> Starlette:
    from starlette.applications import Starlette
    from starlette.routing import Route

    app = Starlette(routes=[Route(path.removeprefix(mount), _view(path)) for path in views_below(mount)])
    app.router.default = _answer_every_path
    return app


@cache
def _starlette_with_mounts() -> Starlette:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = Starlette(routes=[Mount(mount, _starlette(mount)) for mount in _OUTSIDE])
    app.router.default = _answer_every_path
    return app


@cache
def _fastapi(mount: str = "") -> FastAPI:
    from fastapi import FastAPI

    api = FastAPI(openapi_url=None)
    for path in views_below(mount):
        api.add_route(path.removeprefix(mount), _view(path))
    api.router.default = _answer_every_path
    return api


@cache
def _fastapi_with_sub_apps() -> FastAPI:
    from fastapi import FastAPI

    api = FastAPI(openapi_url=None)
    for mount in _OUTSIDE:
        api.mount(mount, _fastapi(mount))
    api.router.default = _answer_every_path
    return api


def _view(path: str) -> Callable[[Current], Response]:
    def view(current: Current) -> Response:
        admission_of(current.scope).require(VIEWS[path])
        return _as_json(current.scope)

    return view


async def _answer_every_path(scope: Scope, receive: Receive, send: Send) -> None:
    await _as_json(scope)(scope, receive, send)


def _as_json(scope: Scope) -> Response:
    from starlette.responses import Response

    return Response(seen_in_scope(scope), media_type="application/json")


@cache
def _litestar_with_mounts() -> Any:
    return litestar_with([_mounted_in_litestar(mount) for mount in _OUTSIDE])


def _mounted_in_litestar(mount: str) -> ASGIRouteHandler:
    from litestar import asgi

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # It gets the path below the mount, with a slash at its end, and the root_path that was there before.
        await asgi_app({**scope, "path": (mount + scope["path"]).removesuffix("/")}, receive, send)

    return asgi(mount, is_mount=True, copy_scope=True)(app)
