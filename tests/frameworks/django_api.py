"""The API in Django. Django has one configuration for the process: what differs between tests is overridden."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import django
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client, override_settings
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views import View

from jwt_middleware import AuthenticationError, InsufficientPermissions, JWTSettings
from jwt_middleware.django import IdentifiedRequest, optional_identity, requires
from tests.frameworks import world
from tests.frameworks.world import Client as Sender
from tests.frameworks.world import Reply

DOOR: Final = "jwt_middleware.django.JWTMiddleware"

if not django_settings.configured:
    django_settings.configure(
        ALLOWED_HOSTS=["*"],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file::memory:?cache=shared"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "jwt_middleware.django",
        ],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[DOOR],
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["jwt_middleware.django.rest_framework.TenantAuthentication"],
        },
        ROOT_URLCONF=__name__,
        SECRET_KEY="for sessions",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    )
    django.setup()


def me(request: IdentifiedRequest) -> HttpResponse:
    return JsonResponse({"tenant": request.identity.tenant_id, "user": request.identity.subject})


async def maybe(request: HttpRequest) -> HttpResponse:
    who = optional_identity(request)
    return JsonResponse({"user": None if who is None else who.subject})


@method_decorator(requires("write"), name="dispatch")
class Events(View):
    def post(self, request: IdentifiedRequest) -> HttpResponse:
        return me(request)


class Audit(View):
    @requires("audit")
    async def get(self, request: IdentifiedRequest) -> HttpResponse:
        return me(request)


async def raised(request: HttpRequest) -> HttpResponse:
    raise InsufficientPermissions(["audit"])


def swallowed(request: IdentifiedRequest) -> HttpResponse:
    try:
        return requires("audit")(me)(request)
    except AuthenticationError:
        return JsonResponse({"secret": "for auditors"})


def health(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"up": True})


urlpatterns: list[URLPattern] = [
    path(world.HEALTH[1:], health),
    path(world.EVENTS[1:], Events.as_view()),
    path(world.ME[1:], me),
    path(world.AUDIT[1:], Audit.as_view()),
    path(world.MAYBE[1:], maybe),
    path(world.MAYBE_ME[1:], me),
    path(world.OPEN_ME[1:], me),
    path(world.RULED[1:], me),
    path(world.RAISED[1:], raised),
    path(world.SWALLOWED[1:], swallowed),
    path(world.PREFLIGHT[1:], requires()(health)),
]


@contextmanager
def configured(settings: object, urls: object = None, **changes: Any) -> Iterator[None]:
    """The project with these settings of the middleware, and views of a test's own in front of the API's."""
    root = __name__ if urls is None else (*urls, *urlpatterns)  # type: ignore[misc]
    with override_settings(JWT_MIDDLEWARE=settings, ROOT_URLCONF=root, **changes):
        yield


def client(**options: Any) -> Sender:
    """Sends requests to the project as it is configured now, as a WSGI server does."""
    test_client = Client(**options)
    test_client.handler.load_middleware()

    def send(method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        return reply_of(test_client.generic(method, path, headers=world.authorized(token, headers)))

    return send


def async_client(**options: Any) -> Sender:
    """The same as an ASGI server does."""
    test_client = AsyncClient(**options)
    test_client.handler.load_middleware(is_async=True)

    async def ask(method: str, path: str, headers: dict[str, str]) -> Reply:
        response: Any = await test_client.generic(method, path, headers=headers)
        if response.streaming:
            body = b"".join([chunk async for chunk in response])
            return Reply(response.status_code, _headers(response), body)
        return reply_of(response)

    def send(method: str, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        return asyncio.run(ask(method, path, world.authorized(token, headers)))

    return send


def reply_of(response: Any) -> Reply:
    """What a client got."""
    body = b"".join(response) if response.streaming else response.content
    return Reply(response.status_code, _headers(response), body)


def _headers(response: HttpResponseBase) -> dict[str, str]:
    return {name.lower(): value for name, value in response.items()}


def serve(settings: JWTSettings) -> Sender:
    """The API, protected, under WSGI."""
    with configured(settings):
        return client()


def serve_async(settings: JWTSettings) -> Sender:
    """The API, protected, under ASGI."""
    with configured(settings):
        return async_client()
