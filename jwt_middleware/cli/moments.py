"""Moments as they are typed: seconds since the Unix epoch, as in a token, or date and time with a zone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from jwt_middleware.cli.terminal import fail
from jwt_middleware.revocation.entries import LATEST

_SECONDS: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?").fullmatch
_FORMS: Final = "write 2026-11-24T12:00:00Z, or seconds since the Unix epoch: 1795521600"


def moment_in(text: str, where: str) -> float:
    """The moment, in seconds since the Unix epoch. Raises ConfigurationError; `where` is the option."""
    text = text.strip()
    seconds = float(text) if _SECONDS(text) else _from_date(text, where)
    if not 0 <= seconds < LATEST:
        fail(where, "no moment that a token could name", f"{_FORMS}; not milliseconds")
    return seconds


def _from_date(text: str, where: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(where, "neither a date with time nor a number of seconds", _FORMS)
    if moment.tzinfo is None:
        fail(where, "has no time zone", _FORMS)
    return moment.timestamp()
