"""One request and its response under ASGI, watched until the response starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

import msgspec

from jwt_middleware.admission import Admission, Gate
from jwt_middleware.log import report_late_refusal
from jwt_middleware.responses import Answer

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class Exchange(msgspec.Struct, eq=False):
    """Holds back what a framework made of a refusal, as long as no response has started.

    This is how it goes over HTTP; the subclass for WebSockets answers otherwise, and watches what the app gets.
    """

    gate: Gate
    admission: Admission
    scope: Scope
    """What the app gets, but for the identity."""
    receive: Receive
    _send: Send
    _has_started: bool = False
    is_replaced: bool = False
    """Whether our answer to a view's refusal was sent in place of the app's response."""

    def credentials(self) -> str:
        """The value of the Authorization field, "" where there is none."""
        return field(self.scope, b"authorization")

    async def answer(self, answer: Answer) -> None:
        """Send an answer of our own; HEAD gets the headers alone."""
        headers = encoded(answer)
        body = b"" if self.admission.method == "HEAD" else answer.body
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def send(self, message: Message) -> Awaitable[None]:
        """The `send` that the app gets. (No coroutine of its own: it would only wait for the server's.)"""
        if self.admission.refusal is not None and not self._has_started:
            return self.replace()
        self._has_started = True
        return self._send(message)

    async def replace(self) -> None:
        """Send the documented answer to the view's refusal, once."""
        refusal = self.admission.refusal
        if refusal is not None and not self.is_replaced:
            self.is_replaced = True
            await self.answer(self.gate.refused(self.admission, refusal))

    def finish(self) -> None:
        """The app is done."""

    def is_replaceable(self) -> bool:
        """Whether a view refused, and neither the app's response nor our answer has been sent."""
        refusal = self.admission.refusal
        if refusal is None or self.is_replaced:
            return False
        if self._has_started:
            report_late_refusal(refusal, self.admission.path)
            self.admission.refusal = None
        return not self._has_started


class ObservedExchange(Exchange):
    """Tells the gate when the app begins to answer, or has gone without an answer."""

    def send(self, message: Message) -> Awaitable[None]:
        """The `send` that the app gets."""
        if not self._has_started:
            if self.admission.refusal is not None:
                return self.replace()
            self._has_started = True
            self.gate.passed(self.admission)
        return self._send(message)

    def finish(self) -> None:
        """The app is done."""
        if not self._has_started:
            self.gate.passed(self.admission)


def encoded(answer: Answer) -> list[tuple[bytes, bytes]]:
    """The headers of an answer as ASGI sends them."""
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in answer.headers]


def field(scope: Scope, name: bytes) -> str:
    """The value of a header field, "" where absent; several of the name joined with a comma, as WSGI servers do."""
    found: bytes | None = None
    length = len(name)
    for key, value in scope["headers"]:
        if len(key) == length and key.lower() == name:
            found = value if found is None else found + b"," + value
    return "" if found is None else found.decode("latin-1")


def field_values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """The values of every header field of this name (lower case)."""
    length = len(name)
    return [value for key, value in headers if len(key) == length and key.lower() == name]
