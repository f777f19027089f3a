"""Durations as they are typed: 30m, 24h, 7d."""

from __future__ import annotations

import re
from typing import Final

from jwt_middleware.cli.terminal import fail
from jwt_middleware.tenants.changes import LATEST

_FORM: Final = re.compile("([0-9]{1,12})([smhd]?)").fullmatch
_SIZES: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_in(text: str, where: str) -> float:
    """The seconds that `30m`, `24h`, `7d`, `90s`, `90` or `0` means. Raises ConfigurationError about that option."""
    found = _FORM(text.strip())
    seconds = int(found[1]) * _SIZES[found[2]] if found else LATEST
    if seconds >= LATEST:
        fail(where, "not a duration", "write 90s, 30m, 24h or 7d; 0 is at once")
    return float(seconds)


def positive_seconds_in(text: str, where: str) -> float:
    """The same, where nothing is too little."""
    seconds = seconds_in(text, where)
    return seconds or fail(where, "no time at all", "write 30m or 24h")
