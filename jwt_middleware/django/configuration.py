"""What `settings.JWT_MIDDLEWARE` says, and the one door of the process that decides by it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from jwt_middleware import loading
from jwt_middleware.admission import Gate
from jwt_middleware.django.threads import in_djangos_threads
from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.settings import JWTSettings

NAME: Final = "JWT_MIDDLEWARE"
"""The name in Django's settings."""
LAYER: Final = "jwt_middleware.django.JWTMiddleware"
"""What stands in MIDDLEWARE."""

_FIX: Final = 'write JWT_MIDDLEWARE = {"tenants": BASE_DIR / "tenants.toml", "public": ["/healthz"]}'
_STORES: Final = {"tenants": loading.tenants_problem, "revocations": loading.revocations_problem}
_IMPORTABLE: Final = (*_STORES, "render_error", "validators", "observers", "clock")
_UNUSABLE: Final = object()
"""Stands for what could not be imported; JWTSettings accepts it nowhere."""
_is_dotted_path = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+").fullmatch


class Door:
    """What every handler of the process (WSGI, ASGI, test clients) decides by."""

    def __init__(self, settings: JWTSettings) -> None:
        self.gate = Gate(in_djangos_threads(settings), LAYER)

    def close(self) -> None:
        """End whatever the stores keep running. Django has no end of a process: call it in your server's hook."""
        self.gate.authenticator.close()

    async def aclose(self) -> None:
        """The same on an event loop."""
        await self.gate.authenticator.aclose()


_lock = threading.Lock()
_doors: list[Door] = []


def door() -> Door:
    """The door of this process, built from `settings.JWT_MIDDLEWARE` when first asked for.

    `door().gate.authenticator` checks tokens elsewhere. Raises ConfigurationError with every problem.
    """
    with _lock:
        if not _doors:
            _doors.append(Door(load()))
        return _doors[0]


def load() -> JWTSettings:
    """The settings that `settings.JWT_MIDDLEWARE` has or names. Raises ConfigurationError with every problem."""
    value = getattr(django_settings, NAME, None)
    if isinstance(value, str):
        value = _imported(f"settings.{NAME}", value)
    if callable(value):
        value = value()
    if isinstance(value, JWTSettings):
        return value
    if isinstance(value, Mapping):
        return _from_mapping(value)
    what = "missing" if value is None else f"{type(value).__name__} instead of a mapping or JWTSettings"
    raise ConfigurationError([Problem(f"settings.{NAME}", what, _FIX)], "this project cannot be protected")


def _from_mapping(mapping: Mapping[str, Any]) -> JWTSettings:
    problems: list[Problem] = []
    values = {str(name).lower(): value for name, value in mapping.items()}
    for name in filter(values.__contains__, _IMPORTABLE):
        try:
            values[name] = _resolved(name, values[name])
        except ConfigurationError as error:
            problems += error.problems
            values[name] = _UNUSABLE
    try:
        return JWTSettings.from_mapping(values)
    except ConfigurationError as error:
        named = {problem.where for problem in problems}
        problems += [problem for problem in error.problems if problem.where not in named]
        raise ConfigurationError(problems, f"settings.{NAME} cannot be used") from None


def _resolved(name: str, value: Any) -> Any:
    """A setting whose text is a dotted path: settings.py cannot import what imports models."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, list | tuple):
        return [_imported(name, item) if isinstance(item, str) else item for item in value]
    return _imported(name, value) if isinstance(value, str) and _is_import(name, value) else value


def _is_import(name: str, value: str) -> bool:
    """Whether this is a dotted path, and not a file or URL of a store."""
    problem_as_a_store = _STORES.get(name)
    return _is_dotted_path(value) is not None and (problem_as_a_store is None or problem_as_a_store(value) is not None)


def _imported(where: str, path: str) -> Any:
    try:
        found = import_string(path)
    except ImportError as error:
        # What is no path may be a URL with a password.
        why = f" ({error})" if _is_dotted_path(path) else ""
        fix = "write the path of something that can be imported: package.module.name"
        problem = Problem(where, f"{loading.shown(path)!r} cannot be imported{why}", fix)
        raise ConfigurationError([problem]) from None
    return found() if isinstance(found, type) else found


def _forget(*, setting: str, **_: object) -> None:
    """Tests change settings. What their stores keep running ends; stores that are used again start again."""
    if setting == NAME:
        with _lock:
            doors, _doors[:] = _doors[:], []
        for old in doors:
            old.close()


setting_changed.connect(_forget)
