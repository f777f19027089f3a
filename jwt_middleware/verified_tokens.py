"""Tokens whose signature was verified before, so that an expensive one is verified once.

For public keys only: an HMAC costs about as much as looking it up. Kept by the SHA-256 of the whole token, so that no
live token stays in memory. Only what cannot change is kept: on each hit tenant, key, times and revocation are looked
at again.
"""

from __future__ import annotations

import threading
from collections import deque
from hashlib import sha256
from typing import Final, Generic, TypeVar

Token = TypeVar("Token")

TENANT_SHARE: Final = 4
"""A tenant has at most this fraction (a quarter) of all places, so that its flood does not displace everybody else."""


class VerifiedTokens(Generic[Token]):
    """At most `max_tokens` tokens; the ones that came first go first. Looking up takes no lock."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._by_digest: dict[bytes, tuple[Token, str]] = {}
        self._of_tenant: dict[str, deque[bytes]] = {}
        self._lock = threading.Lock()

    def find(self, text: bytes) -> Token | None:
        """The token with just this text (header, payload and signature), if it is kept."""
        found = self._by_digest.get(sha256(text).digest())
        return None if found is None else found[0]

    def keep(self, text: bytes, token: Token, tenant_id: str) -> None:
        """Keep a token that carries its verification, in place of an older one where there is no place left."""
        digest = sha256(text).digest()
        with self._lock:
            if digest in self._by_digest:
                self._by_digest[digest] = token, self._by_digest[digest][1]
            elif self._max_tokens > 0:
                self._make_room(tenant_id)
                self._of_tenant.setdefault(tenant_id, deque()).append(digest)
                self._by_digest[digest] = token, tenant_id

    def __len__(self) -> int:
        return len(self._by_digest)

    def _make_room(self, tenant_id: str) -> None:
        if len(self._of_tenant.get(tenant_id, ())) >= max(1, self._max_tokens // TENANT_SHARE):
            self._forget_oldest_of(tenant_id)
        elif len(self._by_digest) >= self._max_tokens:
            _, oldest_owner = next(iter(self._by_digest.values()))
            self._forget_oldest_of(oldest_owner)

    def _forget_oldest_of(self, tenant_id: str) -> None:
        digests = self._of_tenant[tenant_id]
        del self._by_digest[digests.popleft()]
        if not digests:
            del self._of_tenant[tenant_id]
