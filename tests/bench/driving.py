"""Requests driven by hand through an app in this process: no server, no event loop, no client library.

Every request has a scope or an environ of its own, because middlewares write into it; making one costs the
same with and without a middleware, so that it cancels out of the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, MutableMapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Message = MutableMapping[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]
ASGIApp = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]
Headers = list[tuple[bytes, bytes]]

PATH = "/v1/events"
USUAL_HEADERS: Headers = [
    (b"host", b"api.example.com"),
    (b"user-agent", b"curl/8.5.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
]
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "https",
    "path": PATH,
    "raw_path": PATH.encode(),
    "query_string": b"",
    "root_path": "",
    "client": ("192.0.2.7", 50000),
    "server": ("api.example.com", 443),
}
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": PATH,
    "QUERY_STRING": "",
    "SERVER_NAME": "api.example.com",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.7",
    "HTTP_HOST": "api.example.com",
    "HTTP_USER_AGENT": "curl/8.5.0",
    "HTTP_ACCEPT": "*/*",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.input": BytesIO(),
    "wsgi.errors": None,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def finish(coroutine: Coroutine[Any, Any, object]) -> object:
    """The coroutine's result. It must not suspend: no event loop runs that could wake it up."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("suspended on the hot path")


def bearer_headers(tokens: Iterable[str]) -> list[Headers]:
    """What an ASGI server passes on for each token."""
    return [[*USUAL_HEADERS, (b"authorization", f"Bearer {token}".encode())] for token in tokens]


def bearer_values(tokens: Iterable[str]) -> list[str]:
    """What a WSGI server passes on for each token."""
    return [f"Bearer {token}" for token in tokens]


def asgi_request(app: ASGIApp) -> Callable[[Headers], None]:
    """A function that takes the app through one request with those headers."""

    def request(headers: Headers) -> None:
        finish(app({**SCOPE, "headers": headers, "state": {}}, _receive, _ignore))

    return request


def wsgi_request(app: WSGIApplication) -> Callable[[str], None]:
    """A function that takes the app through one request with that Authorization field."""

    return lambda authorization: _consume(app({**ENVIRON, "HTTP_AUTHORIZATION": authorization}, _start_response))


def asgi_status(app: ASGIApp, headers: Headers) -> int:
    """The status with which the app answers."""
    seen: list[Message] = []

    async def record(message: Message) -> None:
        seen.append(message)

    finish(app({**SCOPE, "headers": headers, "state": {}}, _receive, record))
    return int(seen[0]["status"])


def wsgi_status(app: WSGIApplication, authorization: str) -> int:
    """The status with which the app answers."""
    seen: list[str] = []

    def record(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        seen.append(status)
        return _write

    _consume(app({**ENVIRON, "HTTP_AUTHORIZATION": authorization}, record))
    return int(seen[0].split()[0])


def _consume(body: Iterable[bytes]) -> None:
    """As a server does: to the end, and then close it."""
    for _ in body:
        pass
    if hasattr(body, "close"):
        body.close()


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _ignore(message: Message) -> None:
    return None


def _write(chunk: bytes) -> None:
    return None


def _accept(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
    return _write


_start_response: StartResponse = _accept
