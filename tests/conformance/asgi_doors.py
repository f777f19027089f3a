"""Doors for ASGI: what asks an ASGI app, and the bare door around an app of the table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from asgiref.testing import ApplicationCommunicator

from jwt_middleware import JWTSettings
from jwt_middleware.admission import admission_of
from jwt_middleware.asgi import ASGIApp, JWTMiddleware
from jwt_middleware.exchange import Message, Receive, Scope, Send

from .app import VIEWS, seen_in_scope
from .row import Reply, Request

_FORGED = {"jwt_middleware.identity": "root", "user": "root", "auth": "root"}
_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}


def by_test_client(settings: JWTSettings, request: Request) -> Reply:
    """Through Starlette's TestClient."""
    return ask(JWTMiddleware(app, settings), request)


def by_communicator(settings: JWTSettings, request: Request) -> Reply:
    """Through asgiref's ApplicationCommunicator."""
    return asyncio.run(converse(JWTMiddleware(app, settings), scope_of(request)))


def by_handshake(settings: JWTSettings, request: Request) -> Reply:
    """As the handshake of a WebSocket, with a server that can answer one over HTTP."""
    scope = {**scope_of(request), "type": "websocket", "scheme": _SOCKET_SCHEMES[request.scheme], "subprotocols": []}
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    return asyncio.run(converse(JWTMiddleware(app, settings), {**scope, "extensions": extensions}))


def ask(app: ASGIApp, request: Request) -> Reply:
    """What an ASGI app answers to TestClient, with the request put into the scope as it stands in the table."""
    from starlette.testclient import TestClient

    async def exactly(scope: Scope, receive: Receive, send: Send) -> None:
        # The client would tidy up path, method and fields.
        await app({**scope, **scope_of(request)}, receive, send)

    answer = TestClient(exactly, follow_redirects=False).request(request.method, "/")
    headers = {name.lower(): value for name, value in answer.headers.multi_items()}
    assert len(headers) == len(answer.headers.multi_items()), "a header is sent twice"
    return Reply(answer.status_code, headers, answer.content)


def serve(app: Any, request: Request) -> Reply:
    """What a server makes of the answer of an ASGI app: some frameworks leave it to the server to answer HEAD."""
    reply = asyncio.run(converse(app, scope_of(request)))
    return reply._replace(body=b"") if request.method == "HEAD" else reply


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of the table."""
    if scope["path"] in VIEWS:
        admission_of(scope).require(VIEWS[scope["path"]])
    body = seen_in_scope(scope)
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": body})
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def scope_of(request: Request) -> dict[str, Any]:
    """The request as an ASGI server hands it over: the path as text, the mount in front of it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.mount + request.path_bytes.decode("utf-8", "replace"),
        "root_path": request.mount,
        "query_string": request.query.encode("latin-1"),
        "headers": [(b"host", b"api.example"), *((name.encode(), value) for name, value in request.fields)],
        "client": ("192.0.2.1", 50000),
        "server": ("api.example", 80),
        **(_FORGED if request.is_forged else {}),
    }


async def converse(app: ASGIApp, scope: Mapping[str, Any]) -> Reply:
    """What the app answers, and that it says no more after that."""
    communicator = ApplicationCommunicator(app, scope)
    is_socket = scope["type"] == "websocket"
    await communicator.send_input({"type": "websocket.connect"} if is_socket else {"type": "http.request"})
    start, body = await communicator.receive_output(), await communicator.receive_output()
    await communicator.wait()
    assert communicator.output_queue.empty()
    return _accepted(body) if start["type"] == "websocket.accept" else reply_in(start, body)


def reply_in(start: Message, body: Message) -> Reply:
    """The reply that these two messages are."""
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert len(headers) == len(start["headers"]), "a header is sent twice"
    assert start["type"].endswith("http.response.start")
    assert body["type"].endswith("http.response.body")
    assert not body.get("more_body", False)
    return Reply(start["status"], headers, body.get("body", b""))


def _accepted(message: Message) -> Reply:
    """What the app said on its socket, as if it had been asked over HTTP."""
    body = message["bytes"]
    return Reply(200, {"content-type": "application/json", "content-length": str(len(body))}, body)
