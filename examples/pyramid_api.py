"""A gamification API in Pyramid. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    waitress-serve --listen 127.0.0.1:8000 pyramid_api:app
README.md has a token to try it with.
"""

import json
from collections import Counter, defaultdict
from contextlib import suppress

from pyramid.config import Configurator
from pyramid.request import Request

from jwt_middleware import Identity, JWTSettings
from jwt_middleware.wsgi import JWTMiddleware, admission_of

points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


class TokenSecurityPolicy:
    def identity(self, request: Request) -> Identity:
        return admission_of(request.environ).require()

    def permits(self, request: Request, context: object, permission: str) -> bool:
        return admission_of(request.environ).require([permission]) is not None


def events(request: Request) -> dict[str, object]:
    me, points = request.identity, points_in(request.body)
    if points is None:
        request.response.status = 422
        return {"error": "points is not a whole number"}
    points_of[me.tenant_id][me.subject] += points
    request.response.status = 201
    return {"tenant": me.tenant_id, "player": me.subject, "points": points_of[me.tenant_id][me.subject]}


def points_in(body: bytes) -> int | None:
    with suppress(ValueError):
        match json.loads(body):
            case {"points": int(points)}:
                return points
    return None


def leaderboard(request: Request) -> dict[str, object]:
    return {"tenant": request.identity.tenant_id, "players": points_of[request.identity.tenant_id].most_common()}


healthz = ("/healthz", lambda request: {"status": "ok"}, None)
with Configurator() as config:
    config.set_security_policy(TokenSecurityPolicy())
    for path, view, scope in (healthz, ("/v1/events", events, "write"), ("/v1/leaderboard", leaderboard, "read")):
        config.add_route(path, path)
        config.add_view(view, route_name=path, permission=scope, renderer="json")
    app = JWTMiddleware(config.make_wsgi_app(), JWTSettings("tenants.toml", public=["/healthz"]))
