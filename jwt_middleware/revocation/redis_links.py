"""Connections to one Redis server, from threads and from event loops.

redis-py's own clients wait for a pool, connect and ask one after the other, each within the time limit; here the limit
is for all of it. And they do not say which server answered: one that was restarted, or that took over from another,
may have lost what was told to the one before.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import Future
from hashlib import sha1
from typing import Any, Final, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from redis import exceptions

from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.revocation.breaker import Breaker
from jwt_middleware.revocation.pool import Pool
from jwt_middleware.revocation.redis_address import GREETINGS, Address, server_of

_log = logging.getLogger("jwt_middleware")

Word: TypeAlias = str | bytes | int
Command: TypeAlias = tuple[Word, ...]

FAILURES: Final = (exceptions.TimeoutError, exceptions.ConnectionError, TimeoutError, OSError, ConfigurationError)
"""What it means that the server does not answer."""
_LEAST: Final = 0.001
OPENING_STEPS: Final = 5
"""A connection has its own time to open, whoever waits for it: that many time limits."""


class Script:
    """A program in Lua that the server runs as one step."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._name = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def by_name(self, keys: Iterable[str], arguments: Iterable[Word] = ()) -> Command:
        """The command that runs it where the server knows it."""
        keys = tuple(keys)
        return ("EVALSHA", self._name, len(keys), *keys, *arguments)

    def in_full(self, command: Command) -> Command:
        """The same command for a server that does not know it yet."""
        return ("EVAL", self._text, *command[2:])


class Reply(NamedTuple):
    """What was answered, and by which run of which server (40 hexadecimal digits; "" where it does not tell)."""

    server: str
    answer: Any


class _Link:
    """A connection that has been opened, with the run of the server at its other end."""

    __slots__ = ("connection", "server", "was_used")

    def __init__(self, connection: Any, server: str) -> None:
        self.connection = connection
        self.server = server
        self.was_used = False


class Latest:
    """The run of the server that the address led to when a connection was last opened, in whichever colour.

    Where another one took over, the one before may live on, and answer over the connections that are open: it does
    not know what is revoked now.
    """

    server = ""


class Terms(NamedTuple):
    """What both colours of one store go by."""

    address: Address
    limit: int
    """Connections of a process, and of an event loop."""
    timeout: float
    """Seconds for each call."""
    eviction_checked: bool
    breaker: Breaker
    latest: Latest


class _Common:
    """What both colours share."""

    def __init__(self, terms: Terms) -> None:
        self._address, self._limit, self._timeout = terms.address, terms.limit, terms.timeout
        self._eviction_checked, self._breaker, self._latest = terms.eviction_checked, terms.breaker, terms.latest
        self._has_complained = False

    def _comes_too_late(self, link: _Link, deadline: float) -> bool:
        """Whether a connection took so long to open that using it now would only wear it out.

        One whose answer comes too late has to be closed; unused, it is there for the next one, who has more time.
        """
        return not link.was_used and deadline - time.monotonic() < self._timeout / 2

    def _refuse_replaced(self, link: _Link) -> None:
        """An answer of a server that was replaced meanwhile is none: another connection is needed."""
        if link.server != self._latest.server:
            raise exceptions.ConnectionError

    def _told(self, error: Exception) -> Exception:
        """The error for whoever called: its class says what happened, its text is not told."""
        if isinstance(error, ConfigurationError):
            if not self._has_complained:
                self._has_complained = True
                _log.error("%s", error)
            return error
        if isinstance(error, TimeoutError | exceptions.TimeoutError):
            return TemporarilyUnavailable("revocation_store_timed_out")
        if isinstance(error, exceptions.RedisError | OSError):
            return TemporarilyUnavailable(f"revocation_store_failed_with_{type(error).__name__}")
        return error


class Links(_Common):
    """Connections of the threads of a process; a forked one opens its own. Every call ends within the time limit.

    Commands may be sent twice: they must mean the same then. Raises TemporarilyUnavailable, or ConfigurationError.
    """

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        # By process: what was inherited is left alone, and another pool used.
        self._pools: dict[int, Pool[_Link]] = {}

    def call(self, *command: Word) -> Reply:
        """Send a command and wait for the answer."""
        return self._within_time(command, lambda command: command)

    def run(self, script: Script, keys: Iterable[str], arguments: Iterable[Word] = ()) -> Reply:
        """Run a script; only a server that does not know it yet is asked twice."""
        return self._within_time(script.by_name(keys, arguments), script.in_full)

    def close(self) -> None:
        """End the connections. The next call opens others."""
        if pool := self._pools.pop(os.getpid(), None):
            _disconnect(pool.close())

    def _within_time(self, command: Command, in_full: Callable[[Command], Command]) -> Reply:
        deadline = time.monotonic() + self._timeout
        try:
            with self._breaker.attempt():
                return self._call(command, in_full, deadline)
        except Exception as error:
            raise self._told(error) from error

    def _call(self, command: Command, in_full: Callable[[Command], Command], deadline: float) -> Reply:
        process = os.getpid()
        pool = self._pools.get(process) or self._pools.setdefault(process, Pool(self._limit))
        while True:
            link = self._taken(pool, deadline)
            try:
                answer = _ask(link.connection, command, in_full, deadline)
                self._refuse_replaced(link)
            except exceptions.ConnectionError:
                self._drop(pool, link)
                # The server was restarted since, so none of the others is good either. A new one may be.
                _disconnect(pool.clear())
            except exceptions.ResponseError:
                self._give(pool, link)
                raise
            except BaseException:
                self._drop(pool, link)
                raise
            else:
                link.was_used = True
                self._give(pool, link)
                return Reply(link.server, answer)

    def _taken(self, pool: Pool[_Link], deadline: float) -> _Link:
        link = pool.take()
        if link is not None:
            return link
        place = pool.join()
        if place.needs_another:
            self._open_beside(pool)
        try:
            link = place.future.result(max(deadline - time.monotonic(), 0))
        except BaseException:
            left = pool.leave(place.future)
            if left is not None:
                self._give(pool, left)
            raise
        if self._comes_too_late(link, deadline):
            self._give(pool, link)
            raise TimeoutError
        return link

    def _give(self, pool: Pool[_Link], link: _Link) -> None:
        if not pool.give(link):
            link.connection.disconnect()

    def _drop(self, pool: Pool[_Link], link: _Link) -> None:
        link.connection.disconnect()
        if pool.lost():
            self._open_beside(pool)

    def _open_beside(self, pool: Pool[_Link]) -> None:
        threading.Thread(target=self._open, args=(pool,), name="jwt_middleware-redis", daemon=True).start()

    def _open(self, pool: Pool[_Link]) -> None:
        connection = self._address.connection(self._timeout)
        try:
            connection.connect()
            server = server_of([_greeted(connection, greeting) for greeting in GREETINGS], self._eviction_checked)
        except Exception as error:
            connection.disconnect()
            pool.failed(error)
        else:
            self._latest.server = server
            self._give(pool, _Link(connection, server))


def _disconnect(links: Iterable[_Link]) -> None:
    for link in links:
        link.connection.disconnect()


def _ask(connection: Any, command: Command, in_full: Callable[[Command], Command], deadline: float) -> Any:
    try:
        connection.send_command(*command)
        return connection.read_response(timeout=max(deadline - time.monotonic(), _LEAST))
    except exceptions.NoScriptError:
        connection.send_command(*in_full(command))
        return connection.read_response(timeout=max(deadline - time.monotonic(), _LEAST))


def _greeted(connection: Any, greeting: Command) -> Any:
    """The answer, or the error where the server does not let this user ask."""
    try:
        connection.send_command(*greeting)
        return connection.read_response()
    except exceptions.ResponseError as error:
        return error


class _LoopPool(NamedTuple):
    """The connections of one event loop, and what it takes to end them with it."""

    pool: Pool[_Link]
    openings: set[asyncio.Task[None]]
    ends_with_loop: AsyncGenerator[None, None]


class AsyncLinks(_Common):
    """The same on event loops: each has connections of its own, which end when it does."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        # By process: a thread does not survive a fork.
        self._resolving: dict[int, Future[None]] = {}
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPool] = WeakKeyDictionary()

    async def run(self, script: Script, keys: Iterable[str], arguments: Iterable[Word] = ()) -> Reply:
        """Run a script; only a server that does not know it yet is asked twice."""
        try:
            with self._breaker.attempt():
                async with asyncio.timeout(self._timeout):
                    deadline = time.monotonic() + self._timeout
                    return await self._call(script.by_name(keys, arguments), script, deadline)
        except Exception as error:
            raise self._told(error) from error

    async def aclose(self) -> None:
        """End this event loop's connections. The next call opens others."""
        mine = self._pools.pop(asyncio.get_running_loop(), None)
        if mine is not None:
            await mine.ends_with_loop.aclose()

    async def _call(self, command: Command, script: Script, deadline: float) -> Reply:
        mine = self._pools.get(asyncio.get_running_loop()) or await self._first_pool()
        while True:
            link = await self._taken(mine, deadline)
            try:
                answer = await _ask_async(link.connection, command, script)
                self._refuse_replaced(link)
            except exceptions.ConnectionError:
                await self._drop(mine, link)
                await _disconnect_async(mine.pool.clear())
            except exceptions.ResponseError:
                await _give_async(mine.pool, link)
                raise
            except BaseException:
                await self._drop(mine, link)
                raise
            else:
                link.was_used = True
                await _give_async(mine.pool, link)
                return Reply(link.server, answer)

    async def _first_pool(self) -> _LoopPool:
        pool: Pool[_Link] = Pool(self._limit)
        openings: set[asyncio.Task[None]] = set()
        mine = _LoopPool(pool, openings, _ended_with_loop(pool, openings))
        self._pools[asyncio.get_running_loop()] = mine
        await anext(mine.ends_with_loop)
        return mine

    async def _taken(self, mine: _LoopPool, deadline: float) -> _Link:
        link = mine.pool.take()
        if link is not None:
            return link
        place = mine.pool.join()
        if place.needs_another:
            self._open_beside(mine)
        try:
            link = await asyncio.wrap_future(place.future)
        except BaseException:
            left = mine.pool.leave(place.future)
            if left is not None:
                await _give_async(mine.pool, left)
            raise
        if self._comes_too_late(link, deadline):
            await _give_async(mine.pool, link)
            raise TimeoutError
        return link

    async def _drop(self, mine: _LoopPool, link: _Link) -> None:
        await link.connection.disconnect(nowait=True)
        if mine.pool.lost():
            self._open_beside(mine)

    def _open_beside(self, mine: _LoopPool) -> None:
        task = asyncio.ensure_future(self._open(mine.pool))
        mine.openings.add(task)
        task.add_done_callback(mine.openings.discard)

    async def _open(self, pool: Pool[_Link]) -> None:
        connection = self._address.async_connection()
        try:
            async with asyncio.timeout(OPENING_STEPS * self._timeout):
                await self._resolved()
                await connection.connect()
                answers = [await _greeted_async(connection, greeting) for greeting in GREETINGS]
            server = server_of(answers, self._eviction_checked)
        except BaseException as error:
            await connection.disconnect(nowait=True)
            pool.failed(error if isinstance(error, Exception) else exceptions.ConnectionError())
            if not isinstance(error, Exception):
                raise
        else:
            self._latest.server = server
            await _give_async(pool, _Link(connection, server))

    async def _resolved(self) -> None:
        """Wait until the host's name can be resolved.

        asyncio has that done by the threads that everything else on the event loop uses too, and few of them. Where
        it hangs it shall be in one of our own.
        """
        resolving = self._resolving.get(os.getpid())
        if resolving is None or resolving.done():
            resolving = self._resolving[os.getpid()] = Future()
            resolving.set_running_or_notify_cancel()
            arguments = (self._address, resolving)
            threading.Thread(target=_resolve, args=arguments, name="jwt_middleware-redis", daemon=True).start()
        await asyncio.wrap_future(resolving)


def _resolve(address: Address, resolving: Future[None]) -> None:
    try:
        address.resolve()
    except Exception:
        resolving.set_exception(exceptions.ConnectionError())
    else:
        resolving.set_result(None)


async def _ask_async(connection: Any, command: Command, script: Script) -> Any:
    try:
        await connection.send_command(*command)
        return await connection.read_response()
    except exceptions.NoScriptError:
        await connection.send_command(*script.in_full(command))
        return await connection.read_response()


async def _greeted_async(connection: Any, greeting: Command) -> Any:
    try:
        await connection.send_command(*greeting)
        return await connection.read_response()
    except exceptions.ResponseError as error:
        return error


async def _give_async(pool: Pool[_Link], link: _Link) -> None:
    if not pool.give(link):
        await link.connection.disconnect(nowait=True)


async def _disconnect_async(links: Iterable[_Link]) -> None:
    for link in links:
        await link.connection.disconnect(nowait=True)


async def _ended_with_loop(pool: Pool[_Link], openings: set[asyncio.Task[None]]) -> AsyncGenerator[None, None]:
    """An event loop that shuts down ends its asynchronous generators, and so this one and the connections with it."""
    try:
        yield
    finally:
        for task in openings:
            task.cancel()
        await _disconnect_async(pool.close())
