"""The API in FastAPI."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI

from jwt_middleware import Identity, InsufficientPermissions, JWTSettings
from jwt_middleware.fastapi import CurrentIdentity, OptionalIdentity, Requires, protect
from tests.frameworks import world
from tests.frameworks.starlette_api import client
from tests.frameworks.world import Client

__all__ = ["build", "client", "serve"]


def me(me: CurrentIdentity) -> dict[str, str]:
    return {"tenant": me.tenant_id, "user": me.subject}


def maybe(who: OptionalIdentity) -> dict[str, Any]:
    return {"user": None if who is None else who.subject}


def events(me: Identity = Requires("write")) -> dict[str, str]:  # noqa: B008
    return {"tenant": me.tenant_id, "user": me.subject}


async def audit(me: Annotated[Identity, Requires("audit")]) -> dict[str, str]:
    return {"tenant": me.tenant_id, "user": me.subject}


def raised() -> None:
    raise InsufficientPermissions(["audit"])


async def swallowed(me: CurrentIdentity) -> dict[str, str]:
    return {"secret": "for auditors"}


def health() -> dict[str, bool]:
    return {"up": True}


def build() -> FastAPI:
    """The API, not protected."""
    app = FastAPI()
    for path, view in ((world.HEALTH, health), (world.ME, me), (world.MAYBE, maybe)):
        app.get(path)(view)
    app.post(world.EVENTS)(events)
    app.api_route(world.AUDIT, methods=["GET", "HEAD"])(audit)
    for path in (world.MAYBE_ME, world.OPEN_ME, world.RULED):
        app.get(path)(me)
    app.get(world.RAISED)(raised)
    auditors = APIRouter(dependencies=[Requires("audit")])
    auditors.get(world.SWALLOWED)(swallowed)
    app.include_router(auditors)
    app.api_route(world.PREFLIGHT, methods=["GET", "OPTIONS"], dependencies=[Requires()])(health)
    return app


def serve(settings: JWTSettings) -> Client:
    """The API, protected."""
    app = build()
    protect(app, settings)
    return client(app)
