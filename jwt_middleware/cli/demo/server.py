"""A place to listen, and an API that is served there in a thread."""

from __future__ import annotations

import errno
import socket
from typing import Final

from jwt_middleware.cli.terminal import fail, note

MAX_TRIED_PORTS: Final = 100
LAST_PORT: Final = 65_535

_REACHED_BY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (looked up here, not listened on)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at this port, or at the next free one, which is said. Port 0 is any free one.

    Raises ConfigurationError where there is none, or the host is not this machine's.
    """
    for candidate in range(port, min(port + MAX_TRIED_PORTS, LAST_PORT + 1)):
        listener = _try(host, candidate)
        if listener is not None:
            if candidate != port:
                note(f"Port {port} is taken; this demo is at port {candidate}.")
            return listener
    fail("--port", f"{port} and all that follow are taken", "choose another, or 0 for any free one")


def address(listener: socket.socket) -> str:
    """The URL at which a client on this machine reaches it."""
    return url_of(*listener.getsockname()[:2])


def url_of(host: str, port: int) -> str:
    """The URL of a server that listens there."""
    host = _REACHED_BY.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _try(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        fail(f"--host {host} --port {port}", f"cannot listen there ({error.strerror})", "choose others")
