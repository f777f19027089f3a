"""WebSockets (contract section 6): where the token stands, and how a handshake is refused before it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from jwt_middleware.errors import MalformedCredentials
from jwt_middleware.exchange import Exchange, Message, Scope, encoded
from jwt_middleware.responses import Answer

SUBPROTOCOL: Final = "bearer"
"""Browsers cannot set the Authorization field: `new WebSocket(url, ["bearer", token])`, where settings allow it."""
POLICY_VIOLATION: Final = 1008
"""Close code of a refused or ended socket (RFC 6455 section 7.4.1)."""


class SocketExchange(Exchange):
    """A WebSocket, watched until the app has accepted or closed it."""

    _is_marked: bool = False

    def __post_init__(self) -> None:
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
        if authorization or token is None:
            raise MalformedCredentials("token_in_two_places" if authorization else "no_token_after_subprotocol")
        return f"Bearer {token}"

    async def answer(self, answer: Answer) -> None:
        """Refuse the handshake: with the answer where the server can send it, else with close code 1008."""
        if not self._has_started and not self.is_replaced:
            await self.receive()
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
            return
        start = {"type": "websocket.http.response.start", "status": answer.status, "headers": encoded(answer)}
        await self._send(start)
        await self._send({"type": "websocket.http.response.body", "body": answer.body})

    def send(self, message: Message) -> Awaitable[None]:
        """The `send` that the app gets. Accepting echoes `bearer` unless the app chose a subprotocol itself."""
        if self._is_marked and message["type"] == "websocket.accept" and not message.get("subprotocol"):
            message = {**message, "subprotocol": SUBPROTOCOL}
        return super().send(message)


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
