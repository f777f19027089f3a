"""Watches for what a token must never cause: files, processes and connections."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WATCHED = {
    "open",
    "os.exec",
    "os.listdir",
    "os.posix_spawn",
    "os.scandir",
    "os.system",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "sqlite3.connect",
    "subprocess.Popen",
    "urllib.Request",
}
_seen: list[tuple[str, tuple[Any, ...]]] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event in _WATCHED:
        _seen.append((event, arguments))


# An audit hook cannot be taken out again, so there is one, asleep between the watches.
sys.addaudithook(_audit)


@contextmanager
def nothing_opened() -> Iterator[None]:
    """Fails when the block opens a file, starts a process or reaches for the network."""
    global _seen
    seen: list[tuple[str, tuple[Any, ...]]] = []
    _seen = seen
    try:
        yield
    finally:
        _seen = None
    assert seen == []


class Listener:
    """A loopback socket that nobody should call."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def was_called(self) -> bool:
        """Whether a connection waits to be accepted."""
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
