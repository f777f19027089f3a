"""System checks: `manage.py check` and `runserver` tell what is wrong, with stable ids.

=====  ==========================================================================================
id     what is wrong
=====  ==========================================================================================
E001   `settings.JWT_MIDDLEWARE` cannot be used: one for each problem
E002   the app is in INSTALLED_APPS, but JWTMiddleware is not in MIDDLEWARE: nothing is protected
E003   JWTMiddleware is in MIDDLEWARE more than once: no request can be served
W001   CorsMiddleware is inside JWTMiddleware: browsers hide refusals from scripts
W002   RemoteUserMiddleware is outside JWTMiddleware: it believes a REMOTE_USER of somebody else
W003   Django's cache middleware keeps one answer for every caller
=====  ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.module_loading import import_string

from jwt_middleware.django.configuration import LAYER, NAME, load
from jwt_middleware.errors import ConfigurationError

_OURS: Final = "jwt_middleware.django.middleware.JWTMiddleware"
_CORS: Final = "corsheaders.middleware.CorsMiddleware"
_REMOTE_USER: Final = "django.contrib.auth.middleware.RemoteUserMiddleware"
_CACHE: Final = "django.middleware.cache.FetchFromCacheMiddleware"


@register(Tags.security)
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """E001: each problem with `settings.JWT_MIDDLEWARE`, and how to mend it."""
    try:
        load()
    except ConfigurationError as error:
        return [
            Error(f"{NAME}: {problem.where}: {problem.what}", hint=problem.fix, id="jwt_middleware.E001")
            for problem in error.problems
        ]
    return []


@register(Tags.security)
def check_order(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Whether JWTMiddleware is in MIDDLEWARE, once, and what is on the wrong side of it."""
    layers = [_names(path) for path in settings.MIDDLEWARE]
    places = [place for place, names in enumerate(layers) if _OURS in names]
    if not places:
        return [Error("JWTMiddleware is not in MIDDLEWARE", hint=f'put "{LAYER}" first', id="jwt_middleware.E002")]
    if len(places) > 1:
        return [Error("JWTMiddleware is in MIDDLEWARE twice", hint="keep the first one", id="jwt_middleware.E003")]
    return [*_misplaced(layers[: places[0]], layers[places[0] + 1 :])]


def _misplaced(outside: list[set[str]], inside: list[set[str]]) -> Iterator[CheckMessage]:
    if any(_CORS in names for names in inside):
        yield Warning(
            "CorsMiddleware is inside JWTMiddleware, so its headers are missing from refusals",
            hint="put corsheaders.middleware.CorsMiddleware before JWTMiddleware",
            id="jwt_middleware.W001",
        )
    if any(_REMOTE_USER in names for names in outside):
        yield Warning(
            "RemoteUserMiddleware is outside JWTMiddleware, which replaces REMOTE_USER only after it was read",
            hint="put it after JWTMiddleware",
            id="jwt_middleware.W002",
        )
    if any(_CACHE in names for names in (*outside, *inside)):
        yield Warning(
            "FetchFromCacheMiddleware gives what one caller got to every other one",
            hint='take it out; cache single views, with vary_on_headers("Authorization") where a view needs a token',
            id="jwt_middleware.W003",
        )


def _names(path: str) -> set[str]:
    """The full names of a middleware and of what it is derived from. What cannot be imported, Django reports."""
    try:
        middleware = import_string(path)
    except ImportError:
        return set()
    return {f"{kind.__module__}.{kind.__qualname__}" for kind in getattr(middleware, "__mro__", ())}
