"""Other settings for an app that is protected already, while a test lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jwt_middleware.admission import Gate, checked_settings
from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.loading import SETTING_NAMES
from jwt_middleware.plugins import close_all
from jwt_middleware.settings import JWTSettings
from jwt_middleware.testing.doors import Door, doors_around, gate_for, replaced


@contextmanager
def override(app: object, settings: JWTSettings | None = None, **changes: Any) -> Iterator[None]:
    """The app decides by these settings while it lasts; afterwards by its own again, whatever happened.

        with override(app, tenants=[acme()]):          # its own settings, but for the tenants
            client.get("/v1/events", headers=auth_headers(make_token()))

    Names are those of JWTSettings. They change the settings given, None: those that the app has at the moment. `app`
    is what was given to `protect`, or a JWTMiddleware. May be nested. For the whole process: other threads and tasks
    that call the app get the same. Stores that the settings name by URL are closed at the end; objects stay yours.

    Raises ConfigurationError for an app that is not protected, one with several layers of the middleware (pass one
    of them), and settings that cannot be used.
    """
    door = _only_door(app)
    gate = gate_for(door, changed(door.gate.settings if settings is None else settings, **changes))
    try:
        with replaced({door: gate}):
            yield
    finally:
        _close_opened(gate)


def changed(settings: JWTSettings, **changes: Any) -> JWTSettings:
    """These settings with some of them changed. Raises ConfigurationError where they cannot be used."""
    checked_settings(settings, "override")
    if not changes:
        return settings
    return JWTSettings(**{**{name: getattr(settings, name) for name in SETTING_NAMES}, **changes})


def _only_door(app: object) -> Door:
    doors = doors_around(app)
    if len(doors) == 1 or doors[0] is app:
        return doors[0]
    layers = ", ".join(door.gate.layer for door in doors)
    problem = Problem("app", f"has {len(doors)} layers of the middleware: {layers}", "pass the one that is meant")
    raise ConfigurationError([problem], "which settings are to be overridden is not clear")


def _close_opened(gate: Gate) -> None:
    settings, authenticator = gate.settings, gate.authenticator
    stores = ((settings.tenants, authenticator.tenants), (settings.revocations, authenticator.revocations))
    close_all([store for named, store in stores if isinstance(named, str)])
