"""The demo's API in FastAPI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from jwt_middleware.cli.demo.leaderboard import Leaderboard
from jwt_middleware.fastapi import CurrentIdentity, Requires, protect
from jwt_middleware.settings import JWTSettings


class Event(BaseModel):
    """Something that a player did."""

    event: str
    points: int


def build(settings: JWTSettings) -> FastAPI:
    """A gamification API that tenants' tokens open."""
    app = FastAPI(title="Gamification")
    board = Leaderboard()
    protect(app, settings)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/events", status_code=201, dependencies=[Requires("write")])
    def events(event: Event, me: CurrentIdentity) -> dict[str, Any]:
        total = board.add(me.tenant_id, me.subject, event.points)
        return {"tenant": me.tenant_id, "player": me.subject, "points": total}

    @app.get("/v1/leaderboard", dependencies=[Requires("read")])
    def leaderboard(me: CurrentIdentity) -> dict[str, Any]:
        return {"tenant": me.tenant_id, "players": board.ranking(me.tenant_id)}

    return app
