"""Frameworks without an adapter, behind the bare doors: `app = JWTMiddleware(app, settings)`.

Imported when asked for: each needs its framework. The apps are built once, since only the door knows the settings.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from jwt_middleware import JWTSettings, asgi, wsgi
from jwt_middleware.admission import admission_of

from .app import VIEWS, seen_in_environ, seen_in_scope, views_below
from .asgi_doors import serve
from .row import Reply, Request
from .wsgi_doors import environ_of, run

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from litestar import Response
    from litestar.handlers import BaseRouteHandler


def pyramid(settings: JWTSettings, request: Request) -> Reply:
    """Pyramid, asked like any other WSGI app."""
    return run(wsgi.JWTMiddleware(pyramid_app(), settings), environ_of(request))


def falcon_wsgi(settings: JWTSettings, request: Request) -> Reply:
    """Falcon as a WSGI app."""
    return run(wsgi.JWTMiddleware(falcon_wsgi_app(), settings), environ_of(request))


def falcon_asgi(settings: JWTSettings, request: Request) -> Reply:
    """Falcon as an ASGI app."""
    return serve(asgi.JWTMiddleware(falcon_asgi_app(), settings), request)


def litestar(settings: JWTSettings, request: Request) -> Reply:
    """Litestar, asked like any other ASGI app."""
    return serve(asgi.JWTMiddleware(litestar_app(), settings), request)


@cache
def pyramid_app(mount: str = "") -> WSGIApplication:
    """The app of the table in Pyramid, below a mount: a route for each view, a not-found view for everything else."""
    from pyramid.config import Configurator
    from pyramid.request import Request as Current
    from pyramid.response import Response

    def tell(current: Current) -> Response:
        return Response(seen_in_environ(current.environ), content_type="application/json", charset=None)

    def view(current: Current) -> Response:
        admission_of(current.environ).require(VIEWS[mount + current.path_info])
        return tell(current)

    with Configurator() as config:
        for path in views_below(mount):
            config.add_route(path, path.removeprefix(mount))
            config.add_view(view, route_name=path)
        config.add_notfound_view(tell)
        app: WSGIApplication = config.make_wsgi_app()
    return app


@cache
def falcon_wsgi_app() -> WSGIApplication:
    """The app of the table in Falcon for WSGI: a sink, which answers every path and method."""
    import falcon

    def tell(req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        if req.path in VIEWS:
            admission_of(req.env).require(VIEWS[req.path])
        resp.data = seen_in_environ(req.env)

    app = falcon.App()
    app.add_sink(tell, "/")
    return app


@cache
def falcon_asgi_app() -> Any:
    """The app of the table in Falcon for ASGI, where what handles is `async`."""
    import falcon.asgi

    async def tell(req: falcon.asgi.Request, resp: Any, **_: object) -> None:
        if req.path in VIEWS:
            admission_of(req.scope).require(VIEWS[req.path])
        resp.data = seen_in_scope(req.scope)

    app = falcon.asgi.App()
    app.add_sink(tell, "/")
    return app


@cache
def litestar_app() -> Any:
    """The app of the table in Litestar: a guarded handler for each view."""
    from litestar import Request as Current
    from litestar import Response, get

    async def view(request: Current[Any, Any, Any]) -> Response[bytes]:
        return _told(request.scope)

    # Litestar looks the names of annotations up in the module, where these are not.
    view.__annotations__ = {"request": Current[Any, Any, Any], "return": Response[bytes]}
    return litestar_with([get(path, guards=[_guard(scopes)])(view) for path, scopes in VIEWS.items()])


def litestar_with(handlers: Sequence[BaseRouteHandler]) -> Any:
    """A Litestar app with these handlers, which answers everything else too."""
    from litestar import Litestar
    from litestar.exceptions import HTTPException

    return Litestar(
        handlers,
        exception_handlers={HTTPException: lambda current, _: _told(current.scope)},
        openapi_config=None,
        logging_config=None,  # by default, it takes over the logging of the whole process
    )


def _guard(scopes: Iterable[str]) -> Callable[[Any, BaseRouteHandler], Awaitable[None]]:
    async def guard(connection: Any, _: BaseRouteHandler) -> None:
        admission_of(connection.scope).require(scopes)

    return guard


def _told(scope: Any) -> Response[bytes]:
    from litestar import Response

    return Response(seen_in_scope(scope), media_type="application/json")
