"""A gamification API without a framework, in ASGI. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    uvicorn plain_asgi:app --lifespan off --port 8000
README.md has a token to try it with.
"""

import json
import os
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any

from jwt_middleware import Identity, JWTSettings, Key, Rule, Tenant
from jwt_middleware.asgi import JWTMiddleware

acme = Tenant("acme", keys=[Key.secret(os.environ["ACME_SECRET"])], applications=["quest"])
rules = [Rule("/v1/events", scopes=["write"]), Rule("/v1/leaderboard", scopes=["read"])]
points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


async def api(scope: Any, receive: Any, send: Any) -> None:
    status, answer = route(scope, await body(receive))
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def body(receive: Any) -> bytes:
    message: dict[str, Any] = await receive()
    more = await body(receive) if message.get("more_body") else b""
    return bytes(message.get("body", b"")) + more


def route(scope: Any, body: bytes) -> tuple[int, dict[str, Any]]:
    me: Identity | None = scope["jwt_middleware.identity"]
    match scope["method"], scope["path"]:
        case "GET", "/healthz":
            return 200, {"status": "ok"}
        case "POST", "/v1/events" if me is not None:
            if (points := points_in(body)) is None:
                return 422, {"error": "points is not a whole number"}
            points_of[me.tenant_id][me.subject] += points
            total = points_of[me.tenant_id][me.subject]
            return 201, {"tenant": me.tenant_id, "player": me.subject, "points": total}
        case "GET", "/v1/leaderboard" if me is not None:
            return 200, {"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()}
    return 404, {"error": "not_found"}


def points_in(body: bytes) -> int | None:
    with suppress(ValueError):
        match json.loads(body):
            case {"points": int(points)}:
                return points
    return None


app = JWTMiddleware(api, JWTSettings([acme], public=["/healthz"], rules=rules))
