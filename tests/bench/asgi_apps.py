"""No-op ASGI apps, bare and behind every way of checking a token that is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from litestar import Litestar, get
from litestar.connection import ASGIConnection
from litestar.security.jwt import JWTAuth, Token
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    BaseUser,
    SimpleUser,
)
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from jwt_middleware.asgi import JWTMiddleware
from jwt_middleware.fastapi import CurrentIdentity
from jwt_middleware.fastapi import protect as protect_fastapi
from jwt_middleware.starlette import protect as protect_starlette

from . import observed, tokens
from .core import jwt_decode, settings
from .driving import PATH, ASGIApp, Receive, Send

START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b""}
REFUSAL = {"type": "http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Bearer")]}


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """The least that an app can answer."""
    await send(START)
    await send(BODY)


class JWTDecodeMiddleware:
    """A pure ASGI middleware around jwt.decode, as one would write it on a good day."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            claims = jwt_decode(_bearer(scope["headers"]))
        except jwt.PyJWTError:
            await send(REFUSAL)
            await send(BODY)
        else:
            scope["claims"] = claims
            await self.app(scope, receive, send)


class JWTDecodeBackend(AuthenticationBackend):
    """What Starlette's AuthenticationMiddleware asks for each request."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        scheme, _, token = conn.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = jwt_decode(token)
        except jwt.PyJWTError as error:
            raise AuthenticationError("invalid token") from error
        return AuthCredentials(claims["scope"]), SimpleUser(claims["sub"])


def starlette() -> Starlette:
    """A Starlette app whose only route does nothing."""

    async def events(request: Request) -> Response:
        return Response()

    return Starlette(routes=[Route(PATH, events)])


def starlette_backend() -> Starlette:
    """The same with Starlette's own middleware."""
    app = starlette()
    app.user_middleware.append(Middleware(AuthenticationMiddleware, backend=JWTDecodeBackend()))
    return app


def starlette_ours() -> Starlette:
    """The same, protected by our adapter."""
    app = starlette()
    protect_starlette(app, settings())
    return app


def fastapi() -> FastAPI:
    """A FastAPI app whose only route does nothing."""
    app = FastAPI()

    @app.get(PATH)
    async def events() -> Response:
        return Response()

    return app


async def bearer_subject(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    """The subject, as a FastAPI dependency; async, because FastAPI calls a plain one in a thread."""
    try:
        return str(jwt_decode(credentials.credentials)["sub"])
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error


def fastapi_bearer() -> FastAPI:
    """The same with FastAPI's own HTTPBearer."""
    app = FastAPI()

    @app.get(PATH)
    async def events(user: Annotated[str, Depends(bearer_subject)]) -> Response:
        return Response()

    return app


def fastapi_ours() -> FastAPI:
    """The same, protected by our adapter; the view asks for no identity."""
    app = fastapi()
    protect_fastapi(app, settings())
    return app


def fastapi_ours_identity() -> FastAPI:
    """The same, and the view asks for the identity, which is what Depends(HTTPBearer) gives too."""
    app = FastAPI()

    @app.get(PATH)
    async def events(me: CurrentIdentity) -> Response:
        return Response()

    protect_fastapi(app, settings())
    return app


def litestar(**options: Any) -> Litestar:
    """A Litestar app whose only route does nothing."""

    @get(PATH)
    async def events() -> None:
        return None

    return Litestar([events], openapi_config=None, logging_config=None, **options)


def litestar_jwt() -> Litestar:
    """The same with Litestar's JWTAuth."""
    auth = JWTAuth[str](
        retrieve_user_handler=_subject,
        token_secret=tokens.SECRET,
        accepted_audiences=[tokens.APPLICATION],
        accepted_issuers=[tokens.TENANT],
        require_claims=tokens.REQUIRED,
    )
    return litestar(on_app_init=[auth.on_app_init])


def apps() -> dict[tuple[str, str], ASGIApp]:
    """Every app, by what it is written with and what guards it; an empty guard is the app without one."""
    return {
        **_guarded("ASGI", plain),
        ("ASGI", observed.METRICS): observed.asgi(plain),
        **_guarded("Starlette", starlette()),
        ("Starlette", "ours: protect"): starlette_ours(),
        ("Starlette", "AuthenticationMiddleware + jwt.decode"): starlette_backend(),
        **_guarded("FastAPI", fastapi()),
        ("FastAPI", "ours: protect"): fastapi_ours(),
        ("FastAPI", "ours: protect, CurrentIdentity"): fastapi_ours_identity(),
        ("FastAPI", "Depends(HTTPBearer) + jwt.decode"): fastapi_bearer(),
        **_guarded("Litestar", litestar()),
        ("Litestar", "JWTAuth"): litestar_jwt(),
    }


def _guarded(stack: str, app: Any) -> dict[tuple[str, str], ASGIApp]:
    """The app alone, behind our door, and behind the middleware around jwt.decode."""
    guards: dict[str, Callable[[], ASGIApp]] = {
        "": lambda: app,
        "ours: JWTMiddleware": lambda: JWTMiddleware(app, settings()),
        "middleware around jwt.decode": lambda: JWTDecodeMiddleware(app),
    }
    return {(stack, guard): build() for guard, build in guards.items()}


async def _subject(token: Token, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    return token.sub


def _bearer(headers: list[tuple[bytes, bytes]]) -> str:
    """The token in the Authorization field; an empty text, which no token is, where there is none."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token if scheme.lower() == "bearer" else ""
    return ""
