"""One API in each framework without an adapter, whose views raise, stream, hide refusals and ask in the wrong place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import falcon
import falcon.asgi
from litestar import Litestar, get
from litestar import Request as LitestarRequest
from litestar.response import Stream
from pyramid.config import Configurator
from pyramid.response import Response

from jwt_middleware import AuthenticationError, current_identity
from jwt_middleware.admission import admission_of

RAISES, STREAMS, ASKS, HIDES = "/v1/raises", "/v1/streams", "/v1/asks", "/v1/hides"
OPEN: Final = "/open"
"""Asks for the identity where the settings say that nobody looks at tokens."""
CHUNKS: Final = 3

_View: TypeAlias = Callable[[object], str]
"""Takes scope or environ."""


def _raise(carrier: object) -> str:
    raise LookupError("broken")


def _hide(carrier: object) -> str:
    try:
        admission_of(carrier).require(["admin"])
    except AuthenticationError:
        return "secret"
    raise AssertionError("let in")


def _ask(carrier: object) -> str:
    return admission_of(carrier).require().subject


_VIEWS: Final[Mapping[str, _View]] = {RAISES: _raise, HIDES: _hide, ASKS: _ask, OPEN: _ask}


class Chunks:
    """A stream that says in every chunk whom a log filter would name, and knows when it has ended."""

    ended: Final[list[str]] = []

    def __iter__(self) -> Iterator[bytes]:
        try:
            for _ in range(CHUNKS):
                yield _named().encode()
        finally:
            self.ended.append(_named())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def _named() -> str:
    identity = current_identity.get()
    return "nobody" if identity is None else identity.subject


def pyramid() -> Any:
    """The API in Pyramid."""

    def view(answer: _View) -> Callable[[Any], Response]:
        return lambda request: Response(answer(request.environ).encode())

    views = {path: view(answer) for path, answer in _VIEWS.items()}
    with Configurator() as config:
        for path, answering in {**views, STREAMS: lambda request: Response(app_iter=iter(Chunks()))}.items():
            config.add_route(path, path)
            config.add_view(answering, route_name=path)
        return config.make_wsgi_app()


class _Resource:
    def __init__(self, answer: _View) -> None:
        self._answer = answer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = self._answer(req.env)


class _Streaming:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.stream = iter(Chunks())


class _AsyncResource(_Resource):
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:  # type: ignore[override]
        resp.text = self._answer(req.scope)


class _AsyncStreaming:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.stream = aiter(Chunks())


def falcon_wsgi() -> Any:
    """The API in Falcon for WSGI."""
    app = falcon.App()
    for path, answer in _VIEWS.items():
        app.add_route(path, _Resource(answer))
    app.add_route(STREAMS, _Streaming())
    return app


def falcon_asgi() -> Any:
    """The API in Falcon for ASGI."""
    app = falcon.asgi.App()
    for path, answer in _VIEWS.items():
        app.add_route(path, _AsyncResource(answer))
    app.add_route(STREAMS, _AsyncStreaming())
    return app


def litestar() -> Any:
    """The API in Litestar."""

    def view(path: str, answer: _View) -> Any:
        async def answering(request: LitestarRequest[Any, Any, Any]) -> str:
            return answer(request.scope)

        return get(path)(answering)

    @get(STREAMS)
    async def streams() -> Stream:
        return Stream(Chunks())

    views = [view(path, answer) for path, answer in _VIEWS.items()]
    return Litestar([*views, streams], debug=True, logging_config=None, openapi_config=None)
