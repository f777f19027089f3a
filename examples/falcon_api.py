"""A gamification API in Falcon. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    waitress-serve --listen 127.0.0.1:8000 falcon_api:app
README.md has a token to try it with.
"""

from collections import Counter, defaultdict

import falcon
from falcon import Request, Response

from jwt_middleware import AuthenticationError, JWTSettings
from jwt_middleware.wsgi import JWTMiddleware, admission_of

points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


def requires(req: Request, resp: Response, resource: object, params: object, *scopes: str) -> None:
    req.context.identity = admission_of(req.env).require(scopes)


def refuse(req: Request, resp: Response, refusal: AuthenticationError, params: object) -> None:
    admission_of(req.env).refusal = refusal  # the middleware answers; Falcon has nothing to report


class Health:
    def on_get(self, req: Request, resp: Response) -> None:
        resp.media = {"status": "ok"}


class Events:
    @falcon.before(requires, "write")
    def on_post(self, req: Request, resp: Response) -> None:
        me = req.context.identity
        match req.get_media():
            case {"points": int(points)}:
                points_of[me.tenant_id][me.subject] += points
            case _:
                raise falcon.HTTPUnprocessableEntity(title="points is not a whole number")
        resp.status = falcon.HTTP_201
        resp.media = {"tenant": me.tenant_id, "player": me.subject, "points": points_of[me.tenant_id][me.subject]}


class Leaderboard:
    @falcon.before(requires, "read")
    def on_get(self, req: Request, resp: Response) -> None:
        me = req.context.identity
        resp.media = {"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()}


api = falcon.App()
api.add_error_handler(AuthenticationError, refuse)
api.add_route("/healthz", Health())
api.add_route("/v1/events", Events())
api.add_route("/v1/leaderboard", Leaderboard())
app = JWTMiddleware(api, JWTSettings("tenants.toml", public=["/healthz"]))
