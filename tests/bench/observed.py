"""Our door with metrics, around the same apps as without: what observing costs is the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from jwt_middleware import JWTSettings, Key, Tenant
from jwt_middleware.asgi import JWTMiddleware as ASGIMiddleware
from jwt_middleware.metrics import Metrics
from jwt_middleware.wsgi import JWTMiddleware as WSGIMiddleware

from . import tokens

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

METRICS = "ours: JWTMiddleware with Metrics()"
LIMIT = 2.0
"""Microseconds that metrics may add to a request."""


def settings() -> JWTSettings:
    """As `core.settings`, with metrics in a registry of their own."""
    tenant = Tenant(tokens.TENANT, keys=[Key.secret(tokens.SECRET)], applications=[tokens.APPLICATION])
    return JWTSettings([tenant], observers=[Metrics(CollectorRegistry())])


def asgi(app: Any) -> ASGIMiddleware:
    """The ASGI door with metrics."""
    return ASGIMiddleware(app, settings())


def wsgi(app: WSGIApplication) -> WSGIMiddleware:
    """The WSGI door with metrics."""
    return WSGIMiddleware(app, settings())
