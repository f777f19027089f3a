"""The demo's API in Flask, served by waitress."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import waitress
from waitress import wasyncore

from jwt_middleware.cli.demo.flask_api import build
from jwt_middleware.cli.demo.world import World

NAME: Final = "Flask on waitress"


@contextmanager
def serving(world: World, listener: socket.socket) -> Iterator[None]:
    """The API, served in a thread until the end of the block."""
    sockets: dict[int, Any] = {}
    server = waitress.create_server(build(world.settings), map=sockets, sockets=[listener])
    is_ending = threading.Event()
    thread = threading.Thread(target=_serve, args=(sockets, is_ending), name="demo", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_ending.set()
        server.pull_trigger()
        thread.join()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)


def _serve(sockets: dict[int, Any], is_ending: threading.Event) -> None:
    """What `server.run()` does, but for its end: it has none that another thread could ask for."""
    while not is_ending.is_set():
        wasyncore.loop(map=sockets, count=1)
