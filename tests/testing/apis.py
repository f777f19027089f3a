"""The small API of the framework tests, protected when it was built, with each framework's own test client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import webtest
from django.test import AsyncClient, Client
from starlette.requests import Request
from starlette.responses import JSONResponse

import jwt_middleware.fastapi
import jwt_middleware.flask
import jwt_middleware.starlette
from jwt_middleware import JWTSettings, asgi, wsgi
from tests.frameworks import django_api, fastapi_api, flask_api, starlette_api, world
from tests.frameworks.world import Client as Sender
from tests.frameworks.world import Reply


class Api(NamedTuple):
    """An app as its tests find it, and what calls it."""

    app: Any
    call: Sender


def _seen(identity: Any) -> dict[str, Any]:
    known = identity is not None
    return {"tenant": identity.tenant_id, "user": identity.subject} if known else {"user": None}


def _wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(_seen(environ["jwt_middleware.identity"])).encode()]


async def _asgi_app(scope: Any, receive: Any, send: Any) -> None:
    request = Request(scope, receive)
    await JSONResponse(_seen(request.scope["jwt_middleware.identity"]))(scope, receive, send)


def _webtest(app: Any) -> Sender:
    client = webtest.TestApp(app)

    def send(method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        sent = world.authorized(token, headers)
        response = client.request(path, method=method, headers=sent, expect_errors=True)
        return Reply(
            response.status_int, {name.lower(): value for name, value in response.headers.items()}, response.body
        )

    return send


def wsgi_api(settings: JWTSettings) -> Api:
    app = wsgi.JWTMiddleware(_wsgi_app, settings)
    return Api(app, _webtest(app))


def asgi_api(settings: JWTSettings) -> Api:
    app = asgi.JWTMiddleware(_asgi_app, settings)
    return Api(app, starlette_api.client(app))


def flask(settings: JWTSettings) -> Api:
    app = flask_api.build()
    jwt_middleware.flask.protect(app, settings)
    return Api(app, flask_api.client(app))


def starlette(settings: JWTSettings) -> Api:
    app = starlette_api.build()
    jwt_middleware.starlette.protect(app, settings)
    return Api(app, starlette_api.client(app))


def fastapi(settings: JWTSettings) -> Api:
    app = fastapi_api.build()
    jwt_middleware.fastapi.protect(app, settings)
    return Api(app, fastapi_api.client(app))


@contextmanager
def django(settings: JWTSettings) -> Iterator[Api]:
    """The project: there is but one in a process, so that it is configured for as long as a test needs it."""
    client = Client()

    def send(method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        return django_api.reply_of(client.generic(method, path, headers=world.authorized(token, headers)))

    with django_api.configured(settings):
        yield Api(client, send)


@contextmanager
def django_async(settings: JWTSettings) -> Iterator[Api]:
    client = AsyncClient()

    async def ask(method: str, path: str, headers: dict[str, str]) -> Reply:
        return django_api.reply_of(await client.generic(method, path, headers=headers))

    def send(method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        return asyncio.run(ask(method, path, world.authorized(token, headers)))

    with django_api.configured(settings):
        yield Api(client, send)


BUILD: dict[str, Callable[[JWTSettings], AbstractContextManager[Api]]] = {
    "wsgi": lambda settings: nullcontext(wsgi_api(settings)),
    "asgi": lambda settings: nullcontext(asgi_api(settings)),
    "flask": lambda settings: nullcontext(flask(settings)),
    "starlette": lambda settings: nullcontext(starlette(settings)),
    "fastapi": lambda settings: nullcontext(fastapi(settings)),
    "django": django,
    "django, async": django_async,
}
