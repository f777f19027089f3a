"""What only the WSGI door does: environ, start_response, bodies that stream."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import Any

import pytest

from jwt_middleware import current_identity
from jwt_middleware.admission import admission_of
from jwt_middleware.errors import InsufficientPermissions
from jwt_middleware.wsgi import JWTMiddleware, path_of

from .calling import Reply, WSGIDoor, call_wsgi, environ_of
from .making import settings, token

APP = Callable[[dict[str, Any], Any], Iterable[bytes]]


def call(app: Any, text: str | None = None, **options: Any) -> Reply:
    return call_wsgi(JWTMiddleware(app, settings(**options)), environ_of("/v1/events", text or token()))


def require(environ: dict[str, Any], *scopes: str) -> None:
    admission_of(environ).require(scopes)


# What reaches the app


def test_the_environ_has_the_principal_as_remote_user() -> None:
    door = WSGIDoor(settings())
    door.get("/a", token(sub="a/b"))
    [environ] = door.seen
    assert (environ["REMOTE_USER"], environ["AUTH_TYPE"]) == ("acme/a%2Fb", "Bearer")


FORGED = {
    "REMOTE_USER": "admin",
    "AUTH_TYPE": "Basic",
    "jwt_middleware.identity": "admin",
    "jwt_middleware.admission": "admin",
}


@pytest.mark.parametrize("open_paths", [{"public": ["/a"]}, {"optional": ["/a"]}], ids=["public", "optional"])
def test_what_stood_under_the_keys_of_the_identity_is_removed_on_open_paths(open_paths: Any) -> None:
    door = WSGIDoor(settings(**open_paths))
    call_wsgi(door.layer, {**environ_of("/a"), **FORGED})
    [environ] = door.seen
    assert environ["jwt_middleware.identity"] is None
    assert "REMOTE_USER" not in environ
    assert "AUTH_TYPE" not in environ
    assert admission_of(environ).identity is None


def test_what_stood_under_the_keys_of_the_identity_is_replaced() -> None:
    door = WSGIDoor(settings())
    call_wsgi(door.layer, {**environ_of("/a", token()), **FORGED})
    [environ] = door.seen
    assert environ["jwt_middleware.identity"].subject == "user_123"
    assert (environ["REMOTE_USER"], environ["AUTH_TYPE"]) == ("acme/user_123", "Bearer")


def test_no_header_makes_an_identity() -> None:
    door = WSGIDoor(settings(optional=["/a"]))
    door.get("/a", headers=[("Remote-User", "admin"), ("X-Auth-Subject", "admin")])
    assert "REMOTE_USER" not in door.seen[0]


@pytest.mark.parametrize(
    ("path_info", "path"),
    [
        ("/a", "/a"),
        ("", ""),
        ("/m\xc3\xbcnchen", "/münchen"),
        ("/m\xfcnchen", "/m\ufffdnchen"),
        ("/\xed\xa0\x80", "/\ufffd\ufffd\ufffd"),
    ],
    ids=ascii,
)
def test_the_path_is_what_asgi_servers_make_of_it(path_info: str, path: str) -> None:
    assert path_of({"PATH_INFO": path_info}) == path


def test_a_missing_path_is_the_empty_one() -> None:
    assert path_of({}) == ""


def test_the_path_is_relative_to_the_mount() -> None:
    door = WSGIDoor(settings(public=["/docs"]))
    assert call_wsgi(door.layer, {**environ_of("/docs"), "SCRIPT_NAME": "/api"}).status == 200
    assert call_wsgi(door.layer, {**environ_of("/api/docs"), "SCRIPT_NAME": ""}).status == 401


def test_header_names_are_written_as_people_expect() -> None:
    started: list[Any] = []

    def start_response(*args: Any) -> Any:
        started.append(args)

    JWTMiddleware(_never, settings())(environ_of("/a"), start_response)
    [(status, headers)] = started
    assert status == "401 Unauthorized"
    assert [name for name, _ in headers] == ["Content-Type", "Content-Length", "Cache-Control", "WWW-Authenticate"]


def _never(environ: Any, start_response: Any) -> Any:
    raise AssertionError("the app was called")


# The response of the app


def test_a_list_is_passed_on_as_it_is() -> None:
    body = [b"a", b"b"]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return body

    assert JWTMiddleware(app, settings())(environ_of("/a", token()), lambda *args: print) is body


def test_a_file_is_passed_on_as_it_is_so_that_the_server_can_send_it() -> None:
    class FileWrapper:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __iter__(self) -> Iterator[bytes]:
            return iter(self.file)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"content"))

    environ = {**environ_of("/a", token()), "wsgi.file_wrapper": FileWrapper}
    body = JWTMiddleware(app, settings())(environ, lambda *args: print)
    assert isinstance(body, FileWrapper)
    assert current_identity.get() is None


def test_the_error_info_of_an_app_is_passed_on() -> None:
    given: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("500 Oops", [], (ValueError, ValueError(), None))
        return [b""]

    def start_response(*args: Any) -> Callable[[bytes], None]:
        given.append(args)
        return lambda chunk: None

    JWTMiddleware(app, settings())(environ_of("/a", token()), start_response)
    assert [len(args) for args in given] == [2, 3]
    assert given[1][2][0] is ValueError


def test_write_reaches_the_server() -> None:
    chunks: list[bytes] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"written")
        return []

    JWTMiddleware(app, settings())(environ_of("/a", token()), lambda *args: chunks.append)
    assert chunks == [b"written"]


class Streamed:
    """A body that says whether it was closed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.is_closed = True


def test_a_body_that_streams_is_passed_on_chunk_by_chunk_and_closed() -> None:
    body = Streamed([b"a", b"b", b"c"])

    def app(environ: Any, start_response: Any) -> Streamed:
        start_response("200 OK", [])
        return body

    streamed: Any = JWTMiddleware(app, settings())(environ_of("/a", token()), lambda *args: print)
    chunks = iter(streamed)
    assert next(chunks) == b"a"
    assert not body.is_closed
    assert [*chunks] == [b"b", b"c"]
    streamed.close()
    assert body.is_closed


def test_a_body_without_close_needs_none() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        return iter([b"a", b"b"])

    assert call(app).body == b"ab"


def test_the_context_variable_holds_while_a_body_streams_and_no_longer() -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for _ in range(2):
            seen.append(current_identity.get())
            yield b"x"

    assert call(app).body == b"xx"
    assert [identity.subject for identity in seen] == ["user_123"] * 2
    assert current_identity.get() is None


def test_the_context_variable_is_as_before_when_a_stream_fails() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x"
        raise LookupError("in the middle")

    with pytest.raises(LookupError, match="in the middle"):
        call(app)
    assert current_identity.get() is None


def test_the_context_variable_is_as_before_when_closing_a_stream_fails() -> None:
    class Unclosable(Streamed):
        def close(self) -> None:
            raise OSError("already gone")

    def app(environ: Any, start_response: Any) -> Streamed:
        start_response("200 OK", [])
        return Unclosable([b"x"])

    with pytest.raises(OSError, match="already gone"):
        call(app)
    assert current_identity.get() is None


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_the_context_variable_is_as_before_when_a_worker_is_interrupted(kind: type[BaseException]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise kind

    def interrupted() -> object:
        with pytest.raises(kind):
            call(app)
        return current_identity.get()

    assert copy_context().run(interrupted) is None


# The refusal cell


def forbidden(reply: Reply) -> bool:
    return reply.status == 403 and reply.members["error"] == "insufficient_permissions"


def test_a_refusal_before_the_response_starts_is_the_documented_answer() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        require(environ, "admin")
        raise AssertionError("require did not raise")

    assert forbidden(call(app))


def test_what_a_framework_makes_of_a_refusal_is_not_sent() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        with pytest.raises(InsufficientPermissions):
            require(environ, "admin")
        write = start_response("500 Oops", [("Content-Type", "text/html")])
        write(b"<h1>")
        return [b"Internal Server Error"]

    assert forbidden(call(app))


def test_a_refusal_in_a_generator_before_its_first_chunk_is_the_documented_answer() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        require(environ, "admin")
        start_response("200 OK", [])
        yield b"secret"

    assert forbidden(call(app))


def test_a_refusal_that_a_generator_swallows_is_the_documented_answer() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        with pytest.raises(InsufficientPermissions):
            require(environ, "admin")
        start_response("200 OK", [])
        yield b"secret"
        yield b"more"

    assert forbidden(call(app))


def test_a_refusal_that_an_empty_generator_swallows_is_the_documented_answer() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        with pytest.raises(InsufficientPermissions):
            require(environ, "admin")
        start_response("200 OK", [])
        yield from ()

    assert forbidden(call(app))


def test_the_body_of_a_refused_generator_is_closed() -> None:
    body = Streamed([b"secret"])

    def app(environ: Any, start_response: Any) -> Streamed:
        with pytest.raises(InsufficientPermissions):
            require(environ, "admin")
        start_response("200 OK", [])
        return body

    assert forbidden(call(app))
    assert body.is_closed


def late(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


LATE = "/v1/events was refused (scope_not_in_token) after its response had started"


def test_a_refusal_after_the_response_started_goes_to_the_server_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        require(environ, "admin")

    with pytest.raises(InsufficientPermissions):
        call(app)
    assert late(caplog) == [LATE]


def test_a_refusal_between_start_response_and_return_goes_to_the_server_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        require(environ, "admin")
        raise AssertionError("require did not raise")

    with pytest.raises(InsufficientPermissions):
        call(app)
    assert late(caplog) == [LATE]


def test_a_late_refusal_that_an_app_swallows_is_logged_once_however_long_the_response(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        with pytest.raises(InsufficientPermissions):
            require(environ, "admin")
        yield from [b"x"] * 50

    assert call(app).body == b"first" + b"x" * 50
    assert late(caplog) == [LATE]


# Misuse


@pytest.mark.parametrize("more", [(), (lambda message: None, "too much")], ids=["one argument", "three arguments"])
def test_calling_the_wsgi_door_as_asgi_names_the_right_import(more: Any) -> None:
    door: Any = JWTMiddleware(_never, settings())
    with pytest.raises(TypeError, match=r"use `from jwt_middleware\.asgi import JWTMiddleware`"):
        door({"type": "http"}, *more)


def test_close_closes_the_stores() -> None:
    closed: list[bool] = []

    class Store:
        def is_revoked(self, *question: Any) -> bool:
            return False

        def close(self) -> None:
            closed.append(True)

    JWTMiddleware(_never, settings(revocations=Store())).close()
    assert closed == [True]


def test_a_layer_of_ones_own_may_send_answers_its_own_way() -> None:
    class Marked(JWTMiddleware):
        def answer(self, environ: Any, start_response: Any, answer: Any) -> Iterable[bytes]:
            marked = answer._replace(headers=(*answer.headers, ("x-marked", "yes")))
            return super().answer(environ, start_response, marked)

    def app(environ: Any, start_response: Any) -> Any:
        require(environ, "admin")

    layer = Marked(app, settings())
    for text, status in ((None, 401), (token(), 403)):
        reply = call_wsgi(layer, environ_of("/a", text))
        assert (reply.status, reply.header("x-marked")) == (status, "yes")
