"""A store that does not answer is waited for by one caller at a time; the others are told at once."""

from __future__ import annotations

import threading
from types import TracebackType

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.forks import renew_after_fork


class Breaker:
    """Lets everybody through to a store until one of them waited in vain; then one at a time, until one succeeds.

    So a store that hangs costs one thread or task its time limit, whatever the load; and the first answer after it
    is back lets everybody through again. Safe to share between threads and event loops.
    """

    def __init__(self, name: str, failures: tuple[type[BaseException], ...]) -> None:
        self._name = name
        self._failures = failures
        self._lock = threading.Lock()
        self._is_suspect = False
        self._trial: Attempt | None = None
        renew_after_fork(self)

    def attempt(self) -> Attempt:
        """A context manager around one call. Raises TemporarilyUnavailable while somebody else tries.

        It raised one of the `failures`: the store is suspect. It ended well or raised another error: the store
        answers. It was cancelled: nothing is known.
        """
        attempt = Attempt(self)
        if self._is_suspect:
            with self._lock:
                if self._trial is not None:
                    raise TemporarilyUnavailable(f"{self._name}_does_not_answer")
                self._trial = attempt
        return attempt

    def ended(self, attempt: Attempt, error: BaseException | None) -> None:
        """For the attempt itself."""
        has_failed = isinstance(error, self._failures)
        if self._is_suspect or has_failed:
            with self._lock:
                if has_failed or error is None or isinstance(error, Exception):
                    self._is_suspect = has_failed
                if self._trial is attempt:
                    self._trial = None

    def after_fork(self) -> None:
        """In the child: whoever was trying does so in the parent, and nobody there holds the lock."""
        self._lock = threading.Lock()
        self._trial = None


class Attempt:
    """One call of the store."""

    __slots__ = ("_breaker",)

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._breaker.ended(self, error)
