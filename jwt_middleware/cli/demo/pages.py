"""The console of the demo's provider: on this machine only, beside whichever API is served."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from jwt_middleware.cli.demo.server import address
from jwt_middleware.cli.demo.uvicorn_server import running
from jwt_middleware.cli.demo.world import World
from jwt_middleware.console import Console
from jwt_middleware.console.choices import CHOICES, Choice, Choices
from jwt_middleware.guide.facts import in_words


@contextmanager
def serving_pages(world: World, api_url: str, grace: float) -> Iterator[Console]:
    """At any free port. Links work over plain http here, since nothing leaves the machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        console = Console(world.settings, base_url=address(listener), api_url=api_url, choices=_choices(grace))
        with running(console.app, listener):
            yield console


def _choices(grace: float) -> Choices:
    """Nobody wants to watch for an hour."""
    soon = Choice("soon", f"In {in_words(grace)}", "long enough to see that both work", grace)
    return Choices((soon, *CHOICES.every), usual=soon.value)
