"""The layers of the middleware around an app, and other gates in them while a test lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeGuard, cast
from weakref import WeakKeyDictionary

from jwt_middleware.admission import Gate, checked_settings
from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.settings import JWTSettings

_INNER: Final = ("wsgi_app", "app", "application")
"""What Flask, most middleware and test clients call the app that they wrap."""
_DJANGOS: Final = frozenset(("django.core.handlers.base.BaseHandler", "django.test.client.ClientMixin"))
_DJANGO_DOOR: Final = "jwt_middleware.django.configuration.Door"


class Door(Protocol):
    """A layer of the middleware: `jwt_middleware.asgi.JWTMiddleware`, the WSGI one, or an adapter's."""

    gate: Gate


def doors_around(app: object) -> list[Door]:
    """The layers around this app, from the outside in. An app of Starlette's is started by this, as by a request.

    A Django project has one, which is found by any of its handlers and test clients. Raises ConfigurationError where
    there is none.
    """
    if not _DJANGOS.isdisjoint(_kinds(app)):
        return [_djangos_door()]
    doors = [layer for layer in _layers(app) if _is_door(layer)]
    if doors:
        return doors
    name = f"{type(app).__module__}.{type(app).__qualname__}"
    fix = "pass the app that was given to protect(app, settings), or the JWTMiddleware itself"
    raise ConfigurationError([Problem("app", f"no JWTMiddleware around this {name}", fix)], "this app is not protected")


def gate_for(door: Door, settings: JWTSettings) -> Gate:
    """A gate as this door would have built it. Raises ConfigurationError where the settings cannot be used."""
    settings = checked_settings(settings, door.gate.layer)
    if _DJANGO_DOOR in _kinds(door):
        # There, stores are called in Django's own threads.
        gate: Gate = cast("Any", type(door))(settings).gate
        return gate
    return Gate(settings, door.gate.layer)


@contextmanager
def replaced(gates: Mapping[Door, Gate]) -> Iterator[None]:
    """These doors decide by these gates while it lasts. The one that was put there last counts, whoever ends first."""
    for door, gate in gates.items():
        _put(door, gate)
    try:
        yield
    finally:
        for door, gate in gates.items():
            _take(door, gate)


_lock: Final = threading.Lock()
_replaced: Final[WeakKeyDictionary[Door, list[Gate]]] = WeakKeyDictionary()
"""By door: its own gate, then those that were put there."""


def _put(door: Door, gate: Gate) -> None:
    with _lock:
        _replaced.setdefault(door, [door.gate]).append(gate)
        _use(door, gate)


def _take(door: Door, gate: Gate) -> None:
    with _lock:
        gates = _replaced[door]
        gates.remove(gate)
        _use(door, gates[-1])
        if len(gates) == 1:
            del _replaced[door]


def _use(door: Any, gate: Gate) -> None:
    if hasattr(door, "use"):
        door.use(gate)
    else:
        door.gate = gate


def _djangos_door() -> Door:
    from jwt_middleware.django import door

    return door()


def _kinds(value: object) -> list[str]:
    """The names of its class and what that extends: no framework is imported for a look at its classes."""
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(value).__mro__]


def _is_door(layer: object) -> TypeGuard[Door]:
    return isinstance(getattr(layer, "gate", None), Gate)


def _layers(app: object) -> Iterator[object]:
    """This app and what it wraps, from the outside in."""
    seen: list[object] = []
    while app is not None and not any(app is layer for layer in seen):
        seen.append(app)
        yield app
        app = _wrapped(app)


def _wrapped(app: Any) -> object:
    if hasattr(app, "build_middleware_stack"):
        # Starlette's apps build this when the first request arrives.
        if app.middleware_stack is None:
            app.middleware_stack = app.build_middleware_stack()
        inner: object = app.middleware_stack
        return inner
    return next((getattr(app, name) for name in _INNER if hasattr(app, name)), None)
