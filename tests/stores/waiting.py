"""Waiting for what happens beside a test."""

from __future__ import annotations

import time
from collections.abc import Callable

from jwt_middleware import TemporarilyUnavailable


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Call it until it is true; what is temporarily unavailable is not."""
    deadline = time.monotonic() + seconds
    while not _holds(holds):
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.005)


def _holds(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except TemporarilyUnavailable:
        return False
