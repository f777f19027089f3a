"""A client that sends any bytes over TCP, and reads answers strictly."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import h11

from .served import HANDED

SECONDS: Final = 30
"""How long a server may say nothing. Only one that hangs takes so long."""
MEBIBYTE: Final = 1 << 20


class Reply(NamedTuple):
    """One answer. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def handed(self) -> Mapping[str, Any] | None:
        """What the server handed to the app; None where it answered by itself."""
        told = self.headers.get(HANDED)
        return None if told is None else json.loads(unquote(told))


class Conversation(NamedTuple):
    """What came back on one connection, until the server closed it."""

    replies: tuple[Reply, ...]
    is_closed: bool
    """False: it said nothing for a long time."""


def converse(port: int, sendings: Sequence[tuple[bytes, Sequence[str]]]) -> Conversation:
    """Send bytes, each time after the answers to what was sent before; then read until the server closes.

    With the bytes go the methods of the requests in them. Raises h11.RemoteProtocolError for what is no HTTP.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connected:
        line = _Line(connected)
        methods: list[str] = []
        for number, (octets, asked) in enumerate(sendings, 1):
            methods += asked
            line.say(octets)
            is_last = number == len(sendings)
            while not line.is_ended and (is_last or len(line.replies(methods)) < len(methods)):
                if not line.hear(SECONDS):
                    return Conversation(tuple(line.replies(methods)), False)
        return Conversation(tuple(line.replies(methods)), True)


def upgraded(port: int, octets: bytes, hear: Callable[[bytes], bool]) -> Reply:
    """Ask for another protocol. Where the answer is 101, `hear` gets what follows until it says that this is all."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connected:
        line = _Line(connected)
        line.say(octets)
        while (parsed := _parsed(line.heard, "GET", line.is_ended, is_upgrade=True)) is None:
            assert line.hear(SECONDS), f"no answer, but {line.heard!r}"
        reply, following = parsed
        line.heard = b""
        while reply.status == 101 and not hear(following) and not line.is_ended:
            assert line.hear(SECONDS), "the protocol was not spoken to its end"
            following, line.heard = line.heard, b""
        return reply


class _Line:
    """A socket that is read while it is written to, so that an early answer is not lost."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.heard = b""
        self.is_ended = False

    def say(self, octets: bytes) -> None:
        """Send all of it, unless the other side ends the connection."""
        self._socket.setblocking(False)
        left = memoryview(octets)
        deadline = time.monotonic() + SECONDS
        while left and not self.is_ended and time.monotonic() < deadline:
            readable, writable, _ = select.select([self._socket], [self._socket], [], 1)
            if readable:
                self._take()
            if writable and not self.is_ended:
                left = left[self._put(left) :]

    def hear(self, seconds: float) -> bool:
        """Wait for more, or for the end; False: nothing came."""
        if self.is_ended:
            return False
        readable, _, _ = select.select([self._socket], [], [], seconds)
        if readable:
            self._take()
        return bool(readable)

    def replies(self, methods: Sequence[str]) -> list[Reply]:
        """The complete answers so far."""
        return replies_in(self.heard, methods, self.is_ended)

    def _put(self, octets: memoryview) -> int:
        try:
            return self._socket.send(octets[:MEBIBYTE])
        except ConnectionError:
            # What was answered before can still be read.
            return len(octets)

    def _take(self) -> None:
        try:
            heard = self._socket.recv(MEBIBYTE)
        except ConnectionError:
            heard = b""
        self.heard += heard
        self.is_ended = not heard


def replies_in(octets: bytes, methods: Sequence[str], is_ended: bool) -> list[Reply]:
    """The answers in what a server sent to requests with these methods."""
    replies: list[Reply] = []
    for method in methods:
        parsed = _parsed(octets, method, is_ended)
        if parsed is None:
            return replies
        reply, octets = parsed
        replies.append(reply)
    if octets:
        raise h11.RemoteProtocolError(f"more than {len(methods)} answers: {octets[:200]!r}")
    return replies


def _parsed(octets: bytes, method: str, is_ended: bool, is_upgrade: bool = False) -> tuple[Reply, bytes] | None:
    """The first answer and what follows it; None where it is not complete."""
    reading = h11.Connection(h11.CLIENT, max_incomplete_event_size=MEBIBYTE)
    upgrade = [("connection", "upgrade"), ("upgrade", "websocket")] if is_upgrade else []
    reading.send(h11.Request(method=method, target="/", headers=[("host", "api.example"), *upgrade]))
    reading.send(h11.EndOfMessage())
    if not octets:
        return None
    reading.receive_data(octets)
    if is_ended:
        reading.receive_data(b"")
    head, body = None, b""
    while True:
        event = reading.next_event()
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _reply(head, body), reading.trailing_data[0]
        elif isinstance(event, h11.InformationalResponse) and event.status_code == 101:
            return _reply(event, b""), reading.trailing_data[0]
        elif not isinstance(event, h11.InformationalResponse):
            return None


def _reply(head: h11.Response | h11.InformationalResponse, body: bytes) -> Reply:
    headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers]
    named = dict(headers)
    assert len(named) == len(headers), f"a header is sent twice: {headers}"
    return Reply(head.status_code, named, bytes(body))
