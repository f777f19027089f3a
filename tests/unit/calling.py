"""Calls both doors without any framework or server: WSGI by a plain environ, ASGI by asgiref's communicator."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from asgiref.testing import ApplicationCommunicator

import jwt_middleware
from jwt_middleware import JWTSettings, asgi, wsgi

Carrier: TypeAlias = MutableMapping[str, Any]
"""Scope or environ."""
View: TypeAlias = Callable[[Carrier], object]
"""What an app does with a request before it answers 200."""
Headers: TypeAlias = Iterable[tuple[str, str]]


class Reply(NamedTuple):
    """A response; header names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of the one field of this name, None where there is none."""
        values = [value for key, value in self.headers if key.lower() == name]
        assert len(values) < 2
        return values[0] if values else None

    @property
    def members(self) -> dict[str, Any]:
        """The members of the JSON object in the body."""
        members = json.loads(self.body)
        assert isinstance(members, dict)
        return members


class Door(Protocol):
    """One of the doors, around an app that calls a view and then answers 200 with `ok`."""

    seen: list[Carrier]
    """What reached the app."""
    layer: Any
    """The middleware itself."""

    def get(
        self,
        path: str = "/v1/events",
        token: str | None = None,
        *,
        method: str = "GET",
        headers: Headers = (),
        query: str = "",
        scheme: str = "https",
    ) -> Reply:
        """Send a request; the path is percent-encoded where it has to be."""


class WSGIDoor:
    """The WSGI door around a plain app."""

    def __init__(self, settings: JWTSettings, view: View = lambda _: None, app: Any = None) -> None:
        self.seen: list[Carrier] = []
        self.view = view
        self.layer = wsgi.JWTMiddleware(app or self._app, settings)

    def _app(self, environ: Carrier, start_response: Any) -> list[bytes]:
        self.seen.append(environ)
        self.view(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    def get(
        self,
        path: str = "/v1/events",
        token: str | None = None,
        *,
        method: str = "GET",
        headers: Headers = (),
        query: str = "",
        scheme: str = "https",
    ) -> Reply:
        environ = environ_of(path, token, method=method, headers=headers, query=query, scheme=scheme)
        return call_wsgi(self.layer, environ)


class ASGIDoor:
    """The ASGI door around a plain app."""

    def __init__(self, settings: JWTSettings, view: View = lambda _: None, app: Any = None) -> None:
        self.seen: list[Carrier] = []
        self.view = view
        self.layer = asgi.JWTMiddleware(app or self._app, settings)

    async def _app(self, scope: Carrier, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        self.view(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def get(
        self,
        path: str = "/v1/events",
        token: str | None = None,
        *,
        method: str = "GET",
        headers: Headers = (),
        query: str = "",
        scheme: str = "https",
    ) -> Reply:
        scope = scope_of(path, token, method=method, headers=headers, query=query, scheme=scheme)
        return asyncio.run(call_asgi(self.layer, scope))


def environ_of(path: str = "/v1/events", token: str | None = None, **request: Any) -> dict[str, Any]:
    """The environ of a request (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.get("method", "GET"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": request.get("query", ""),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.get("scheme", "https"),
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }
    for name, value in _fields(token, request.get("headers", ())):
        environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", value)
    return environ


def scope_of(path: str = "/v1/events", token: str | None = None, **request: Any) -> dict[str, Any]:
    """The scope of a request (ASGI 3)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.get("method", "GET"),
        "scheme": request.get("scheme", "https"),
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": quote(path).encode(),
        "query_string": request.get("query", "").encode("latin-1"),
        "root_path": request.get("root_path", ""),
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in _fields(token, request.get("headers", ()))
        ],
    }


def _fields(token: str | None, headers: Headers) -> list[tuple[str, str]]:
    return [*headers, *([] if token is None else [("Authorization", f"Bearer {token}")])]


def call_wsgi(app: Any, environ: dict[str, Any]) -> Reply:
    """What a server sends for this environ: `start_response` once, every chunk, and `close` at the end."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
        assert not started or exc_info is not None, "start_response was called twice"
        started[:] = [(status, headers)]
        return lambda chunk: None

    body = app(environ, start_response)
    try:
        content = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    status, headers = started[0]
    return Reply(int(status.split(" ")[0]), tuple((name.lower(), value) for name, value in headers), content)


async def call_asgi(app: Any, scope: dict[str, Any]) -> Reply:
    """What a server sends for this scope: start, every chunk, and nothing after the last one."""
    communicator = ApplicationCommunicator(app, scope)
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    await communicator.wait(5)
    start, *chunks = await _sent(communicator)
    assert start["type"] == "http.response.start"
    assert [chunk["type"] for chunk in chunks] == ["http.response.body"] * len(chunks)
    assert [chunk.get("more_body", False) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    headers = tuple((name.decode(), value.decode()) for name, value in start["headers"])
    return Reply(start["status"], headers, b"".join(chunk.get("body", b"") for chunk in chunks))


async def _sent(communicator: ApplicationCommunicator) -> list[Mapping[str, Any]]:
    """Everything that an app has sent and nobody has received."""
    messages: list[Mapping[str, Any]] = []
    while not communicator.output_queue.empty():
        messages.append(await communicator.receive_output(1))
    return messages


def socket_scope(path: str = "/live", token: str | None = None, **request: Any) -> dict[str, Any]:
    """The scope of a WebSocket handshake. `subprotocols` stand in the header too, as servers leave them there."""
    subprotocols = request.pop("subprotocols", [])
    extensions = request.pop("extensions", {})
    offered = [("Sec-WebSocket-Protocol", ", ".join(subprotocols))] if subprotocols else []
    scope = scope_of(path, token, **{"scheme": "wss", **request, "headers": [*offered, *request.get("headers", ())]})
    del scope["method"]
    return {**scope, "type": "websocket", "subprotocols": subprotocols, "extensions": extensions}


async def open_socket(app: Any, scope: dict[str, Any]) -> list[Mapping[str, Any]]:
    """Every message with which the app answers the handshake."""
    communicator = ApplicationCommunicator(app, scope)
    await communicator.send_input({"type": "websocket.connect"})
    await communicator.wait(5)
    return await _sent(communicator)


async def run_lifespan(app: Any) -> list[str]:
    """The types of the messages with which the app answers start and end."""
    communicator = ApplicationCommunicator(app, {"type": "lifespan", "asgi": {"version": "3.0"}})
    await communicator.send_input({"type": "lifespan.startup"})
    started = await communicator.receive_output(5)
    await communicator.send_input({"type": "lifespan.shutdown"})
    ended = await communicator.receive_output(5)
    await communicator.wait(5)
    return [started["type"], ended["type"]]


def eventually(condition: Callable[[], object], within: float = 10) -> bool:
    """Whether the condition comes to hold within so many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


async def eventually_async(condition: Callable[[], object], within: float = 10) -> bool:
    """The same on an event loop."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.005)
    return True


def run_program(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a process of its own, with the same package."""
    folder = Path(jwt_middleware.__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
