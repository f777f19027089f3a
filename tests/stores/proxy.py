"""A TCP proxy in front of a server: passes bytes on, late if told so, and speaks TLS if given a certificate."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from .redis_server import free_port

_Stream: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Listens on a port of its own while the context lasts. `delay` (seconds) holds back what a client sends."""

    def __init__(self, port: int, *, certificate: ssl.SSLContext | None = None) -> None:
        self._upstream = port
        self._certificate = certificate
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = free_port()
        self.delay = 0.0

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def refuse(self) -> None:
        """End all connections and refuse new ones."""
        self._run(self._stop())

    def accept(self) -> None:
        """Listen again."""
        self._run(self._listen())

    def _run(self, work: Awaitable[None]) -> None:
        async def awaited() -> None:
            await work

        asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, ssl=self._certificate)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        # Until there are none: some were being accepted. Transports end in a later round of the loop.
        while connections := asyncio.all_tasks() - {asyncio.current_task()}:
            for connection in connections:
                connection.cancel()
            await asyncio.wait(connections)
            await asyncio.sleep(0.01)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._pass_on((reader, writer), await asyncio.open_connection("127.0.0.1", self._upstream))
        writer.transport.abort()

    async def _pass_on(self, client: _Stream, server: _Stream) -> None:
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(client[0], server[1], lambda: self.delay))
                both.create_task(_copy(server[0], client[1], lambda: 0))
        finally:
            server[1].transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: Callable[[], float]) -> None:
    while octets := await source.read(65_536):
        if delay():
            await asyncio.sleep(delay())
        target.write(octets)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
    else:
        target.close()
