"""What was found: fine, worth a look, or wrong; and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.explaining.wording import duration

MUCH: Final = 2.0
"""Seconds that clocks may differ by before it is worth a look."""


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One thing that was looked at."""

    check: str
    state: State
    what: str
    fix: str = ""


def fine(check: str, what: str) -> Finding:
    """It is as it should be."""
    return Finding(check, State.OK, what)


def warning(check: str, what: str, fix: str) -> Finding:
    """It works, and may not for long, or not as meant."""
    return Finding(check, State.WARN, what, fix)


def failure(check: str, what: str, fix: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding(check, State.FAIL, what, fix)


def problems(check: str, error: ConfigurationError) -> Iterator[Finding]:
    """Each problem of the error."""
    return (failure(check, f"{where}: {what}", fix) for where, what, fix in error.problems)


def unreachable(check: str, error: TemporarilyUnavailable) -> Finding:
    """It does not answer. In the driver's own words where there are any."""
    words = str(error.__cause__ or "").splitlines() or [error.reason.replace("_", " ")]
    return failure(check, f"does not answer: {words[0]}", "check that it runs; host, port, user, password and name")


def clocks(check: str, whose: str, ahead: float, leeway: float) -> Finding:
    """Two clocks compared; `ahead` in seconds, below 0: behind. `leeway` is the setting `start_leeway`."""
    if abs(ahead) <= MUCH:
        return fine(check, f"{whose} clock and this one agree")
    what = f"{whose} clock is {duration(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
    fix = "let both machines take the time from a server: NTP, chrony, systemd-timesyncd"
    if abs(ahead) > leeway:
        return failure(check, f"{what}, more than start_leeway ({leeway:g} s): good tokens are refused", fix)
    return warning(check, what, fix)
