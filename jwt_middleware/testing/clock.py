"""A clock that a test turns."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the Unix epoch: starts now, in whole seconds, and stands still until somebody turns it.

    For `JWTSettings(clock=...)`, the stores and `TokenFactory(clock=...)`. `now` may be set, to the past as well.
    """

    def __init__(self, now: float | None = None) -> None:
        self.now = float(int(time.time())) if now is None else now

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += seconds
