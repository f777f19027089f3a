"""The clock that a test turns."""

from __future__ import annotations

import time

from jwt_middleware.testing import Clock


def test_it_starts_now_in_whole_seconds_and_stands_still() -> None:
    clock = Clock()
    assert 0 <= time.time() - clock() < 60
    assert clock() == int(clock())
    assert Clock(1_000.5)() == 1_000.5


def test_it_moves_when_it_is_turned_or_set() -> None:
    clock = Clock(1_000)
    clock.turn(60)
    assert clock() == 1_060
    clock.turn(-10)
    assert clock() == 1_050
    clock.now = 3
    assert clock() == 3
