"""Doors for WSGI: what asks a WSGI app, and the bare door around an app of the table."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

from webtest import TestApp, TestRequest
from webtest.lint import middleware as lint

from jwt_middleware import JWTSettings
from jwt_middleware.admission import admission_of
from jwt_middleware.wsgi import JWTMiddleware

from .app import VIEWS, seen_in_environ
from .row import Reply, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FORGED = {"jwt_middleware.identity": "root", "REMOTE_USER": "acme/root", "AUTH_TYPE": "Bearer"}


def linted(settings: JWTSettings, request: Request) -> Reply:
    """Through webtest, with its linter on both sides of the door."""
    client = TestApp(JWTMiddleware(lint(app), settings), lint=True)
    environ = environ_of(request)
    if environ["SCRIPT_NAME"].isascii():
        # webtest takes the mount off the path by itself, where it recognizes it.
        environ["PATH_INFO"] = environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    answer = client.do_request(TestRequest(environ), status="*", expect_errors=True)
    return Reply(answer.status_int, _by_name(answer.headerlist), answer.body)


def validated(settings: JWTSettings, request: Request) -> Reply:
    """With the standard library's validator on both sides of the door."""
    return run(validator(JWTMiddleware(validator(app), settings)), environ_of(request))


def bare(settings: JWTSettings, request: Request) -> Reply:
    """With nothing around the door, for requests that no validator lets pass."""
    return run(JWTMiddleware(app, settings), environ_of(request))


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The app of the table."""
    path = environ.get("PATH_INFO", "")
    if path in VIEWS:
        admission_of(environ).require(VIEWS[path])
    body = seen_in_environ(environ)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def environ_of(request: Request) -> WSGIEnvironment:
    """The request as a WSGI server hands it over (PEP 3333: bytes as latin-1 text, fields of one name joined)."""
    fields: dict[str, list[str]] = {}
    for name, value in request.fields:
        fields.setdefault("HTTP_" + name.upper().replace("-", "_"), []).append(value.decode("latin-1"))
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.mount.encode().decode("latin-1"),
        "PATH_INFO": request.path_bytes.decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "api.example",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **{name: ",".join(values) for name, values in fields.items()},
        **(_FORGED if request.is_forged else {}),
    }


def run(app: WSGIApplication, environ: WSGIEnvironment) -> Reply:
    """What the app answers, iterated and closed as a server does it."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        started.append((status, headers))
        return lambda chunk: None

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    [(status, headers)] = started
    return Reply(int(status[:3]), _by_name(headers), body)


def _by_name(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    named = {name.lower(): value for name, value in headers}
    assert len(named) == len([*headers]), "a header is sent twice"
    return named
