"""What the provider plugs in, adapted once at start-up to the door's colour.

Under WSGI a plain callable is called and an `async` one is bridged. Under ASGI an `async` callable is awaited, one
that answers from memory is called, and any other runs in a thread of a pool of its own. Whatever goes wrong is
TemporarilyUnavailable: a store that cannot tell is never a reason to refuse a token, nor to let one pass.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Generic, TypeVar, cast

from asgiref.sync import async_to_sync

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.tenants.static import StaticTenants

Answer = TypeVar("Answer")

MAX_THREADS: Final = 16
"""Threads for one plug-in that blocks, under ASGI."""
MAX_WAITING: Final = 256
"""Calls of one such plug-in under way or waiting for a thread; the next one is answered with 503 at once."""


class Plugin(Generic[Answer]):
    """One method of a provider's object, callable from both colours.

    `ask` is for threads, `ask_async` for an event loop. Where `inline` is true, `ask` may be called on an event loop
    too. Every call raises TemporarilyUnavailable when the plug-in raises, answers with another type, or (where it
    can be interrupted or left behind) takes longer than `timeout` seconds.
    """

    def __init__(
        self, plugin: object, method: str, answers: type | tuple[type, ...], timeout: float, name: str
    ) -> None:
        call: Any = getattr(plugin, method, plugin)
        self._call: Callable[..., Any] = call
        self._answers = answers
        self._timeout = timeout
        self._name = name
        self._pool = _Pool(name)
        self._is_async = is_async(self._call)
        self._bridged = async_to_sync(self._within_time) if self._is_async else None
        self.inline = bool(getattr(plugin, "in_memory", False)) and not self._is_async
        if isinstance(plugin, StaticTenants):
            # Nothing that could fail or answer with another type: a dictionary is asked without a net.
            self.ask = self._call  # type: ignore[method-assign]

    def ask(self, *question: Any) -> Answer:
        """The answer, waited for in this thread. A plain plug-in that hangs cannot be interrupted here."""
        try:
            answer = self._bridged(*question) if self._bridged is not None else self._call(*question)
        except Exception as error:
            raise self._unavailable(error) from error
        return self._checked(answer)

    async def ask_async(self, *question: Any) -> Answer:
        """The answer, waited for without blocking the event loop."""
        try:
            answer = await self._within_time(*question)
        except Exception as error:
            raise self._unavailable(error) from error
        return self._checked(answer)

    def close(self) -> None:
        """End the threads, without waiting for those that hang."""
        self._pool.close()

    async def _within_time(self, *question: Any) -> Any:
        async with asyncio.timeout(self._timeout):
            if self._is_async:
                return await self._call(*question)
            return await self._pool.run(self._call, *question)

    def _checked(self, answer: Any) -> Answer:
        if isinstance(answer, self._answers):
            return cast("Answer", answer)
        if inspect.iscoroutine(answer):
            answer.close()
        raise TemporarilyUnavailable(f"{self._name}_answered_with_{type(answer).__name__}")

    def _unavailable(self, error: Exception) -> TemporarilyUnavailable:
        if isinstance(error, TemporarilyUnavailable):
            return error
        if isinstance(error, TimeoutError):
            return TemporarilyUnavailable(f"{self._name}_timed_out")
        return TemporarilyUnavailable(f"{self._name}_failed_with_{type(error).__name__}_at_{_origin(error)}")


def is_async(call: object) -> bool:
    """Whether calling this gives an awaitable: an `async def`, or an object whose `__call__` is one."""
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


class _Pool:
    """Threads for one plug-in: started on first use in each process, bounded together with those who wait for one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._executor: ThreadPoolExecutor | None = None
        self._process = 0
        self._places = threading.BoundedSemaphore(MAX_WAITING)

    async def run(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        if not self._places.acquire(blocking=False):
            raise TemporarilyUnavailable(f"{self._name}_has_too_many_waiting")
        future = self._started().submit(contextvars.copy_context().run, call, *arguments)
        # The place is free when the thread is, which may be long after nobody waits for it any more.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _leave(self, _: Future[Any]) -> None:
        self._places.release()

    def _started(self) -> ThreadPoolExecutor:
        if self._executor is None or self._process != os.getpid():
            self._process = os.getpid()
            self._executor = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix=f"jwt_middleware-{self._name}")
            self._places = threading.BoundedSemaphore(MAX_WAITING)
        return self._executor


def _origin(error: Exception) -> str:
    """Where an exception was raised. Its text is not told: a driver's may hold a password, or a client's bytes."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "unknown"
    code = traceback.tb_frame.f_code
    return f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno}"


async def aclose_all(closables: list[object]) -> None:
    """Call `aclose` or `close` of each object that has one."""
    for closable in closables:
        close = getattr(closable, "aclose", None) or getattr(closable, "close", None)
        if close is not None:
            outcome = close()
            if isinstance(outcome, Awaitable):
                await outcome


def close_all(closables: list[object]) -> None:
    """Call `close`, or else `aclose`, of each object that has one."""
    for closable in closables:
        close = getattr(closable, "close", None) or getattr(closable, "aclose", None)
        if close is not None:
            (async_to_sync(close) if is_async(close) else close)()
