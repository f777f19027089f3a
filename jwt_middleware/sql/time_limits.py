"""How long what this thread asks a database may take in all: waiting for a connection, opening one, the answer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Final, Generic, NamedTuple, TypeVar

Opened = TypeVar("Opened")

MAX_OPENING: Final = 16
"""Connections of one store that are being opened at the same time, with those whose opening hangs."""
KEPT: Final = 5.0
"""Seconds for which a connection is kept that came too late."""


class TimeLimit:
    """`with TimeLimit(0.25):` seconds, for everything that this thread asks a database inside."""

    __slots__ = ("_outer", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._outer = _this_thread.deadline
        _this_thread.deadline = time.monotonic() + self._seconds

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _this_thread.deadline = self._outer


def seconds_left() -> float | None:
    """Seconds until this thread's time is up, not below 0; None: it has as long as it wants."""
    deadline = _this_thread.deadline
    return None if deadline is None else max(deadline - time.monotonic(), 0.0)


class _ThisThread(threading.local):
    deadline: float | None = None


_this_thread = _ThisThread()


class Opener(Generic[Opened]):
    """Opens connections beside the threads that want them: drivers bound that by whole seconds, or not at all.

    A connection that came too late for whoever wanted it, or took most of its time, serves the next one that comes.
    """

    def __init__(self, is_alive: Callable[[Opened], bool], close: Callable[[Opened], object]) -> None:
        self._is_alive = is_alive
        self._close = close
        self._inherited: list[deque[_Late[Opened]]] = []
        self._start()

    def opened(self, open: Callable[[], Opened]) -> Opened:
        """A connection, before this thread's time is up. Raises TimeoutError, and whatever `open` raises."""
        while self._late:
            late = self._late.pop()
            if time.monotonic() < late.since + KEPT and self._is_alive(late.connection):
                return late.connection
            self._close(late.connection)
        if not self._places.acquire(blocking=False):
            raise TimeoutError
        future: Future[Opened] = Future()
        threading.Thread(target=self._open, args=(open, future), name="jwt_middleware-sql", daemon=True).start()
        before = seconds_left()
        try:
            connection = future.result(before)
            if _is_too_late(before):
                raise TimeoutError
        except TimeoutError:
            future.add_done_callback(self._keep)
            raise
        return connection

    def close(self) -> None:
        """Close what came too late for everybody."""
        while self._late:
            self._close(self._late.pop().connection)

    def after_fork(self) -> None:
        """Start anew: nothing of the parent's goes on in a forked process, and nothing of it may be closed there."""
        self._inherited.append(self._late)
        self._start()

    def _start(self) -> None:
        self._places = threading.BoundedSemaphore(MAX_OPENING)
        self._late: deque[_Late[Opened]] = deque()

    def _open(self, open: Callable[[], Opened], future: Future[Opened]) -> None:
        try:
            outcome = open()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(outcome)
        finally:
            self._places.release()

    def _keep(self, future: Future[Opened]) -> None:
        if future.exception() is None:
            self._late.append(_Late(future.result(), time.monotonic()))


def _is_too_late(before: float | None) -> bool:
    """Whether so little is left that the connection would be lost by waiting for an answer over it."""
    left = seconds_left()
    return before is not None and left is not None and left < before / 2


class _Late(NamedTuple, Generic[Opened]):
    connection: Opened
    since: float
