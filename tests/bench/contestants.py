"""All that takes part in the main race: single tokens, and requests with and without a guard."""

from __future__ import annotations

from . import asgi_apps, asymmetric, core, tokens, wsgi_apps
from .driving import (
    asgi_request,
    asgi_status,
    bearer_headers,
    bearer_values,
    wsgi_request,
    wsgi_status,
)
from .timing import Contestant, Timing

Added = dict[tuple[str, str], Timing]


def contestants(pool: int) -> list[Contestant]:
    """Everybody in the main race, each with that many distinct tokens in turn."""
    return [*core.contestants(pool), *asymmetric.contestants(), *_asgi(pool), *_wsgi(pool)]


def label(stack: str, guard: str) -> str:
    """How an app is called among the timings."""
    return f"{stack} | {guard or 'no guard'}"


def added(timings: dict[str, Timing]) -> Added:
    """What each guard adds to a request, by stack and guard, in the order in which they ran."""
    found: Added = {}
    for name, timing in timings.items():
        stack, bar, guard = name.partition(" | ")
        if bar and guard != "no guard":
            found[stack, guard] = timing.less(timings[label(stack, "")])
    return found


def _asgi(pool: int) -> list[Contestant]:
    inputs = bearer_headers(tokens.good(pool))
    (forged,) = bearer_headers(tokens.forged(1))
    apps = asgi_apps.apps()
    for (stack, guard), app in apps.items():
        _prove(label(stack, guard), guard, asgi_status(app, inputs[0]), asgi_status(app, forged))
    return [Contestant(label(*key), asgi_request(app), inputs) for key, app in apps.items()]


def _wsgi(pool: int) -> list[Contestant]:
    inputs = bearer_values(tokens.good(pool))
    (forged,) = bearer_values(tokens.forged(1))
    apps = wsgi_apps.apps()
    for (stack, guard), app in apps.items():
        _prove(label(stack, guard), guard, wsgi_status(app, inputs[0]), wsgi_status(app, forged))
    return [Contestant(label(*key), wsgi_request(app), inputs) for key, app in apps.items()]


def _prove(name: str, guard: str, good: int, forged: int) -> None:
    """A guard that lets a forged token in, or keeps a good one out, is not doing the work."""
    if good != 200 or (forged == 200) != (guard == ""):
        raise AssertionError(f"{name}: answered {good} to a good token and {forged} to a forged one")
