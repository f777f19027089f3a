"""Values in words: nothing that comes out of a token can act on the terminal or the page it is shown on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from jwt_middleware.jws import LATEST_TIME

MAX_LISTED: Final = 10
"""Names that are listed before the rest is counted."""

_UNITS: Final = (("days", 86_400), ("hours", 3600), ("minutes", 60))
_HEX_UNIT = re.compile("....")


def shown(value: object) -> str:
    """A value as JSON, on one line."""
    return visible(msgspec.json.encode(value).decode())


def visible(text: str) -> str:
    """The text with everything escaped, as JSON does it, that is neither printable nor a line end."""
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def listed(names: Iterable[str]) -> str:
    """Names, quoted and in order; the first few where there are many."""
    every = sorted(names)
    more = f" and {len(every) - MAX_LISTED} more" if len(every) > MAX_LISTED else ""
    return (", ".join(map(shown, every[:MAX_LISTED])) or "none") + more


def moment(value: object) -> str:
    """A time of a claim (seconds since the Unix epoch) as date and time in UTC, "" for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST_TIME:
        return ""
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """A number of seconds in the largest unit of which it has two, so that it can be read at a glance."""
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.0f} s"


def _escaped(character: str) -> str:
    return _HEX_UNIT.sub(r"\\u\g<0>", character.encode("utf-16-be", "surrogatepass").hex())
