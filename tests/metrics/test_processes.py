"""Real workers of a real server count together, and what one has counted outlives it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from ..servers.process import running
from ..servers.wire import converse
from ..unit.making import token
from .scraping import Scraped, scraped, value

REQUESTS: Final = "jwt_middleware_requests_total"
SECONDS: Final = "jwt_middleware_verification_seconds"
APP: Final = """
import os, time
from jwt_middleware import JWTSettings
from jwt_middleware.metrics import Metrics
from jwt_middleware.wsgi import JWTMiddleware
from tests.servers.served import telling_in_wsgi
from tests.unit.making import settings

def serve(environ, start_response):
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    time.sleep(0.02)  # for the other worker to take the next request
    return [body]

app = telling_in_wsgi(JWTMiddleware(serve, settings(observers=[Metrics(tenants=True)], public=["/healthz"])))
"""
GUNICORN: Final = "gunicorn --workers 2 --bind 127.0.0.1:8000 app:app"


def counted(folder: Path) -> Scraped:
    """What any process that sees the directory can serve."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return scraped(registry)


def ask(port: int, text: str | None) -> str:
    """The number of the worker that let this token in, or ""."""
    field = "" if text is None else f"Authorization: Bearer {text}\r\n"
    request = f"GET /a HTTP/1.1\r\nHost: api.example\r\n{field}Connection: close\r\n\r\n"
    [reply] = converse(port, [(request.encode(), ["GET"])]).replies
    return reply.body.decode() if reply.status == 200 else ""


def test_workers_count_together_and_are_remembered(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    with running(GUNICORN, APP, tmp_path, {"PROMETHEUS_MULTIPROC_DIR": str(folder)}) as server:
        accepted, workers = 0, set[str]()
        deadline = time.monotonic() + 30
        while len(workers) < 2 and time.monotonic() < deadline:
            workers.add(ask(server.port, token()))
            accepted += 1
        assert len(workers) == 2
        ask(server.port, None)
        assert value(counted(folder), REQUESTS, outcome="accepted", tenant="acme") == accepted
        assert value(counted(folder), REQUESTS, reason="no_credentials", tenant="") == 1
        assert value(counted(folder), f"{SECONDS}_count", tenant_from="memory", signature="verified") == accepted
        os.kill(int(workers.pop()), signal.SIGKILL)
        ask(server.port, token())
        assert value(counted(folder), REQUESTS, outcome="accepted") == accepted + 1
