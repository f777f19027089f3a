"""A gamification API in Litestar. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    uvicorn litestar_api:app --port 8000
README.md has a token to try it with.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Request, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody

from jwt_middleware import Identity, JWTSettings
from jwt_middleware.asgi import JWTMiddleware, admission_of

points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


@dataclass
class Event:
    event: str
    points: int


def requires(*scopes: str) -> Callable[..., Any]:
    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: object) -> None:
        admission_of(connection.scope).require(scopes)

    return guard


def caller(request: Request[Any, Any, Any]) -> Identity:
    return admission_of(request.scope).require()


@get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@post("/v1/events", guards=[requires("write")])
async def events(data: JSONBody[Event], me: NamedDependency[Identity]) -> dict[str, Any]:
    points_of[me.tenant_id][me.subject] += data.points
    return {"tenant": me.tenant_id, "player": me.subject, "points": points_of[me.tenant_id][me.subject]}


@get("/v1/leaderboard", guards=[requires("read")])
async def leaderboard(me: NamedDependency[Identity]) -> dict[str, Any]:
    return {"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()}


api = Litestar([healthz, events, leaderboard], dependencies={"me": Provide(caller, sync_to_thread=False)})
app = JWTMiddleware(api, JWTSettings("tenants.toml", public=["/healthz"]))
