"""What only one kind of door can show of contract section 4: environ, scope and context variable around a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from jwt_middleware import JWTSettings, current_identity
from jwt_middleware.asgi import JWTMiddleware as ASGIDoor
from jwt_middleware.exchange import Receive, Scope, Send
from jwt_middleware.wsgi import JWTMiddleware as WSGIDoor

from .asgi_doors import app as asgi_app
from .asgi_doors import converse, scope_of
from .row import Request, bearing
from .tenants import TENANTS
from .tokens import GOOD, NOW
from .wsgi_doors import app as wsgi_app
from .wsgi_doors import environ_of, run

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_SETTINGS = JWTSettings(TENANTS, clock=lambda: NOW, public=["/public"], optional=["/optional"])
_ANONYMOUS = [Request(path="/public"), Request(path="/optional"), bearing(GOOD, path="/public")]
_REFUSED = Request(path="/private")


def _environ_seen(request: Request) -> dict[str, Any]:
    """The environ as it reached the app."""
    seen: dict[str, Any] = {}

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.update(environ)
        return wsgi_app(environ, start_response)

    run(WSGIDoor(app, _SETTINGS), environ_of(request))
    return seen


def _scope_seen(given: dict[str, Any]) -> dict[str, Any]:
    """The scope as it reached the app."""
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        await asgi_app(scope, receive, send)

    asyncio.run(converse(ASGIDoor(app, _SETTINGS), given))
    return seen


@pytest.mark.parametrize("path", ["/public", "/optional"])
def test_an_anonymous_environ_has_no_trace_of_a_user(path: str) -> None:
    environ = _environ_seen(Request(path=path, is_forged=True))
    assert environ["jwt_middleware.identity"] is None
    assert environ.keys().isdisjoint({"REMOTE_USER", "AUTH_TYPE"})


def test_an_authenticated_environ_names_the_user() -> None:
    environ = _environ_seen(bearing(GOOD, is_forged=True))
    assert environ["jwt_middleware.identity"].subject == "user_123"
    assert (environ["REMOTE_USER"], environ["AUTH_TYPE"]) == ("acme/user_123", "Bearer")


@pytest.mark.parametrize("request_", _ANONYMOUS)
def test_an_anonymous_scope_has_a_user_who_is_nobody(request_: Request) -> None:
    scope = _scope_seen(scope_of(request_))
    user = scope["user"]
    assert scope["jwt_middleware.identity"] is None
    assert (user.is_authenticated, user.display_name, user.identity) == (False, "", "")
    assert scope["auth"].scopes == []


def test_an_authenticated_scope_keeps_the_contract_of_starlette() -> None:
    scope = _scope_seen(scope_of(bearing(GOOD)))
    user = scope["user"]
    assert (user.is_authenticated, user.display_name, user.identity) == (True, "user_123", "acme/user_123")
    assert [*scope["auth"].scopes] == ["authenticated", "read", "write"]


@pytest.mark.parametrize("request_", [*_ANONYMOUS, bearing(GOOD), bearing(GOOD, is_forged=True)])
def test_the_scope_that_the_server_gave_is_left_alone(request_: Request) -> None:
    given = scope_of(request_)
    _scope_seen(given)
    assert given == scope_of(request_)


@pytest.mark.parametrize("request_", [*_ANONYMOUS, bearing(GOOD), _REFUSED])
def test_the_context_variable_is_as_before_after_a_request(request_: Request) -> None:
    async def ask() -> object:
        before = object()
        current_identity.set(before)  # type: ignore[arg-type]
        door = ASGIDoor(asgi_app, _SETTINGS)
        await door(scope_of(request_), _nothing, _discard)
        return current_identity.get() is before

    run(WSGIDoor(wsgi_app, _SETTINGS), environ_of(request_))
    assert current_identity.get() is None
    assert asyncio.run(ask())


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _discard(message: object) -> None:
    return None
