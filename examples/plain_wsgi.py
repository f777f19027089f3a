"""A gamification API without a framework, in WSGI. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    python plain_wsgi.py 8000
README.md has a token to try it with.
"""

import json
import os
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import make_server

from jwt_middleware import Identity, JWTSettings, Key, Rule, Tenant
from jwt_middleware.wsgi import JWTMiddleware

acme = Tenant("acme", keys=[Key.secret(os.environ["ACME_SECRET"])], applications=["quest"])
rules = [Rule("/v1/events", scopes=["write"]), Rule("/v1/leaderboard", scopes=["read"])]
points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


def api(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    status, answer = route(environ)
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def route(environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    me: Identity | None = environ["jwt_middleware.identity"]
    match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
        case "GET", "/healthz":
            return "200 OK", {"status": "ok"}
        case "POST", "/v1/events" if me is not None:
            points = points_in(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
            if points is None:
                return "422 Unprocessable Content", {"error": "points is not a whole number"}
            points_of[me.tenant_id][me.subject] += points
            total = points_of[me.tenant_id][me.subject]
            return "201 Created", {"tenant": me.tenant_id, "player": me.subject, "points": total}
        case "GET", "/v1/leaderboard" if me is not None:
            return "200 OK", {"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()}
    return "404 Not Found", {"error": "not_found"}


def points_in(body: bytes) -> int | None:
    with suppress(ValueError):
        match json.loads(body):
            case {"points": int(points)}:
                return points
    return None


if __name__ == "__main__":
    app = JWTMiddleware(api, JWTSettings([acme], public=["/healthz"], rules=rules))
    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
