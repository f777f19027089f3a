"""The apps that every server serves: those of the conformance table, and around the door one that tells what it got."""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from jwt_middleware import JWTSettings, Rule, StaticTenants, asgi
from jwt_middleware import wsgi as wsgi_door
from jwt_middleware.exchange import Message, Receive, Scope, Send
from tests.conformance.app import seen_in_environ, seen_in_scope
from tests.conformance.tenants import TENANTS
from tests.conformance.tokens import NOW

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

POLICY: Final[dict[str, Any]] = {
    "public": ["/healthz", "/static/*"],
    "optional": ["/feed"],
    "rules": [
        Rule("/admin/*", scopes=["admin"]),
        Rule("/catalogue", methods=["GET"], access="public"),
        Rule("/upload", methods=["POST"], scopes=["admin"]),
    ],
}
HANDED: Final = "x-handed"
"""The header of every response, refusals too, that tells what the server handed over: JSON, percent-encoded."""
CHUNK: Final = 65_536


class ClosingTenants:
    """Tenants who leave a note, named by the process, when they are closed."""

    in_memory = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.resolve = StaticTenants(TENANTS).resolve

    def close(self) -> None:
        (self._folder / f"closed-{os.getpid()}").touch()


def settings() -> JWTSettings:
    """Settings on a clock that stands still."""
    tenants = ClosingTenants(Path(os.environ["SERVED_FOLDER"]))
    return JWTSettings(tenants, clock=lambda: NOW, websocket_subprotocol=True, **POLICY)


# WSGI


def app_in_wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Says whom it sees, after reading what was sent."""
    while environ["wsgi.input"].read(CHUNK):
        pass
    body = seen_in_environ(environ)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def telling_in_wsgi(door: wsgi_door.JWTMiddleware) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """The door, with the header about what it was handed."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        field = environ.get("HTTP_AUTHORIZATION")
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        handed = _handed(environ["REQUEST_METHOD"], path, [] if field is None else [field])

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            return start_response(status, [*headers, (HANDED, handed)], *([exc_info] if exc_info else []))

        return door(environ, start)

    return call


# ASGI


async def app_in_asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """The same for ASGI; over a WebSocket it says it once and closes."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await _tell_socket(scope, receive, send)
    else:
        while (await receive()).get("more_body"):
            pass
        body = seen_in_scope(scope)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _live(receive: Receive, send: Send) -> None:
    for moment in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{moment}"
        await send({"type": f"lifespan.{moment}.complete"})


async def _tell_socket(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": seen_in_scope(scope).decode()})
    await send({"type": "websocket.close", "code": 1000})


def telling_in_asgi(door: asgi.JWTMiddleware) -> asgi.ASGIApp:
    """The door, with the header about what it was handed."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start", "websocket.accept"):
                message = {**message, "headers": [*message.get("headers", ()), (HANDED.encode(), handed.encode())]}
            await send(message)

        if scope["type"] == "lifespan":
            await door(scope, receive, send)
            return
        fields = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"]
        handed = _handed(scope.get("method", "GET"), scope["path"], fields)
        await door(scope, receive, tell)

    return call


def _handed(method: str, path: str, fields: list[str]) -> str:
    told = {"method": method, "path": path, "fields": fields, "process": os.getpid()}
    return quote(json.dumps(told | {"started_for": os.environ["SERVED_FOLDER"]}))


def in_wsgi() -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """What a WSGI server serves. At exit the door is closed, as the documentation has it."""
    door = wsgi_door.JWTMiddleware(app_in_wsgi, settings())
    atexit.register(door.close)
    return telling_in_wsgi(door)


def in_asgi() -> asgi.ASGIApp:
    """What an ASGI server serves."""
    return telling_in_asgi(asgi.JWTMiddleware(app_in_asgi, settings()))
