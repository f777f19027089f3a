"""A gamification API in FastAPI. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    uvicorn fastapi_app:app --port 8000
README.md has a token to try it with.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from jwt_middleware import JWTSettings
from jwt_middleware.fastapi import CurrentIdentity, Requires, protect

TENANTS = Path(__file__).with_name("tenants.toml")

app = FastAPI(title="Gamification")
protect(app, JWTSettings(str(TENANTS), public=["/healthz", "/docs", "/openapi.json"]))

points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


class Event(BaseModel):
    event: str
    points: int


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/events", status_code=201, dependencies=[Requires("write")])
def events(event: Event, me: CurrentIdentity) -> dict[str, Any]:
    points_of[me.tenant_id][me.subject] += event.points
    return {"tenant": me.tenant_id, "player": me.subject, "points": points_of[me.tenant_id][me.subject]}


@app.get("/v1/leaderboard", dependencies=[Requires("read")])
def leaderboard(me: CurrentIdentity) -> dict[str, Any]:
    return {"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()}
