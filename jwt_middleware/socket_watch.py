"""An open WebSocket ends with its token: checked again now and then, closed when a check fails or time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from jwt_middleware.admission import Admission, Gate
from jwt_middleware.errors import AuthenticationError, TemporarilyUnavailable, TokenExpired

POLICY_VIOLATION: Final = 1008
"""Close code of a refused or ended socket (RFC 6455 section 7.4.1)."""
TRY_AGAIN_LATER: Final = 1013
"""Close code where a store could not tell for too long."""
MAX_UNCHECKED: Final = 60.0
"""Seconds that a socket stays open while stores cannot tell whether it may."""

_Message = MutableMapping[str, Any]
_SHORTEST_WAIT: Final = 0.01


class SocketWatch:
    """One task with one timer for one accepted socket. Ends by itself, or with `end`."""

    def __init__(self, gate: Gate, admission: Admission, send: Callable[[_Message], Awaitable[None]]) -> None:
        self._gate = gate
        self._admission = admission
        self._send = send
        self._has_ended = asyncio.Event()
        self._code = POLICY_VIOLATION
        self._pending: asyncio.Task[_Message] | None = None
        self._task = asyncio.create_task(self._run(), name="jwt_middleware-socket")

    @property
    def has_ended(self) -> bool:
        """Whether the socket was closed by this watch: what the app sends then goes nowhere."""
        return self._has_ended.is_set()

    async def receive(self, receive: Callable[[], Awaitable[_Message]]) -> _Message:
        """The next event, or `websocket.disconnect` once the socket was closed."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(_as_coroutine(receive))
        ended = asyncio.ensure_future(self._has_ended.wait())
        try:
            await asyncio.wait({self._pending, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if self.has_ended or not self._pending.done():
            return {"type": "websocket.disconnect", "code": self._code, "reason": ""}
        pending, self._pending = self._pending, None
        return pending.result()

    def end(self) -> None:
        """Stop watching: the app is done."""
        self._task.cancel()
        if self._pending is not None:
            self._pending.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last_checked = loop.time()
        while True:
            await asyncio.sleep(max(_SHORTEST_WAIT, min(self._gate.settings.recheck_interval, self._left())))
            try:
                # The token's time is up, whether or not a store can tell the rest.
                if self._left() <= 0:
                    raise TokenExpired
                await self._check()
                last_checked = loop.time()
            except TemporarilyUnavailable as refusal:
                if loop.time() > last_checked + MAX_UNCHECKED:
                    return await self._close(refusal, TRY_AGAIN_LATER)
            except AuthenticationError as refusal:
                return await self._close(refusal, POLICY_VIOLATION)

    def _left(self) -> float:
        """Seconds for which the token is good."""
        settings, identity = self._gate.settings, self._admission.identity
        assert identity is not None  # noqa: S101 (only sockets with an identity are watched)
        return identity.expires_at + settings.expiry_leeway - settings.clock()

    async def _check(self) -> None:
        gate, admission = self._gate, self._admission
        assert admission.token is not None  # noqa: S101 (the identity came from it)
        gate.admit(admission, await gate.authenticator.authenticate_async(admission.token))

    async def _close(self, refusal: AuthenticationError, code: int) -> None:
        self._gate.refused(self._admission, refusal)
        self._admission.refusal = None
        self._code = code
        self._has_ended.set()
        await self._send({"type": "websocket.close", "code": code, "reason": ""})


async def _as_coroutine(receive: Callable[[], Awaitable[_Message]]) -> _Message:
    return await receive()
