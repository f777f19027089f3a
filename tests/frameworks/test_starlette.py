"""What Starlette does, and FastAPI as one: middleware in layers, exception handlers, WebSockets, mounted apps."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import requires as starlette_requires
from starlette.endpoints import WebSocketEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import jwt_middleware.fastapi
import jwt_middleware.starlette
from jwt_middleware import AuthenticationError, ConfigurationError, InsufficientPermissions, JWTSettings, asgi
from jwt_middleware.starlette import JWTMiddleware, identity, optional_identity, protect, requires
from tests.frameworks import fastapi_api, starlette_api, world
from tests.frameworks.starlette_api import client, denied, me
from tests.frameworks.world import NO_TOKEN, lacking, token

ORIGIN = {"Origin": "https://example.com"}


@pytest.fixture(params=["starlette", "fastapi"])
def app(request: pytest.FixtureRequest) -> Starlette:
    """The API, not protected."""
    return starlette_api.build() if request.param == "starlette" else fastapi_api.build()


def protect_as_it_is(app: Starlette) -> None:
    framework: Any = jwt_middleware.starlette if type(app) is Starlette else jwt_middleware.fastapi
    framework.protect(app, world.settings())


async def catch_all(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        return await call_next(request)
    except Exception:
        return PlainTextResponse("caught", 500)


async def overrule(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    await call_next(request)
    return PlainTextResponse("overruled")


async def handled(request: Request, exception: Exception) -> Response:
    return PlainTextResponse("handled", 200, {"X-Handled": "yes"})


def handled_without_a_response(request: Request, exception: Exception) -> Response:
    raise LookupError("the handler failed")


def handling(error: Any, handler: Any = handled) -> Callable[[Starlette], object]:
    return lambda app: app.add_exception_handler(error, handler)


INTERFERENCE: dict[str, Callable[[Starlette], object]] = {
    "exception_handler(Exception)": handling(Exception),
    "exception_handler(HTTPException)": handling(HTTPException),
    "exception_handler(AuthenticationError)": handling(AuthenticationError),
    "exception_handler(InsufficientPermissions) that fails": handling(
        InsufficientPermissions, handled_without_a_response
    ),
    "exception_handler(403)": handling(403),
    "exception_handler(500)": handling(500),
    "a middleware that catches everything": lambda app: app.add_middleware(BaseHTTPMiddleware, dispatch=catch_all),
    "a middleware that answers itself": lambda app: app.add_middleware(BaseHTTPMiddleware, dispatch=overrule),
    "compression": lambda app: app.add_middleware(GZipMiddleware, minimum_size=1),
    "debug": lambda app: setattr(app, "debug", True),
}


@pytest.mark.parametrize("interference", INTERFERENCE)
@pytest.mark.parametrize("path", [world.AUDIT, world.SWALLOWED])
def test_a_refusal_in_a_view_is_answered_as_documented_whatever_the_app_does_with_errors(
    app: Starlette, interference: str, path: str
) -> None:
    INTERFERENCE[interference](app)
    protect_as_it_is(app)
    reply = client(app)("GET", path, token())
    assert reply.documented() == lacking("audit")
    assert "x-handled" not in reply.headers


def test_error_handlers_that_are_added_later_change_nothing(app: Starlette) -> None:
    protect_as_it_is(app)
    for error in (Exception, HTTPException, AuthenticationError):
        app.add_exception_handler(error, handled)
    app.add_middleware(BaseHTTPMiddleware, dispatch=catch_all)
    assert client(app)("GET", world.AUDIT, token()).documented() == lacking("audit")


def test_a_refused_request_does_not_reach_middleware_that_is_inside(app: Starlette) -> None:
    app.add_middleware(BaseHTTPMiddleware, dispatch=overrule)
    protect_as_it_is(app)
    assert client(app)("GET", "/nowhere").documented() == NO_TOKEN


def test_cors_that_is_added_after_protect_is_on_refusals(app: Starlette, caplog: pytest.LogCaptureFixture) -> None:
    protect_as_it_is(app)
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    send = client(app)
    for path, given in ((world.ME, None), (world.AUDIT, token())):
        assert send("GET", path, given, ORIGIN).headers["access-control-allow-origin"] == "*"
    assert "CORSMiddleware is inside" not in caplog.text


class OwnCORS(CORSMiddleware):
    """What a provider may derive."""


@pytest.mark.parametrize("kind", [CORSMiddleware, OwnCORS])
def test_cors_that_ended_up_inside_is_warned_about_once_at_start_up(
    app: Starlette, kind: type[CORSMiddleware], caplog: pytest.LogCaptureFixture
) -> None:
    app.add_middleware(kind, allow_origins=["*"])
    app.add_middleware(GZipMiddleware)
    protect_as_it_is(app)
    with TestClient(app) as running:
        running.get(world.HEALTH)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "app.add_middleware(CORSMiddleware, ...) after protect(app, settings)" in warnings[0]


def test_a_preflight_reaches_cors_inside(app: Starlette) -> None:
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["POST"])
    protect_as_it_is(app)
    reply = client(app)("OPTIONS", world.EVENTS, None, {**ORIGIN, "Access-Control-Request-Method": "POST"})
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")


def test_the_middleware_may_stand_in_a_list() -> None:
    settings = world.settings()
    cors, door = Middleware(CORSMiddleware, allow_origins=["*"]), Middleware(JWTMiddleware, settings)
    app = Starlette(routes=[Route(world.ME, me)], middleware=[cors, door])
    assert client(app)("GET", world.ME, token()).status == 200
    assert client(app)("GET", world.ME, None, ORIGIN).headers["access-control-allow-origin"] == "*"
    with pytest.raises(ConfigurationError, match="the middleware is there twice"):
        protect(app, settings)


def test_a_second_layer_further_in_is_found_at_start_up(app: Starlette) -> None:
    settings = world.settings()
    doubled = JWTMiddleware(GZipMiddleware(asgi.JWTMiddleware(app, world.settings())), settings)
    assert client(doubled)("GET", world.ME, token()).status == 200
    with pytest.raises(ConfigurationError, match="the middleware is there twice"):
        JWTMiddleware(GZipMiddleware(asgi.JWTMiddleware(app, settings)), settings)


class Telling(GZipMiddleware):
    """A middleware of the app's own that happens to know the settings."""

    def __init__(self, app: asgi.ASGIApp, settings: JWTSettings) -> None:
        super().__init__(app)
        self.realm = settings.realm


def test_a_middleware_that_only_knows_the_settings_is_no_second_layer(app: Starlette) -> None:
    settings = world.settings()
    app.add_middleware(Telling, settings=settings)
    framework: Any = jwt_middleware.starlette if type(app) is Starlette else jwt_middleware.fastapi
    framework.protect(app, settings)
    assert client(app)("GET", world.ME, token()).status == 200


def test_layers_in_a_circle_end() -> None:
    circle = GZipMiddleware(starlette_api.build())
    circle.app = circle
    assert JWTMiddleware(circle, world.settings()).app is circle


def test_an_app_that_has_started_cannot_be_protected_any_more(app: Starlette) -> None:
    client(app)("GET", world.HEALTH)
    with pytest.raises(RuntimeError, match="Cannot add middleware"):
        protect_as_it_is(app)


def test_starlette_says_what_it_promises_about_users() -> None:
    @starlette_requires(["authenticated", "write"])
    async def who(request: Request) -> Response:
        return JSONResponse([request.user.is_authenticated, request.user.display_name, request.auth.scopes])

    async def anyone(request: Request) -> Response:
        return JSONResponse([request.user.is_authenticated, request.user.display_name, request.auth.scopes])

    app = Starlette(routes=[Route(world.ME, who), Route(world.MAYBE, anyone)])
    protect(app, world.settings())
    assert client(app)("GET", world.ME, token("write")).members == [True, "user_123", ["authenticated", "write"]]
    assert client(app)("GET", world.ME, token("read")).status == 403
    assert client(app)("GET", world.MAYBE).members == [False, "", []]


def test_a_mounted_app_is_protected_by_the_app_around_it(app: Starlette) -> None:
    outer = Starlette(routes=[Mount("/sub", app)])
    protect(outer, world.settings(public=["/sub/healthz"], rules=[], optional=[]))
    send = client(outer)
    assert send("GET", "/sub/healthz").status == 200
    assert send("GET", "/sub/v1/me").documented() == NO_TOKEN
    assert send("GET", "/sub/v1/me", token()).status == 200
    assert send("GET", "/sub/v1/audit", token()).documented() == lacking("audit")


def test_a_mounted_app_may_be_protected_alone(app: Starlette) -> None:
    protect_as_it_is(app)
    outer = Starlette(routes=[Mount("/sub", app), Route("/", starlette_api.health)])
    send = client(outer)
    assert send("GET", "/").status == 200
    assert send("GET", "/sub/healthz").status == 200
    assert send("GET", "/sub/v1/me").documented() == NO_TOKEN
    assert send("GET", "/sub/v1/audit", token()).documented() == lacking("audit")


def test_a_decorated_view_keeps_its_name_and_finds_the_request_among_its_arguments() -> None:
    @requires("audit")
    def view(number: int, *, request: Request) -> int:
        """Takes the request by name, as FastAPI passes it."""
        raise AssertionError("let in")

    assert view.__name__ == "view"
    with pytest.raises(RuntimeError, match="this app is not protected"):
        view(1, request=Request({"type": "http"}))
    with pytest.raises(TypeError, match="take a request or a WebSocket"):
        view(1)  # type: ignore[call-arg]


@requires("write")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(identity(websocket).subject)
    await websocket.close()


async def raising(websocket: WebSocket) -> None:
    raise InsufficientPermissions(["write"])


async def anyone(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(None if optional_identity(websocket) is None else identity(websocket).subject)
    identity(websocket)
    await websocket.close()


class Chat(WebSocketEndpoint):
    encoding = "text"

    @requires("write")
    async def on_connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(identity(websocket).subject)

    @requires("audit")
    async def on_receive(self, websocket: WebSocket, data: str) -> None:
        raise AssertionError("let in")


@pytest.fixture
def sockets() -> TestClient:
    routes = [
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/raising", raising),
        WebSocketRoute("/chat", Chat),
        WebSocketRoute(world.MAYBE, anyone),
    ]
    app = Starlette(routes=routes)
    protect(app, world.settings())
    return TestClient(app)


@pytest.mark.parametrize("path", ["/echo", "/chat"])
def test_a_websocket_is_served_with_its_identity(sockets: TestClient, path: str) -> None:
    with sockets.websocket_connect(path, headers=world.authorized(token("write"), None)) as socket:
        assert socket.receive_json() == "user_123"


@pytest.mark.parametrize("path", ["/echo", "/chat", "/raising"])
def test_a_websocket_is_refused_before_it_is_accepted(sockets: TestClient, path: str) -> None:
    assert denied(sockets, path, None).documented() == NO_TOKEN
    assert denied(sockets, path, token("read")).documented() == lacking("write")


@pytest.mark.parametrize(("path", "given"), [("/chat", token("write")), (world.MAYBE, None)])
def test_a_refusal_after_a_websocket_was_accepted_closes_it(
    sockets: TestClient, path: str, given: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with sockets.websocket_connect(path, headers=world.authorized(given, None)) as socket:
        socket.receive_json()
        if path == "/chat":
            socket.send_text("hello")
        with pytest.raises(WebSocketDisconnect) as raised:
            socket.receive_json()
    assert raised.value.code == 1008
    assert "after its response had started" in caplog.text
