"""Entries of every store: what is written, how two of them become one, which tokens they hit. No I/O.

An entry is a cut-off and an end. A token that is revoked by its id has one whose cut-off no `iat` exceeds, so that
one rule serves all three kinds. Merging takes the later of both times, each for itself: the order of writes, and how
often one is repeated, do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from math import ceil, floor, isfinite
from typing import Final, NamedTuple

LATEST: Final = 10**11
"""No time of a token is this late (seconds since the Unix epoch)."""
FOREVER: Final = 10**12
"""The end of an entry that has none."""
KEPT_LONGER: Final = 3600
"""Seconds for which an entry is kept past its end. Whether it still counts goes by the clock that tokens expire by;
it is removed by the clock of another machine, or by one that may jump."""

KEY_LENGTH: Final = 40


class Entry(NamedTuple):
    """Hits tokens whose `iat`, rounded down, is at most `cutoff`, before `ends`. Whole seconds."""

    cutoff: int
    ends: int

    def hits(self, issued_at: float, now: float) -> bool:
        """Whether a token with this `iat` is revoked now."""
        return issued_at // 1 <= self.cutoff and now < self.ends


def for_token(until: float | None) -> Entry:
    """The entry of a token id. Raises ValueError for a time that is none."""
    return Entry(LATEST, _end(until))


def for_cutoff(cutoff: float, until: float | None) -> Entry:
    """The entry of a subject or a tenant. Raises ValueError for a time that is none."""
    if not 0 <= cutoff < LATEST:
        raise ValueError(f"a cut-off is in seconds since the Unix epoch, not {cutoff!r}")
    return Entry(floor(cutoff), _end(until))


def _end(until: float | None) -> int:
    if until is None:
        return FOREVER
    if not (isfinite(until) and until >= 0):
        raise ValueError(f"an end is in seconds since the Unix epoch, or None, not {until!r}")
    return min(ceil(until), FOREVER)


def merged(one: Entry, other: Entry) -> Entry:
    """What both say together."""
    return Entry(max(one.cutoff, other.cutoff), max(one.ends, other.ends))


def is_hit(entries: Iterable[Entry], issued_at: float, now: float) -> bool:
    """Whether one of the entries hits."""
    return any(entry.hits(issued_at, now) for entry in entries)


def token_key(tenant_id: str, token_id: str) -> str:
    """Names the entry of a token id in a store."""
    return _key("t", tenant_id, token_id)


def subject_key(tenant_id: str, subject: str) -> str:
    """Names the entry of a subject in a store."""
    return _key("s", tenant_id, subject)


def tenant_key(tenant_id: str) -> str:
    """Names the entry of a tenant in a store."""
    return _key("a", tenant_id, "")


def keys(tenant_id: str, token_id: str, subject: str) -> tuple[str, str, str]:
    """The names of all entries that could hit a token."""
    return token_key(tenant_id, token_id), subject_key(tenant_id, subject), tenant_key(tenant_id)


def _key(kind: str, tenant_id: str, name: str) -> str:
    """160 bit of a SHA-256 in hexadecimal: no name of one tenant can be written so that it is another's.

    It is short, whatever a tenant calls things, and no collation or encoding of a store makes two of them one.
    """
    text = f"{kind}{len(tenant_id)}:{tenant_id}{name}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_LENGTH]
