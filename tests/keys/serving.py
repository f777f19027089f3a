"""A key server on a loopback address that can be made to do everything wrong, and counts who calls."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

from jwt_middleware.tenants.jwks import JWKS, Limits


class Call(NamedTuple):
    """A request that arrived."""

    connection: socket.socket
    path: str
    stopping: threading.Event
    """Set when the test is over: whoever pretends to be slow stops then."""


Answer: TypeAlias = Callable[[Call], None]
"""Writes whatever it likes to the connection, which is closed afterwards."""

PATIENT = Limits(timeout=10)
"""The usual limits, but for a time in which a busy machine answers too."""
QUICK = PATIENT._replace(timeout=0.8)
"""The same where nobody will answer."""


class KeyServer:
    """Serves `answer`, in a thread for each connection. Down until `up` is called."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self._tls = tls
        self.paths: list[str] = []
        """The path of each request that arrived."""
        self.connections = 0
        self.heads: list[bytes] = []
        """The head of each request."""
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{self.issuer}/jwks.json"

    @property
    def issuer(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def fetches(self) -> int:
        return len(self.paths)

    def was_asked(self, times: int) -> bool:
        """Whether so many requests arrive soon."""
        end = time.monotonic() + 5
        while self.fetches < times and time.monotonic() < end:
            time.sleep(0.01)
        return self.fetches >= times

    def jwks(self, **options: Any) -> JWKS:
        """The key set of this server."""
        return JWKS(self.url, **{"allow_loopback_http": True, "limits": PATIENT, **options})

    def discover(self, **options: Any) -> JWKS:
        """The key set of the OpenID provider that this server is."""
        return JWKS.discover(self.issuer, **{"allow_loopback_http": True, "limits": PATIENT, **options})

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
        self._stopping.set()
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
        # Who calls may be gone in the middle of the answer, or of the handshake.
        with connection, suppress(OSError):
            if self._tls is None:
                self._talk(connection)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as encrypted:
                    self._talk(encrypted)

    def _talk(self, connection: socket.socket) -> None:
        head = connection.recv(65536)
        path = head.split(b" ")[1].decode()
        self.heads.append(head)
        self.paths.append(path)
        self.answer(Call(connection, path, self._stopping))


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


def text(body: bytes, *fields: str, status: str = "200 OK") -> Answer:
    """An ordinary answer with this body and these header fields."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields]
    whole = "\r\n".join([*lines, "", ""]).encode() + body
    return lambda call: call.connection.sendall(whole)


def document(value: object, *fields: str) -> Answer:
    """A JSON document."""
    return text(json.dumps(value).encode(), "Content-Type: application/json", *fields)


def cached_for(seconds: int, value: object) -> Answer:
    """A JSON document that may be kept for so long."""
    return document(value, f"Cache-Control: public, max-age={seconds}")


def html(call: Call) -> None:
    """What a proxy says in place of what was asked for."""
    text(b"<!doctype html><title>Sign in</title>", "Content-Type: text/html")(call)


def broken(status: str = "500 Internal Server Error") -> Answer:
    return text(b"{}", status=status)


def redirecting(address: str) -> Answer:
    return text(b"", f"Location: {address}", status="302 Found")


def zipped(value: object) -> Answer:
    """Compressed, though nobody said that this is welcome."""
    return text(gzip.compress(json.dumps(value).encode()), "Content-Encoding: gzip")


def slow(seconds: float, answer: Answer) -> Answer:
    """The same answer, after a while."""

    def serve(call: Call) -> None:
        call.stopping.wait(seconds)
        answer(call)

    return serve


def silent(call: Call) -> None:
    """Never answers."""
    call.stopping.wait()


def dies_in_the_middle(value: object) -> Answer:
    """Promises the whole document and sends half of it."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda call: call.connection.sendall(head + body[: len(body) // 2])


def after(start: bytes, then: Answer) -> Answer:
    """These bytes, and then that."""

    def serve(call: Call) -> None:
        call.connection.sendall(start)
        then(call)

    return serve


def dripping(whole: bytes, pause: float = 0.05) -> Answer:
    """Sends one byte after the other, so that no wait for a byte is long."""

    def serve(call: Call) -> None:
        for octet in whole:
            call.connection.sendall(bytes([octet]))
            if call.stopping.wait(pause):
                return

    return serve


def routes(answers: dict[str, Answer]) -> Answer:
    """An answer for each path; 404 elsewhere."""

    return lambda call: answers.get(call.path, broken("404 Not Found"))(call)
