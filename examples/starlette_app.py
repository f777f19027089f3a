"""A gamification API in Starlette. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    uvicorn starlette_app:app --port 8000
README.md has a token to try it with.
"""

import json
from collections import Counter, defaultdict
from contextlib import suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from jwt_middleware import JWTSettings
from jwt_middleware.starlette import identity, protect, requires

points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@requires("write")
async def events(request: Request) -> JSONResponse:
    me, points = identity(request), points_in(await request.body())
    if points is None:
        return JSONResponse({"error": "points is not a whole number"}, 422)
    points_of[me.tenant_id][me.subject] += points
    total = points_of[me.tenant_id][me.subject]
    return JSONResponse({"tenant": me.tenant_id, "player": me.subject, "points": total}, 201)


def points_in(body: bytes) -> int | None:
    with suppress(ValueError):
        match json.loads(body):
            case {"points": int(points)}:
                return points
    return None


@requires("read")
async def leaderboard(request: Request) -> JSONResponse:
    me = identity(request)
    return JSONResponse({"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()})


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/v1/events", events, methods=["POST"]),
        Route("/v1/leaderboard", leaderboard),
    ]
)
protect(app, JWTSettings("tenants.toml", public=["/healthz"]))
