"""What an app may do wrong behind a bare door, in frameworks that have their own ideas about exceptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from jwt_middleware import current_identity
from jwt_middleware.asgi import JWTMiddleware as ASGIDoor
from jwt_middleware.wsgi import JWTMiddleware as WSGIDoor
from tests.unit.calling import Reply, call_wsgi, environ_of, scope_of
from tests.unit.making import settings, token

from . import misbehaving
from .misbehaving import ASKS, CHUNKS, HIDES, OPEN, RAISES, STREAMS, Chunks


@contextmanager
def nobody_remembered() -> Iterator[None]:
    """However a request ends, the context variable is then as before."""
    try:
        yield
    finally:
        assert current_identity.get() is None


class Framework(NamedTuple):
    build: Callable[[], Any]
    is_async: bool

    def protected(self) -> Any:
        """The API behind the door."""
        door: Any = ASGIDoor if self.is_async else WSGIDoor
        return door(self.build(), settings(public=[OPEN]))

    def ask(self, app: Any, path: str, text: str | None = None) -> Reply:
        """What the app, protected or not, answers."""
        if self.is_async:
            return asyncio.run(ASGIServer().ask(app, path, text))
        environ = environ_of(path, text)
        with nobody_remembered():
            reply = call_wsgi(app, environ)
        logging.getLogger("server").error(environ["wsgi.errors"].getvalue())
        return reply


class ASGIServer:
    """Serves one request. After so many messages its client leaves: then sending raises, as ASGI has it since 2.4."""

    def __init__(self, leaves_after: int = 1_000) -> None:
        self._leaves_after = leaves_after
        self._was_read = False
        self._has_left = asyncio.Event()
        self.sent: list[MutableMapping[str, Any]] = []

    async def ask(self, app: Any, path: str, text: str | None = None) -> Reply:
        with nobody_remembered():
            await app({**scope_of(path, text), "state": {}}, self._receive, self._send)
        start, *chunks = self.sent
        return Reply(start["status"], (), b"".join(chunk.get("body", b"") for chunk in chunks))

    async def _receive(self) -> dict[str, Any]:
        if self._was_read:
            await self._has_left.wait()
            return {"type": "http.disconnect"}
        self._was_read = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)
        if len(self.sent) > self._leaves_after:
            self._has_left.set()
            raise OSError("the client has left")
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._has_left.set()


FRAMEWORKS = {
    "pyramid": Framework(misbehaving.pyramid, False),
    "falcon-wsgi": Framework(misbehaving.falcon_wsgi, False),
    "falcon-asgi": Framework(misbehaving.falcon_asgi, True),
    "litestar": Framework(misbehaving.litestar, True),
}


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> Framework:
    Chunks.ended.clear()
    return FRAMEWORKS[request.param]


@pytest.fixture(params=["pyramid", "falcon-wsgi"])
def wsgi_framework(request: pytest.FixtureRequest) -> Framework:
    Chunks.ended.clear()
    return FRAMEWORKS[request.param]


@pytest.fixture(params=["falcon-asgi", "litestar"])
def asgi_framework(request: pytest.FixtureRequest) -> Framework:
    return FRAMEWORKS[request.param]


def outcome(ask: Callable[[], Reply]) -> object:
    """The answer, or the exception that the server gets."""
    try:
        return ask()
    except Exception as raised:
        return repr(raised)


def test_what_becomes_of_an_exception_is_up_to_the_framework(framework: Framework) -> None:
    bare = outcome(lambda: framework.ask(framework.build(), RAISES))
    assert outcome(lambda: framework.ask(framework.protected(), RAISES, token())) == bare


def test_a_refusal_that_a_view_hides_is_answered_as_documented(framework: Framework) -> None:
    reply = framework.ask(framework.protected(), HIDES, token())
    assert (reply.status, reply.members["required_scope"]) == (403, ["admin"])


def test_a_view_that_asks_for_an_identity_gets_it(framework: Framework) -> None:
    assert framework.ask(framework.protected(), ASKS, token()).body == b"user_123"


def test_asking_for_an_identity_on_a_public_path_is_named_as_a_mistake(
    framework: Framework, caplog: pytest.LogCaptureFixture
) -> None:
    told = f"{outcome(lambda: framework.ask(framework.protected(), OPEN, token()))} {caplog.text}"
    assert "GET /open asks for an identity, but its path is public" in told
    assert "user_123" not in told


def test_a_stream_is_served_with_its_identity_to_its_end(framework: Framework) -> None:
    assert framework.ask(framework.protected(), STREAMS, token()).body == b"user_123" * CHUNKS
    assert Chunks.ended == ["user_123"]


def test_a_stream_whose_client_has_left_is_closed_with_its_identity(wsgi_framework: Framework) -> None:
    with nobody_remembered():
        body = wsgi_framework.protected()(environ_of(STREAMS, token()), lambda status, headers, exc_info=None: None)
        assert next(iter(body)) == b"user_123"
        body.close()
    assert Chunks.ended == ["user_123"]


@pytest.mark.parametrize("leaves_after", range(CHUNKS))
@pytest.mark.parametrize("path", [STREAMS, RAISES])
def test_what_is_sent_after_the_client_has_left_is_up_to_the_framework(
    asgi_framework: Framework, path: str, leaves_after: int
) -> None:
    def ask(app: Any) -> object:
        server = ASGIServer(leaves_after)
        return outcome(lambda: asyncio.run(server.ask(app, path, token()))), [
            message["type"] for message in server.sent
        ]

    assert ask(asgi_framework.protected()) == ask(asgi_framework.build())


def test_a_refusal_is_tried_once_where_the_client_has_left_and_nothing_else_is(asgi_framework: Framework) -> None:
    server = ASGIServer(leaves_after=0)
    outcome(lambda: asyncio.run(server.ask(asgi_framework.protected(), HIDES, token())))
    assert [(message["type"], message["status"]) for message in server.sent] == [("http.response.start", 403)]
