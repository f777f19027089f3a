"""Tenants that nobody can sign in as, or the wrong ones can: weak, shared and ending keys."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from typing import Final

from jwt_middleware.cli.checkup.findings import Finding, failure, fine, warning
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.explaining.wording import duration, listed
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Tenant

LEAST_DIFFERENT_BYTES: Final = 8
"""A random secret of 32 bytes has more, also when it is written in hexadecimal or as digits."""
FORGOTTEN_AFTER: Final = 30 * 86_400.0
"""Seconds after which a key that has ended should be gone."""
_CHECK: Final = "keys"
_NEW_SECRET: Final = "jwt-middleware secret rotate TENANT"  # noqa: S105 (a command)


class KeyRing:
    """Looks at tenants one by one and remembers what is worth telling. No secret is kept, but a keyed hash of each."""

    def __init__(self, within: float) -> None:
        self._within = within
        self._now = time.time()
        self._salt = secrets.token_bytes(32)
        self._owners: dict[bytes, str] = {}
        self._count = 0
        self._suspended = 0
        self._keyless: list[str] = []
        self._without_application: list[str] = []
        self._weak: list[str] = []
        self._shared: set[str] = set()
        self._ending: list[str] = []
        self._ended: list[str] = []

    def add(self, tenant: Tenant) -> None:
        """Look at one tenant."""
        self._count += 1
        self._suspended += not tenant.active
        if any(_is_weak(key) for key in tenant.keys):
            self._weak.append(tenant.id)
        for key in tenant.keys:
            self._compare(tenant.id, key)
        if any(key.not_after is not None and key.not_after < self._now - FORGOTTEN_AFTER for key in tenant.keys):
            self._ended.append(tenant.id)
        if tenant.active:
            self._look_whether_usable(tenant)

    def findings(self, *, is_whole: bool = True) -> Iterator[Finding]:
        """What is worth telling of all of them."""
        also = f", {self._suspended:,} of them suspended" if self._suspended else ""
        yield fine("tenants", f"{self._count:,} {'are there' if is_whole else 'can be read'}{also}")
        soon = f"no key that goes on after the next {duration(self._within)}"
        old = f"keys that ended more than {duration(FORGOTTEN_AFTER)} ago"
        found = [
            (failure, self._weak, "secrets that can be guessed: too short, repeated, or a public key", _NEW_SECRET),
            (
                failure,
                sorted(self._shared),
                "a secret that another tenant has too: each can sign for the other",
                _NEW_SECRET,
            ),
            (warning, self._keyless, "no key that is accepted, so no token is", _NEW_SECRET),
            (warning, self._ending, soon, f"{_NEW_SECRET}, or a link for the tenant: jwt-middleware tenant link"),
            (warning, self._without_application, "no active application", "jwt-middleware application add"),
            (warning, self._ended, old, f"they go with the next {_NEW_SECRET}"),
        ]
        told = [tell(_CHECK, _sentence(names, what), fix) for tell, names, what, fix in found if names]
        yield from told or [fine(_CHECK, "none is weak, shared or about to end")]

    def _compare(self, tenant_id: str, key: Key) -> None:
        """Whether another tenant has this secret; public keys may be shared."""
        if key.algorithm in HMAC_HASHES:
            digest = hashlib.blake2b(key.material, key=self._salt, digest_size=16).digest()
            owner = self._owners.setdefault(digest, tenant_id)
            if owner != tenant_id:
                self._shared |= {owner, tenant_id}

    def _look_whether_usable(self, tenant: Tenant) -> None:
        if not any(application.active for application in tenant.applications):
            self._without_application.append(tenant.id)
        if tenant.key_source is not None:
            return
        if not any(key.is_usable(self._now) for key in tenant.keys):
            self._keyless.append(tenant.id)
        elif not any(key.is_usable(self._now + self._within) for key in tenant.keys):
            self._ending.append(tenant.id)


def _is_weak(key: Key) -> bool:
    if key.algorithm not in HMAC_HASHES:
        return False
    try:
        Key.secret(key.material, algorithm=key.algorithm)
    except ConfigurationError:
        return True
    return len({*key.material}) < LEAST_DIFFERENT_BYTES


def _sentence(names: list[str], what: str) -> str:
    return f"{len(names):,} {'tenant has' if len(names) == 1 else 'tenants have'} {what}: {listed(names)}"
