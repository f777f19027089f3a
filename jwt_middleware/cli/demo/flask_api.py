"""The demo's API in Flask."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from jwt_middleware.cli.demo.leaderboard import Leaderboard
from jwt_middleware.flask import current_identity, protect, requires
from jwt_middleware.settings import JWTSettings


def build(settings: JWTSettings) -> Flask:
    """A gamification API that tenants' tokens open."""
    app = Flask(__name__)
    board = Leaderboard()
    protect(app, settings)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/events")
    @requires("write")
    def events() -> tuple[dict[str, Any], int]:
        match request.get_json():
            case {"points": int(points)}:
                total = board.add(current_identity.tenant_id, current_identity.subject, points)
            case _:
                return {"error": "points is not a whole number"}, 422
        return {"tenant": current_identity.tenant_id, "player": current_identity.subject, "points": total}, 201

    @app.get("/v1/leaderboard")
    @requires("read")
    def leaderboard() -> dict[str, Any]:
        return {"tenant": current_identity.tenant_id, "players": board.ranking(current_identity.tenant_id)}

    return app
