"""Which page answers which request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jwt_middleware.console.check_page import CheckPage
from jwt_middleware.console.choices import Choices
from jwt_middleware.console.refresh_page import RefreshPage
from jwt_middleware.console.rendering import ASSETS, Pages, assets
from jwt_middleware.console.work import Work
from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable

_log = logging.getLogger("jwt_middleware")

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def routes(pages: Pages, work: Work, choices: Choices, guide: str) -> list[BaseRoute]:
    """Every page. GET changes nothing; what is sent in is sent by POST. `guide` is HTML, for the guide's own page."""
    refresh, check = RefreshPage(pages, work, choices), CheckPage(pages, work)
    return [
        Route("/", _always(lambda: pages.page("index"))),
        Route("/guide", _always(lambda: pages.page("guide", guide=Markup(guide)))),  # noqa: S704 (it escapes itself)
        Route("/refresh/{token}", _by_method(refresh.show, refresh.act), methods=["GET", "POST"]),
        Route("/check", _by_method(check.show, check.act), methods=["GET", "POST"]),
        *(Route(f"/static/{name}", _file(content, ASSETS[name])) for name, content in assets().items()),
    ]


def failures(pages: Pages) -> Mapping[Any, Callable[[Request, Any], Awaitable[Response]]]:
    """The page for each exception that is expected."""

    async def for_status(_: Request, error: HTTPException) -> Response:
        answer = pages.failure(error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    async def for_stores(_: Request, error: Exception) -> Response:
        _log.warning("console: the stores cannot answer: %s", error)
        return pages.failure(503)

    return {HTTPException: for_status, TemporarilyUnavailable: for_stores, ConfigurationError: for_stores}


def _by_method(show: Endpoint, act: Endpoint) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await (act if request.method == "POST" else show)(request)

    return endpoint


def _always(answer: Callable[[], Response]) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        return answer()

    return endpoint


def _file(content: bytes, media_type: str) -> Endpoint:
    return _always(lambda: Response(content, media_type=media_type))
