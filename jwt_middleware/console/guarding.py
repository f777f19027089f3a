"""What holds for every answer: its headers, no body for HEAD, and nothing of what failed inside."""

from __future__ import annotations

import logging
import traceback
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jwt_middleware.console.rendering import Pages

_log = logging.getLogger("jwt_middleware")

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), clipboard-write=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""On every answer."""


class Guard:
    """ASGI middleware around the pages."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, scope["method"] == "HEAD")
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            _log.error("console: a page failed with %s at %s", type(error).__name__, _origin(error))
            if not answer.has_started:
                await self._pages.failure(500)(scope, receive, answer.send)


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head
        self.has_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)


def _origin(error: Exception) -> str:
    """Where it was raised. Its text is not told: a link's token or a secret may be in it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"
