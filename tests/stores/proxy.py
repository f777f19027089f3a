"""A TCP proxy in front of a server: passes bytes on, late if told so, and speaks TLS if given a certificate."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

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
        self._serving: dict[asyncio.Task[None], asyncio.WriteTransport] = {}
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

    def lead_to(self, port: int) -> None:
        """Another server answers new connections; those that are open stay where they are."""
        self._upstream = port

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
        server, self._server = self._server, None
        for listening in server.sockets if server is not None else ():
            self._loop.remove_reader(listening.fileno())
        # Who is being accepted is let in before the server is closed, or his socket would be left open by asyncio.
        while connections := asyncio.all_tasks() - {asyncio.current_task()}:
            for connection in [*self._serving]:
                connection.cancel()
            await asyncio.wait(connections, timeout=0.05)
        if server is not None:
            server.close()
        # Transports end in a later round of the loop.
        await asyncio.sleep(0.01)

    def _accepted(self, *client: Any) -> None:
        # Said here and not in the task, which may be cancelled before it begins.
        task = asyncio.ensure_future(self._serve(client))
        self._serving[task] = client[1].transport
        task.add_done_callback(self._ended)

    async def _serve(self, client: _Stream) -> None:
        with contextlib.suppress(OSError):
            await self._pass_on(client, await asyncio.open_connection("127.0.0.1", self._upstream))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._serving.pop(task).abort()

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
