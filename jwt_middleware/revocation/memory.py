"""Revocations in the memory of one process."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, TypeAlias

from jwt_middleware.revocation.entries import FOREVER, KEPT_LONGER, Entry, for_cutoff, for_token, merged, token_key

_log = logging.getLogger("jwt_middleware")

_Place: TypeAlias = int | tuple[str, str | None]

# A million tokens have to fit: an entry is two integers of 60 bit, which is what two digits of Python's hold.
_PLACE: Final = (1 << 60) - 1
_PROOF_BITS: Final = 29
_PROOF: Final = (1 << _PROOF_BITS) - 1
_NEVER: Final = (1 << 31) - 1
"""The end of an entry that has none; the others are seconds since the store was made."""

_BUCKET: Final = 60
SWEPT_AT_ONCE: Final = 100
"""Entries looked at by a write, to remove those whose time is over: no write waits for a million."""


class MemoryRevocations:
    """Revocations for a single process: no other one sees them, and they end with it.

    For tests, and for an app that runs as one process. With several workers use SQLRevocations or RedisRevocations:
    a token revoked here still passes in the others. Safe to share between threads. `clock` gives seconds since the
    Unix epoch; pass the one of the settings, if they have another than time.time.
    """

    in_memory = True

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._started = int(clock())
        self._lock = threading.Lock()
        # By Python's keyed hash of tenant and token id; who finds that place taken is displaced (one in 10^11).
        self._tokens: dict[_Place, int] = {}
        self._displaced: dict[_Place, int] = {}
        # By tenant and subject; by tenant and None what holds for all its subjects.
        self._cutoffs: dict[_Place, Entry] = {}
        self._buckets: defaultdict[int, list[_Place]] = defaultdict(list)
        self._due_times: list[int] = []
        self._due: list[_Place] = []
        _log.warning("revocations are kept in the memory of this process: no other process sees them")

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """Whether the token was withdrawn by its id, its subject's cut-off or its tenant's."""
        known = self._tokens.get(hash((tenant_id, token_id)) & _PLACE)
        if (known is not None or self._displaced) and self._is_token_revoked(known, tenant_id, token_id):
            return True
        cutoffs = self._cutoffs
        if not cutoffs:
            return False
        entry = cutoffs.get((tenant_id, subject))
        if entry is not None and entry.hits(issued_at, self._clock()):
            return True
        entry = cutoffs.get((tenant_id, None))
        return entry is not None and entry.hits(issued_at, self._clock())

    def revoke_token(self, tenant_id: str, token_id: str, *, until: float | None) -> None:
        """Withdraw one token until then; None: for as long as the process lives."""
        ends = self._relative(for_token(until).ends)
        place, proof = hash((tenant_id, token_id)) & _PLACE, _proof(tenant_id, token_id)
        with self._lock:
            known = self._tokens.get(place)
            if known is None or known & _PROOF == proof:
                self._put(self._tokens, place, ends << _PROOF_BITS | proof)
            else:
                self._put(self._displaced, (tenant_id, token_id), ends << _PROOF_BITS)
            self._sweep()

    def revoke_subject(self, tenant_id: str, subject: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the subject's tokens issued up to the cut-off."""
        self._cut_off((tenant_id, subject), for_cutoff(cutoff, until))

    def revoke_tenant(self, tenant_id: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the tenant's tokens issued up to the cut-off."""
        self._cut_off((tenant_id, None), for_cutoff(cutoff, until))

    def check(self) -> None:
        """Nothing can be wrong with it."""

    def __len__(self) -> int:
        """Entries that are kept, some of them maybe past their time."""
        return len(self._tokens) + len(self._displaced) + len(self._cutoffs)

    def __repr__(self) -> str:
        return f"MemoryRevocations({len(self)} entries)"

    def _is_token_revoked(self, known: int | None, tenant_id: str, token_id: str) -> bool:
        """Two tokens may have the same place: what is known there has a proof of whom it is about."""
        if known is None or known & _PROOF != _proof(tenant_id, token_id):
            known = self._displaced.get((tenant_id, token_id), 0)
        ends = known >> _PROOF_BITS
        return ends == _NEVER or self._clock() < self._started + ends

    def _put(self, tokens: dict[_Place, int], place: _Place, value: int) -> None:
        if tokens.get(place, 0) < value:
            tokens[place] = value
            self._put_into_bucket(place, value >> _PROOF_BITS)

    def _cut_off(self, place: _Place, entry: Entry) -> None:
        with self._lock:
            known = self._cutoffs.get(place)
            entry = entry if known is None else merged(known, entry)
            if entry != known:
                self._cutoffs[place] = entry
                self._put_into_bucket(place, self._relative(entry.ends))
            self._sweep()

    def _relative(self, ends: int) -> int:
        return max(min(ends - self._started, _NEVER), 0) if ends < FOREVER else _NEVER

    def _put_into_bucket(self, place: _Place, ends: int) -> None:
        if ends < _NEVER:
            due = (ends + KEPT_LONGER) // _BUCKET + 1
            if due not in self._buckets:
                heappush(self._due_times, due)
            self._buckets[due].append(place)

    def _sweep(self) -> None:
        now = self._clock() - self._started
        while self._due_times and self._due_times[0] * _BUCKET <= now:
            self._due += self._buckets.pop(heappop(self._due_times))
        for place in self._due[-SWEPT_AT_ONCE:]:
            self._remove_if_due(place, now - KEPT_LONGER)
        del self._due[-SWEPT_AT_ONCE:]

    def _remove_if_due(self, place: _Place, now: float) -> None:
        """An entry that was given a later end meanwhile is in a later bucket too."""
        for tokens in (self._tokens, self._displaced):
            if tokens.get(place, _NEVER << _PROOF_BITS) >> _PROOF_BITS <= now:
                del tokens[place]
        cutoff = self._cutoffs.get(place)
        if cutoff is not None and self._relative(cutoff.ends) <= now:
            del self._cutoffs[place]


def _proof(tenant_id: str, token_id: str) -> int:
    return int(token_key(tenant_id, token_id), 16) & _PROOF
