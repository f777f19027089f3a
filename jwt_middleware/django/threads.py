"""Look-ups that use Django's ORM run, under ASGI, in the thread where the request's other plain code runs.

The ORM keeps a connection for each thread, and Django closes those of its own threads only.
"""

from __future__ import annotations

import copy
from typing import Any

from asgiref.sync import sync_to_async

from jwt_middleware.plugins import is_async
from jwt_middleware.settings import JWTSettings


def in_djangos_threads(settings: JWTSettings) -> JWTSettings:
    """The same settings, whose plain resolver and revocation store are called in Django's threads under ASGI.

    What answers from memory, is `async`, or waits in threads of its own is left as it is.
    """
    stores = {
        "tenants": _adapted(settings.tenants, "resolve"),
        "revocations": _adapted(settings.revocations, "is_revoked"),
    }
    if all(store is getattr(settings, name) for name, store in stores.items()):
        return settings
    adapted = copy.copy(settings)
    for name, store in stores.items():
        object.__setattr__(adapted, name, store)
    return adapted


class InDjangosThreads:
    """A store, one of whose methods is there in a second colour."""

    def __init__(self, store: Any, method: str) -> None:
        self._store = store
        call = getattr(store, method, store)
        self.__qualname__ = getattr(store, "__qualname__", type(store).__qualname__)
        setattr(self, method, call)
        setattr(self, f"{method}_async", sync_to_async(call, thread_sensitive=True))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __repr__(self) -> str:
        return repr(self._store)


def _adapted(store: Any, method: str) -> Any:
    call = getattr(store, method, store)
    if not callable(call) or is_async(call):
        return store
    has_own_way = getattr(store, "in_memory", False) or hasattr(store, "recall") or hasattr(store, f"{method}_async")
    return store if has_own_way else InDjangosThreads(store, method)
