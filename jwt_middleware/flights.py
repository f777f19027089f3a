"""One look-up at a time for each question, whoever asks: threads and event loops share the same flights."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, Generic, NamedTuple, TypeVar

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.forks import renew_after_fork

Answer = TypeVar("Answer")

GIVEN_UP_AFTER: Final = 10.0
"""Seconds after which a flight that never landed (its event loop was closed, its thread killed) is started anew."""


class Failure(NamedTuple):
    """A look-up that failed: no exception, so that each who waited raises one of its own."""

    reason: str


class Flight(NamedTuple, Generic[Answer]):
    """A look-up under way. Whoever `leads` has to fly and `land` it; the others wait for the future."""

    future: Future[Answer | Failure]
    leads: bool


class _UnderWay(NamedTuple):
    future: Future[Any]
    since: float


class Flights(Generic[Answer]):
    """At most `limit` look-ups under way, one for each question."""

    def __init__(self, limit: int, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[str, _UnderWay] = {}
        renew_after_fork(self)

    def join(self, question: str) -> Flight[Answer]:
        """The look-up of this question. Raises TemporarilyUnavailable where too many others are under way."""
        with self._lock:
            now = self._clock()
            under_way = self._under_way.get(question)
            if under_way is not None and now < under_way.since + GIVEN_UP_AFTER:
                return Flight(under_way.future, False)
            if under_way is None and len(self._under_way) >= self._limit:
                self._drop_lost(now)
                if len(self._under_way) >= self._limit:
                    raise TemporarilyUnavailable(f"{self._name}_has_too_many_look_ups")
            future: Future[Answer | Failure] = Future()
            self._under_way[question] = _UnderWay(future, now)
            return Flight(future, True)

    def land(self, question: str, flight: Flight[Answer], outcome: Answer | Failure) -> None:
        """The leader's last act: tell those who wait."""
        with self._lock:
            under_way = self._under_way.get(question)
            if under_way is not None and under_way.future is flight.future:
                del self._under_way[question]
        flight.future.set_result(outcome)

    def after_fork(self) -> None:
        """In the child: whoever flies does so in the parent, and nobody there holds the lock."""
        self._lock = threading.Lock()
        self._under_way = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def _drop_lost(self, now: float) -> None:
        lost = [name for name, flight in self._under_way.items() if now >= flight.since + GIVEN_UP_AFTER]
        for name in lost:
            del self._under_way[name]
