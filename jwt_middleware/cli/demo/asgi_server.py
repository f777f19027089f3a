"""The demo's API in FastAPI, served by uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from jwt_middleware.cli.demo.fastapi_api import build
from jwt_middleware.cli.demo.uvicorn_server import running
from jwt_middleware.cli.demo.world import World

NAME: Final = "FastAPI on uvicorn"


@contextmanager
def serving(world: World, listener: socket.socket) -> Iterator[None]:
    """The API, served in a thread until the end of the block."""
    with running(build(world.settings), listener):
        yield
