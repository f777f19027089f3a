"""A no-op Django project, bare, behind our WSGI door, and with our middleware among its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django
from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import ResolverMatch

from jwt_middleware.wsgi import JWTMiddleware

from .core import settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Handler(WSGIHandler):
    """Knows its one view, whatever else the process has configured."""

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        return ResolverMatch(_answer, (), {})


def apps() -> dict[tuple[str, str], WSGIApplication]:
    """The project, by what guards it."""
    if not django_settings.configured:
        django_settings.configure(ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None, ROOT_URLCONF=__name__)
        django.setup()
    bare = _handler([])
    return {
        ("Django", ""): bare,
        ("Django", "ours: JWTMiddleware"): JWTMiddleware(bare, settings()),
        ("Django", "ours: protect"): _handler(["jwt_middleware.django.JWTMiddleware"]),
    }


def _handler(middleware: list[str]) -> WSGIApplication:
    """A handler keeps what it has loaded, though the configuration changes."""
    with override_settings(MIDDLEWARE=middleware, JWT_MIDDLEWARE=settings()):
        return _Handler()


def _answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"")
