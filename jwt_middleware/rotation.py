"""Which tenants still sign with a key that is being retired, and when they last did.

A key is being retired from when it has a `not_after`. Who looks here before that time knows whom to call.
"""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from jwt_middleware.jws import VerifiedToken
from jwt_middleware.log import report_retiring_key

MAX_WATCHED_KEYS: Final = 10_000
"""Keys that are watched at most; further ones are not."""
REPORT_INTERVAL: Final = 3600.0
"""Seconds between two log lines about one key."""


class RetiringKey(NamedTuple):
    """A key with an end that was used; times in seconds since the Unix epoch."""

    tenant_id: str
    key_id: str | None
    not_after: float
    last_used: float


class RetiringKeys:
    """Watches the use of keys that have a `not_after`. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_used: dict[tuple[str, str | None, float], float] = {}
        self._reported: dict[tuple[str, str | None, float], float] = {}

    def note(self, verified: VerifiedToken, now: float) -> None:
        """The key of this token was used. Logged once per key and hour."""
        end = verified.key.not_after
        if end is None:
            return
        name = (verified.tenant.id, verified.key.key_id, end)
        with self._lock:
            if name not in self._last_used and len(self._last_used) >= MAX_WATCHED_KEYS:
                return
            self._last_used[name] = now
            is_due = now >= self._reported.get(name, float("-inf")) + REPORT_INTERVAL
            if is_due:
                self._reported[name] = now
        if is_due:
            report_retiring_key(*name)

    def used(self) -> tuple[RetiringKey, ...]:
        """Every such key that was used in this process, the one that ends first at the front."""
        with self._lock:
            found = [RetiringKey(*name, last_used) for name, last_used in self._last_used.items()]
        return tuple(sorted(found, key=lambda key: (key.not_after, key.tenant_id, key.key_id or "")))
