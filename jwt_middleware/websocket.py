"""WebSockets (contract section 6): where the token stands, and how a handshake is refused before it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from jwt_middleware.admission import Admission, Gate
from jwt_middleware.errors import MalformedCredentials
from jwt_middleware.log import report_late_refusal
from jwt_middleware.responses import Answer
from jwt_middleware.settings import JWTSettings

_Mapping: TypeAlias = MutableMapping[str, Any]

SUBPROTOCOL: Final = "bearer"
"""Browsers cannot set the Authorization field: `new WebSocket(url, ["bearer", token])`, where settings allow it."""
POLICY_VIOLATION: Final = 1008
"""Close code of a refused or ended socket (RFC 6455 section 7.4.1)."""


def credentials(scope: _Mapping, authorization: str, settings: JWTSettings) -> str:
    """The value of the Authorization field, or one made of the subprotocols `bearer, <token>`.

    Raises MalformedCredentials where a token stands in both places, or none after `bearer`.
    """
    if not settings.websocket_subprotocol or SUBPROTOCOL not in scope.get("subprotocols", ()):
        return authorization
    token = _token(scope["subprotocols"])
    if authorization or token is None:
        raise MalformedCredentials("token_in_two_places" if authorization else "no_token_after_bearer_subprotocol")
    return f"Bearer {token}"


def without_token(scope: _Mapping, settings: JWTSettings) -> _Mapping:
    """The scope without the token and its marker in subprotocols and headers, so that no app logs or echoes it."""
    if not settings.websocket_subprotocol or SUBPROTOCOL not in scope.get("subprotocols", ()):
        return scope
    token = _token(scope["subprotocols"])
    rest = [name for name in scope["subprotocols"] if name not in (SUBPROTOCOL, token)]
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"sec-websocket-protocol"]
    if rest:
        headers.append((b"sec-websocket-protocol", ", ".join(rest).encode("latin-1")))
    return {**scope, "subprotocols": rest, "headers": headers}


class SocketResponse:
    """What the app may send: watched until it has accepted or closed."""

    def __init__(
        self, gate: Gate, admission: Admission, scope: _Mapping, send: Callable[[_Mapping], Awaitable[None]]
    ) -> None:
        self._gate = gate
        self._admission = admission
        self._send = send
        self._can_answer = "websocket.http.response" in (scope.get("extensions") or {})
        self._is_marked = gate.settings.websocket_subprotocol and SUBPROTOCOL in scope.get("subprotocols", ())
        self._has_started = False
        self._is_replaced = False

    async def send(self, message: _Mapping) -> None:
        """The `send` that the app gets. Accepting echoes `bearer` unless the app chose a subprotocol itself."""
        if self._admission.refusal is not None and not self._has_started:
            await self.replace()
        elif not self._is_replaced:
            self._has_started = True
            if self._is_marked and message["type"] == "websocket.accept" and not message.get("subprotocol"):
                message = {**message, "subprotocol": SUBPROTOCOL}
            await self._send(message)

    def is_replaceable(self) -> bool:
        """Whether a view refused, and neither it nor we have answered the handshake."""
        if self._admission.refusal is None or self._is_replaced:
            return False
        if self._has_started:
            report_late_refusal(self._admission.refusal, self._admission.path)
        return not self._has_started

    async def replace(self) -> None:
        """Send the documented answer to the view's refusal, once."""
        if not self._is_replaced and self._admission.refusal is not None:
            self._is_replaced = True
            await self.refuse(self._gate.refused(self._admission, self._admission.refusal))

    async def refuse(self, answer: Answer) -> None:
        """Refuse the handshake: with the answer where the server can send it, else with close code 1008."""
        if not self._can_answer:
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
            return
        headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in answer.headers]
        await self._send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": answer.body})


def _token(subprotocols: list[str]) -> str | None:
    """What stands right after `bearer`."""
    place = subprotocols.index(SUBPROTOCOL) + 1
    return subprotocols[place] if place < len(subprotocols) else None
