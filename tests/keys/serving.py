"""A key server on a loopback address that can be made to do everything wrong, and counts who calls."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from jwt_middleware.tenants.jwks import JWKS, Limits

Answer: TypeAlias = Callable[["KeyServer", socket.socket], None]
"""Writes whatever it likes to the connection, which is closed afterwards."""

QUICK = Limits(timeout=0.5)
"""The usual limits, but for a time that a test can wait for."""


class KeyServer:
    """Serves `answer`, in a thread for each connection. Down until `up` is called."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.paths: list[str] = []
        """The path of each request that arrived."""
        self.connections = 0
        self.heads: list[bytes] = []
        """The head of each request."""
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks.json"

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fetches(self) -> int:
        return len(self.paths)

    def jwks(self, **options: Any) -> JWKS:
        """The key set of this server."""
        return JWKS(self.url, **{"allow_loopback_http": True, "limits": QUICK, **options})

    def discover(self, **options: Any) -> JWKS:
        """The key set of the OpenID provider that this server is."""
        return JWKS.discover(self.issuer, **{"allow_loopback_http": True, "limits": QUICK, **options})

    def up(self) -> None:
        """Answer from now on."""
        self._socket.listen(1024)
        thread = threading.Thread(target=self._accept, args=(self._socket,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def down(self) -> None:
        """Refuse connections from now on, at the same address."""
        self._shut()
        self._socket = _bound(self.port)

    def close(self) -> None:
        """End everything, also what pretends never to answer."""
        self.stopping.set()
        self._shut()
        for thread in self._threads:
            thread.join(5)

    def _shut(self) -> None:
        with suppress(OSError):  # where it does not listen yet
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # Who calls may be gone in the middle of the answer.
        with connection, suppress(OSError):
            head = connection.recv(65536)
            self.heads.append(head)
            self.paths.append(head.split(b" ")[1].decode())
            self.answer(self, connection)


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


def text(body: bytes, *fields: str, status: str = "200 OK") -> Answer:
    """An ordinary answer with this body and these header fields."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields]
    whole = "\r\n".join([*lines, "", ""]).encode() + body
    return lambda server, connection: connection.sendall(whole)


def document(value: object, *fields: str) -> Answer:
    """A JSON document."""
    return text(json.dumps(value).encode(), "Content-Type: application/json", *fields)


def cached_for(seconds: int, value: object) -> Answer:
    """A JSON document that may be kept for so long."""
    return document(value, f"Cache-Control: public, max-age={seconds}")


def html(server: KeyServer, connection: socket.socket) -> None:
    """What a proxy says in place of what was asked for."""
    text(b"<!doctype html><title>Sign in</title>", "Content-Type: text/html")(server, connection)


def broken(status: str = "500 Internal Server Error") -> Answer:
    return text(b"{}", status=status)


def redirecting(address: str) -> Answer:
    return text(b"", f"Location: {address}", status="302 Found")


def zipped(value: object) -> Answer:
    """Compressed, though nobody said that this is welcome."""
    return text(gzip.compress(json.dumps(value).encode()), "Content-Encoding: gzip")


def slow(seconds: float, answer: Answer) -> Answer:
    """The same answer, after a while."""

    def serve(server: KeyServer, connection: socket.socket) -> None:
        server.stopping.wait(seconds)
        answer(server, connection)

    return serve


def silent(server: KeyServer, connection: socket.socket) -> None:
    """Never answers."""
    server.stopping.wait()


def dies_in_the_middle(value: object) -> Answer:
    """Promises the whole document and sends half of it."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda server, connection: connection.sendall(head + body[: len(body) // 2])


def dripping(whole: bytes, pause: float = 0.05) -> Answer:
    """Sends one byte after the other, so that no wait for a byte is long."""

    def serve(server: KeyServer, connection: socket.socket) -> None:
        for octet in whole:
            connection.sendall(bytes([octet]))
            if server.stopping.wait(pause):
                return

    return serve


def routes(answers: dict[str, Answer]) -> Answer:
    """An answer for each path; 404 elsewhere."""

    def serve(server: KeyServer, connection: socket.socket) -> None:
        path = server.heads[-1].split(b" ")[1].decode()
        answers.get(path, broken("404 Not Found"))(server, connection)

    return serve
