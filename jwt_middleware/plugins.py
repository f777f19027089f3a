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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from asgiref.sync import async_to_sync

from jwt_middleware.errors import TemporarilyUnavailable

Answer = TypeVar("Answer")

MAX_THREADS: Final = 16
"""Threads for one plug-in that blocks, under ASGI."""
MAX_WAITING: Final = 256
"""Calls of one such plug-in under way or waiting for a thread; the next one is answered with 503 at once."""


class Unknown(Enum):
    """What `recall` answers when the plug-in has to be asked."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class Plugin(Generic[Answer]):
    """One method of a provider's object, callable from both colours.

    `recall` answers from memory, where the plug-in can, on an event loop too; else it says UNKNOWN, and `ask` (in a
    thread) or `ask_async` (on an event loop) has to wait. A plug-in may offer the method in both colours, the second
    one as `<method>_async`, and `recall` by that name. One that bounds its time itself says `keeps_time = True`; one
    whose `recall` cannot raise, nor answer with another type, says `recalls_safely = True`.

    Every call raises TemporarilyUnavailable when the plug-in raises, answers with another type, or (where it can be
    interrupted or left behind) takes longer than `timeout` seconds.
    """

    def __init__(
        self, plugin: object, method: str, answers: type | tuple[type, ...], timeout: float, name: str
    ) -> None:
        call: Any = getattr(plugin, method, plugin)
        self._call: Callable[..., Any] = call
        self._call_async: Callable[..., Any] | None = getattr(plugin, f"{method}_async", None)
        self._answers = answers
        self._timeout = None if getattr(plugin, "keeps_time", False) else timeout
        self._name = name
        self._pool = _Pool(name)
        if is_async(call):
            self._call_async = call
        if is_async(call) or (call is plugin and self._call_async is not None):
            self._call = async_to_sync(self._within_time)
        self.recall: Callable[..., Answer | Unknown] = self._recall_of(plugin)

    @property
    def remembers(self) -> bool:
        """Whether it may have answers in memory."""
        return self.recall is not _nothing_in_memory

    def ask(self, *question: Any) -> Answer:
        """The answer, waited for in this thread. A plain plug-in that hangs cannot be interrupted here."""
        try:
            answer = self._call(*question)
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

    def _recall_of(self, plugin: object) -> Callable[..., Answer | Unknown]:
        own: Callable[..., Answer | Unknown] | None = getattr(plugin, "recall", None)
        if own is not None:
            # A dictionary that holds checked answers is asked without a net.
            return own if getattr(plugin, "recalls_safely", False) else self._safely(own)
        if getattr(plugin, "in_memory", False) and self._call_async is None:
            return self.ask
        return _nothing_in_memory

    def _safely(self, recall: Callable[..., Answer | Unknown]) -> Callable[..., Answer | Unknown]:
        def recall_safely(*question: Any) -> Answer | Unknown:
            try:
                answer = recall(*question)
            except Exception as error:
                raise self._unavailable(error) from error
            return answer if answer is UNKNOWN else self._checked(answer)

        return recall_safely

    async def _within_time(self, *question: Any) -> Any:
        async with asyncio.timeout(self._timeout):
            if self._call_async is not None:
                return await self._call_async(*question)
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


def check_of(store: object, timeout: float, name: str) -> Plugin[None] | None:
    """Asks the store how it is, by its `check` or `check_async`; None where it does not say."""
    if not hasattr(store, "check") and not hasattr(store, "check_async"):
        return None
    return Plugin(store, "check", type(None), timeout, name)


def _nothing_in_memory(*question: Any) -> Unknown:
    return UNKNOWN


def is_async(call: object) -> bool:
    """Whether calling this gives an awaitable: an `async def`, or an object whose `__call__` is one."""
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


class _Pool:
    """Threads for one plug-in: started on first use in each process, bounded together with those who wait for one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._threads: _Threads | None = None

    async def run(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        executor, places, _ = self._started()
        if not places.acquire(blocking=False):
            raise TemporarilyUnavailable(f"{self._name}_has_too_many_waiting")
        future = executor.submit(contextvars.copy_context().run, call, *arguments)
        # The place is free when the thread is, which may be long after nobody waits for it any more.
        future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None and threads.process == os.getpid():
            threads.executor.shutdown(wait=False, cancel_futures=True)

    def _started(self) -> _Threads:
        threads = self._threads
        if threads is None or threads.process != os.getpid():
            with self._lock:
                threads = self._threads
                if threads is None or threads.process != os.getpid():
                    executor = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix=f"jwt_middleware-{self._name}")
                    threads = _Threads(executor, threading.BoundedSemaphore(MAX_WAITING), os.getpid())
                    self._threads = threads
        return threads


class _Threads(NamedTuple):
    executor: ThreadPoolExecutor
    places: threading.BoundedSemaphore
    process: int


def _origin(error: Exception) -> str:
    """Where an exception was raised. Its text is not told: a driver's may hold a password, or a client's bytes."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "unknown"
    code = traceback.tb_frame.f_code
    return f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno}"


async def aclose_all(closables: Iterable[object]) -> None:
    """Call `aclose`, or else `close`, of each object that has one; then raise the first error, if there was one."""
    errors = []
    for close in _closers(closables, "aclose", "close"):
        try:
            outcome = close()
            if inspect.isawaitable(outcome):
                await outcome
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


def close_all(closables: Iterable[object]) -> None:
    """Call `close`, or else `aclose`, of each object that has one; then raise the first error, if there was one."""
    errors = []
    for close in _closers(closables, "close", "aclose"):
        try:
            (async_to_sync(close) if is_async(close) else close)()
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _closers(closables: Iterable[object], preferred: str, other: str) -> Iterator[Callable[[], Any]]:
    for closable in closables:
        close = getattr(closable, preferred, None) or getattr(closable, other, None)
        if close is not None:
            yield close
