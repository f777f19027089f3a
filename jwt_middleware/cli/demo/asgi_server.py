"""The demo's API in FastAPI, served by uvicorn."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from jwt_middleware.cli.demo.fastapi_api import build
from jwt_middleware.cli.demo.world import World

NAME: Final = "FastAPI on uvicorn"
SECONDS_TO_END: Final = 2


@contextmanager
def serving(world: World, listener: socket.socket) -> Iterator[None]:
    """The API, served in a thread until the end of the block."""
    settings = uvicorn.Config(
        build(world.settings), log_config=None, access_log=False, timeout_graceful_shutdown=SECONDS_TO_END
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="demo", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
