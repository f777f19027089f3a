"""An ASGI app, served by uvicorn in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

SECONDS_TO_END: Final = 2


@contextmanager
def running(app: Any, listener: socket.socket, **options: Any) -> Iterator[None]:
    """Until the end of the block, with further options of uvicorn's. Addresses are not logged: there may be secrets
    in them.
    """
    settings = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=SECONDS_TO_END, **options
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
