"""WebSockets (contract section 6): where the token stands, and how a handshake is refused before it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from jwt_middleware.errors import MalformedCredentials
from jwt_middleware.exchange import Exchange, Message, Receive, Scope, encoded
from jwt_middleware.responses import Answer
from jwt_middleware.socket_watch import POLICY_VIOLATION, SocketWatch

SUBPROTOCOL: Final = "bearer"
"""Browsers cannot set the Authorization field: `new WebSocket(url, ["bearer", token])`, where settings allow it."""


class SocketExchange(Exchange):
    """A WebSocket: until the app has accepted it, a handshake; then watched for as long as it is open."""

    _is_marked: bool = False
    _watch: SocketWatch | None = None
    _receive_event: Receive | None = None

    def __post_init__(self) -> None:
        self._receive_event, self.receive = self.receive, self._receive_watched
        names = self.scope.get("subprotocols", ())
        self._is_marked = self.gate.settings.websocket_subprotocol and SUBPROTOCOL in names

    def credentials(self) -> str:
        """The value of the Authorization field, or one made of the subprotocols `bearer, <token>`.

        Takes token and marker out of the scope, so that no app logs or echoes them. Raises MalformedCredentials
        where a token stands in both places, or none after `bearer`.
        """
        authorization = super().credentials()
        if not self._is_marked:
            return authorization
        names = self.scope["subprotocols"]
        token = _token(names)
        self.scope = _without(self.scope, [name for name in names if name not in (SUBPROTOCOL, token)])
        if self.admission.demand.access == "public":
            return ""
        if authorization or token is None:
            raise MalformedCredentials("token_in_two_places" if authorization else "no_token_after_subprotocol")
        return f"Bearer {token}"

    async def answer(self, answer: Answer) -> None:
        """Refuse the handshake: with the answer where the server can send it, else with close code 1008."""
        if not self._has_started and not self.is_replaced:
            await self._receive_watched()
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
            return
        start = {"type": "websocket.http.response.start", "status": answer.status, "headers": encoded(answer)}
        await self._send(start)
        await self._send({"type": "websocket.http.response.body", "body": answer.body})

    def send(self, message: Message) -> Awaitable[None]:
        """The `send` that the app gets. Accepting echoes `bearer` unless the app chose a subprotocol itself."""
        if self._watch is not None and self._watch.has_ended:
            return _nothing()
        if message["type"] == "websocket.accept" and self.admission.refusal is None:
            self._watch = self._new_watch()
            if self._is_marked and not message.get("subprotocol"):
                message = {**message, "subprotocol": SUBPROTOCOL}
        return super().send(message)

    def finish(self) -> None:
        """The app is done with the socket: nobody has to watch it any more."""
        if self._watch is not None:
            self._watch.end()

    def _new_watch(self) -> SocketWatch | None:
        if self._watch is not None or self.admission.identity is None:
            return self._watch
        return SocketWatch(self.gate, self.admission, self._send)

    async def _receive_watched(self) -> Message:
        receive = self._receive_event
        assert receive is not None  # noqa: S101 (set when this was built)
        return await (receive() if self._watch is None else self._watch.receive(receive))


class ObservedSocketExchange(SocketExchange):
    """Tells the gate when the app accepts the socket, or has gone without."""

    def send(self, message: Message) -> Awaitable[None]:
        """The `send` that the app gets."""
        if not self._has_started:
            self.gate.passed(self.admission)
        return super().send(message)

    def finish(self) -> None:
        """The app is done with the socket."""
        if not self._has_started:
            self.gate.passed(self.admission)
        super().finish()


async def _nothing() -> None:
    """What sending to a socket does that was closed meanwhile."""


def _token(subprotocols: list[str]) -> str | None:
    """What stands right after `bearer`."""
    place = subprotocols.index(SUBPROTOCOL) + 1
    return subprotocols[place] if place < len(subprotocols) else None


def _without(scope: Scope, subprotocols: list[str]) -> Scope:
    """The scope with only these subprotocols, in the headers too."""
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"sec-websocket-protocol"]
    if subprotocols:
        headers.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode("latin-1")))
    return {**scope, "subprotocols": subprotocols, "headers": headers}
