"""Starlette: `protect(app, settings)` closes the app to everyone without a tenant's token.

    from jwt_middleware import JWTSettings
    from jwt_middleware.starlette import identity, protect, requires

    @requires("write")
    async def events(request):
        me = identity(request)
        return JSONResponse({"tenant": me.tenant_id, "user": me.subject})

    app = Starlette(routes=[Route("/v1/events", events, methods=["POST"])])
    protect(app, JWTSettings([acme], public=["/healthz"]))
    app.add_middleware(CORSMiddleware, allow_origins=["https://example.com"])  # after protect, so that it is outside

`request.user` and `request.auth` are filled too, so Starlette's own `requires` works; its refusals are not the
documented ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket

from jwt_middleware import asgi
from jwt_middleware.admission import admission_of, checked_settings, doubled
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.frameworks import Arguments, Returned, checked_first, scope_names, wrong_app
from jwt_middleware.identity import Identity
from jwt_middleware.log import logger
from jwt_middleware.settings import JWTSettings
from jwt_middleware.socket_watch import POLICY_VIOLATION

__all__ = ["JWTMiddleware", "identity", "optional_identity", "protect", "requires"]

_INNER_CORS = (
    "CORSMiddleware is inside the JWT middleware, so its headers are missing from refusals and browsers hide them from "
    "scripts. Move it out: app.add_middleware(CORSMiddleware, ...) after protect(app, settings), or before "
    "JWTMiddleware in middleware=[...]"
)


def protect(app: Starlette, settings: JWTSettings) -> None:
    """Let nobody in without a valid token, but where the settings open a path. Changes the app, returns nothing.

    Call it before the app starts; middleware added later is further out. For FastAPI, `jwt_middleware.fastapi` also
    documents it. Raises ConfigurationError for what is no Starlette app, and where these settings protect it already.
    """
    if not isinstance(app, Starlette):
        raise wrong_app(app, "starlette.applications.Starlette")
    add_door(app, settings, JWTMiddleware)


def requires(*scopes: str) -> Callable[[Callable[Arguments, Returned]], Callable[Arguments, Returned]]:
    """Demand an identity that has all these scopes: 403 without, and a WebSocket is refused before it is accepted.

    For endpoints that take a request or a WebSocket, and methods of HTTPEndpoint and WebSocketEndpoint, plain or
    `async`; `requires()` demands no scope. Raises ConfigurationError where a scope is not the name of one.
    """
    needed = scope_names(scopes)

    def check(*args: object, **kwargs: object) -> None:
        admission_of(_connection(*args, *kwargs.values()).scope).require(needed)

    def decorate(view: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
        return checked_first(view, check)

    return decorate


def identity(connection: HTTPConnection) -> Identity:
    """The identity of this request or WebSocket.

    On an optional path, an anonymous request is refused with 401: ask `optional_identity` where both are served. On
    a public path, where tokens are not looked at, it raises RuntimeError.
    """
    return admission_of(connection.scope).require()


def optional_identity(connection: HTTPConnection) -> Identity | None:
    """The identity of this request or WebSocket, None for an anonymous one: for optional paths."""
    return admission_of(connection.scope).identity


class JWTMiddleware(asgi.JWTMiddleware):
    """The ASGI door as Starlette builds it at start-up: it also says what is in the wrong place.

    `protect` adds it; `middleware=[Middleware(CORSMiddleware, ...), Middleware(JWTMiddleware, settings=settings)]`
    does, too.
    """

    def __init__(self, app: asgi.ASGIApp, settings: JWTSettings) -> None:
        super().__init__(app, settings)
        for layer in _layers(app):
            if isinstance(layer, asgi.JWTMiddleware) and layer.gate.settings is settings:
                raise doubled(self.gate.layer, layer.gate.layer)
            if isinstance(layer, CORSMiddleware):
                logger.warning(_INNER_CORS)


def add_door(app: Starlette, settings: JWTSettings, door: type[JWTMiddleware], **more: object) -> None:
    """What `protect` does in Starlette and in what is built on it."""
    name = f"{door.__module__}.{door.__qualname__}"
    checked_settings(settings, name)
    for layer in app.user_middleware:
        if _is_door(layer.cls) and any(given is settings for given in (*layer.args, *layer.kwargs.values())):
            raise doubled(name, name)
    added: Any = door
    app.add_middleware(added, settings=settings, **more)
    app.add_exception_handler(AuthenticationError, cast("Any", _leave_refusal))


async def _leave_refusal(connection: HTTPConnection, refusal: AuthenticationError) -> Response | None:
    """The exception handler: a refusal that a view raised by itself is answered as one by `requires`.

    The door answers in place of what this sends, unless a WebSocket was accepted before.
    """
    admission_of(connection.scope).refusal = refusal
    if isinstance(connection, WebSocket):
        await connection.close(POLICY_VIOLATION)
        return None
    return Response(status_code=refusal.status)


def _connection(*arguments: object) -> HTTPConnection:
    for argument in arguments:
        if isinstance(argument, HTTPConnection):
            return argument
    raise TypeError("requires() is for endpoints that take a request or a WebSocket")


def _is_door(middleware: object) -> bool:
    return isinstance(middleware, type) and issubclass(middleware, asgi.JWTMiddleware)


def _layers(app: object) -> Iterator[object]:
    """This app and what it wraps, from the outside in."""
    seen: set[int] = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        yield app
        app = getattr(app, "app", None)
