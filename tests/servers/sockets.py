"""Handshakes of WebSockets in raw bytes, what they are answered with, and what an accepted socket says."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, NamedTuple

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, TextMessage

from ..conformance.answers import EXPIRED as EXPIRED_ANSWER
from ..conformance.answers import MALFORMED_CREDENTIALS, NO_CREDENTIALS, SIGNATURE, lacking
from ..conformance.row import ANONYMOUS, Answer, json_bytes, reached
from ..conformance.tokens import GOOD
from .rows import ADMIN, EXPIRED, FORGED, READER, Expected, bearer, request
from .servers import Server
from .wire import Reply, upgraded

_KEY: Final = base64.b64encode(b"sixteen octets..")
_ACCEPT: Final = base64.b64encode(
    hashlib.sha1(_KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324 (RFC 6455 section 1.3)
)
_HANDSHAKE: Final = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: " + _KEY,
)


class SocketRow(NamedTuple):
    """One handshake. Where the answer is 200, the socket is accepted, and this is what the app says there."""

    id: str
    target: str
    fields: tuple[bytes, ...]
    answer: Answer
    subprotocol: str | None = None
    """What is echoed."""


def _offered(token: str) -> bytes:
    return b"Sec-WebSocket-Protocol: bearer, " + token.encode()


_IN: Final = reached(GOOD)
_TWO_FIELDS: Final = SocketRow(
    "subprotocol-in-two-fields",
    "/v1/things",
    (b"Sec-WebSocket-Protocol: bearer", b"Sec-WebSocket-Protocol: " + GOOD.encode()),
    _IN,
    "bearer",
)
SOCKETS: Final = (
    SocketRow("no-field", "/v1/things", (), NO_CREDENTIALS),
    SocketRow("good", "/v1/things", (bearer(GOOD),), _IN),
    SocketRow("forged", "/v1/things", (bearer(FORGED),), SIGNATURE),
    SocketRow("expired", "/v1/things", (bearer(EXPIRED),), EXPIRED_ANSWER),
    SocketRow("twice-good-forged", "/v1/things", (bearer(GOOD), bearer(FORGED)), MALFORMED_CREDENTIALS),
    SocketRow("twice-forged-good", "/v1/things", (bearer(FORGED), bearer(GOOD)), MALFORMED_CREDENTIALS),
    SocketRow("twice-good-good", "/v1/things", (bearer(GOOD), bearer(GOOD)), MALFORMED_CREDENTIALS),
    SocketRow("optional", "/feed", (), ANONYMOUS),
    SocketRow("optional-with-bad-token", "/feed", (bearer(FORGED),), SIGNATURE),
    SocketRow("public", "/healthz", (bearer(FORGED),), ANONYMOUS),
    SocketRow("claimed-identity", "/healthz", (b"Remote-User: root", b"X-Auth-Subject: root"), ANONYMOUS),
    SocketRow("scope-lacking", "/admin/x", (bearer(READER),), lacking("admin")),
    SocketRow("scope-lacking-in-disguise", "/static/%2e%2e/admin/x", (bearer(READER),), lacking("admin")),
    SocketRow("scope-there", "/admin/x", (bearer(ADMIN),), reached(ADMIN)),
    SocketRow("dots", "/static/../v1/things", (), NO_CREDENTIALS),
    SocketRow("subprotocol", "/v1/things", (_offered(GOOD),), _IN, "bearer"),
    SocketRow("subprotocol-forged", "/v1/things", (_offered(FORGED),), SIGNATURE),
    SocketRow("subprotocol-and-field", "/v1/things", (_offered(GOOD), bearer(GOOD)), MALFORMED_CREDENTIALS),
    _TWO_FIELDS,
)


def fault(row: SocketRow, server: Server, port: int) -> str | None:
    """What is wrong about how the server answered this handshake, if anything is."""
    wanted = row.answer
    if row is _TWO_FIELDS and server.unread_subprotocols:
        wanted = NO_CREDENTIALS
    listening = Listening()
    reply = upgraded(port, request(row.target, *_HANDSHAKE, *row.fields, is_last=False), listening.hear)
    if wanted.status == 200:
        is_right = _is_accepted(reply, row) and listening.heard == _said(wanted)
    elif server.refuses_sockets_with == "answer":
        is_right = Expected(wanted).is_met_by(reply)
    else:
        is_right = (reply.status, reply.body) == (403, b"")
    return None if is_right else f"{server.name}, {row.id}: {reply}, {listening.heard}"


def _is_accepted(reply: Reply, row: SocketRow) -> bool:
    headers = reply.headers
    told = (reply.status, headers.get("sec-websocket-accept"), headers.get("sec-websocket-protocol"))
    return told == (101, _ACCEPT.decode(), row.subprotocol)


def _said(answer: Answer) -> list[str | int]:
    return [json_bytes(answer.members or {}).decode(), 1000]


class Listening:
    """What an accepted socket says: its texts, then the code that it is closed with."""

    def __init__(self) -> None:
        self._connection = Connection(ConnectionType.CLIENT)
        self.heard: list[str | int] = []

    def hear(self, octets: bytes) -> bool:
        """Take these bytes; whether the socket is closed now."""
        self._connection.receive_data(octets)
        for event in self._connection.events():
            if isinstance(event, TextMessage):
                self.heard.append(event.data)
            elif isinstance(event, CloseConnection):
                self.heard.append(event.code)
                return True
        return False
