"""`jwt_middleware.django` in INSTALLED_APPS: system checks."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class JWTMiddlewareConfig(AppConfig):
    """Registers the system checks. It has no models."""

    name = "jwt_middleware.django"
    label = "jwt_middleware"
    verbose_name = "JWT middleware"

    def ready(self) -> None:
        """Called by Django when every app is loaded."""
        import_module("jwt_middleware.django.checks")
