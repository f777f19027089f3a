"""A bounded number of connections, shared by threads or by the tasks of one event loop. No I/O."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

Link = TypeVar("Link")


class Place(NamedTuple, Generic[Link]):
    """A place in the line of those who wait for a connection."""

    future: Future[Link]
    needs_another: bool
    """Whoever has this place has to see to it that one more connection is opened, or `failed` is called."""


class Pool(Generic[Link]):
    """At most `limit` connections, each used by one caller at a time; those who find none free wait in line.

    Whoever takes a connection gives it back, or says that it is lost. Nobody opens one while he waits: that may take
    longer than he has, and is of use to the next one.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: list[Link] = []
        self._line: deque[Future[Link]] = deque()
        self._count = 0
        self._is_closed = False

    def take(self) -> Link | None:
        """A connection that nobody uses, if there is one; else `join` the line."""
        with self._lock:
            return self._idle.pop() if self._idle else None

    def join(self) -> Place[Link]:
        """A place in the line."""
        future: Future[Link] = Future()
        with self._lock:
            if self._idle:
                future.set_result(self._idle.pop())
                return Place(future, False)
            self._line.append(future)
            needs_another = self._count < self._limit
            self._count += needs_another
            return Place(future, needs_another)

    def leave(self, future: Future[Link]) -> Link | None:
        """Stop waiting. A connection that has just been handed over comes back, and has to be given to the next."""
        return None if future.cancel() or future.exception() else future.result()

    def give(self, link: Link) -> bool:
        """Hand a connection, used or new, to whoever waits longest. False: the pool is closed, so end it."""
        with self._lock:
            if self._is_closed:
                return False
            future = self._first_in_line()
            if future is None:
                self._idle.append(link)
        if future is not None:
            future.set_result(link)
        return True

    def lost(self) -> bool:
        """A connection has ended. True: somebody waits, so another one has to be opened in its place."""
        with self._lock:
            if self._line and not self._is_closed:
                return True
            self._count -= 1
            return False

    def failed(self, error: BaseException) -> None:
        """A connection could not be opened: nobody waits for it any longer."""
        with self._lock:
            self._count -= 1
            line, self._line = self._line, deque()
        for future in line:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    def clear(self) -> list[Link]:
        """Take the idle ones out, to end them."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._count -= len(idle)
            return idle

    def close(self) -> list[Link]:
        """The same, and for good: those in use are ended when they are given back."""
        self._is_closed = True
        return self.clear()

    def _first_in_line(self) -> Future[Link] | None:
        while self._line:
            future = self._line.popleft()
            if future.set_running_or_notify_cancel():
                return future
        return None
