"""A gamification API in Flask. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    waitress-serve --listen 127.0.0.1:8000 flask_app:app
README.md has a token to try it with.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from flask import Flask, request

from jwt_middleware import JWTSettings
from jwt_middleware.flask import current_identity, protect, requires

TENANTS = Path(__file__).with_name("tenants.toml")

app = Flask(__name__)
protect(app, JWTSettings(str(TENANTS), public=["/healthz"]))

points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/events")
@requires("write")
def events() -> tuple[dict[str, Any], int]:
    me = current_identity
    match request.get_json():
        case {"points": int(points)}:
            points_of[me.tenant_id][me.subject] += points
        case _:
            return {"error": "points is not a whole number"}, 422
    return {"tenant": me.tenant_id, "player": me.subject, "points": points_of[me.tenant_id][me.subject]}, 201


@app.get("/v1/leaderboard")
@requires("read")
def leaderboard() -> dict[str, Any]:
    me = current_identity
    return {"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()}
