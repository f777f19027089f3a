"""An app that is loaded before the workers are forked, and has used its database and its Redis by then."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Pool, event

from jwt_middleware import CachedTenants, JWTSettings
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.wsgi import JWTMiddleware

from .served import telling_in_wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STORE_TIMEOUT: Final = 10
"""Seconds. This is not about time limits, and the machine may be busy."""
CONNECTED: Final = "connected-"
SECONDS_OF_A_VIEW: Final = 0.2
"""Long enough for the other worker to take the next request."""


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Says which tenant it sees."""
    identity = environ["jwt_middleware.identity"]
    body = b"nobody" if identity is None else identity.tenant_id.encode()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(SECONDS_OF_A_VIEW)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def preloaded() -> WSGIApplication:
    """The app behind the door, after one good request. Who connects to the database leaves a note."""
    folder = Path(os.environ["SERVED_FOLDER"])
    event.listen(Pool, "connect", lambda *_: (folder / f"{CONNECTED}{os.getpid()}").touch())
    tenants = SQLTenants(os.environ["SERVED_DATABASE"], store_in_clear=True, store_timeout=STORE_TIMEOUT)
    revocations = RedisRevocations(os.environ["SERVED_REDIS"], store_timeout=STORE_TIMEOUT)
    cached = CachedTenants(tenants, ttl=0.05, negative_ttl=0.05, stale_if_error=0, store_timeout=STORE_TIMEOUT)
    settings = JWTSettings(cached, revocations=revocations, store_timeout=STORE_TIMEOUT, public=["/healthz"])
    door = JWTMiddleware(app, settings)
    assert door.gate.authenticator.authenticate(os.environ["SERVED_TOKEN"]).tenant_id == "first"
    return telling_in_wsgi(door)
