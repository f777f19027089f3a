"""Revocations that are written down in the store of tenants, with all that is needed to make them again.

A Redis that was flushed is filled again from that: `jwt-middleware revocations restore`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from jwt_middleware.cli.terminal import fail
from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.revocation.protocol import WritableRevocations

if TYPE_CHECKING:
    from jwt_middleware.sql.auditing import AuditEntry
    from jwt_middleware.tenants.sql import SQLTenants

_READ_AT_ONCE: Final = 1000


class AuditedRevocations:
    """The store, with each revocation written down once it has taken effect. Implements WritableRevocations.

    `until` is that of the last one (seconds since the Unix epoch; None: forever).
    """

    def __init__(self, store: WritableRevocations, tenants: SQLTenants) -> None:
        self._store = store
        self._tenants = tenants
        self.until: float | None = None

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """As the store says."""
        return self._store.is_revoked(tenant_id, token_id, subject, issued_at)

    def revoke_token(self, tenant_id: str, token_id: str, *, until: float | None) -> None:
        """Withdraw one token."""
        self._store.revoke_token(tenant_id, token_id, until=until)
        self._note("token.revoke", tenant_id, until, token_id=token_id)

    def revoke_subject(self, tenant_id: str, subject: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the subject's tokens issued up to the cut-off."""
        self._store.revoke_subject(tenant_id, subject, cutoff=cutoff, until=until)
        self._note("subject.revoke", tenant_id, until, subject=subject, cutoff=cutoff)

    def revoke_tenant(self, tenant_id: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the tenant's tokens issued up to the cut-off."""
        self._store.revoke_tenant(tenant_id, cutoff=cutoff, until=until)
        self._note("tenant.revoke", tenant_id, until, cutoff=cutoff)

    def _note(self, action: str, tenant_id: str, until: float | None, **names: Any) -> None:
        self.until = until
        try:
            self._tenants.note(action, tenant_id, **names, until=until)
        except TemporarilyUnavailable as error:
            what = f"it took effect, but could not be written down: {error.reason.replace('_', ' ')}"
            fail("audit", what, "do it again when the store answers: revoking twice is revoking once")


class RevokedToken(msgspec.Struct):
    """A token, as it was written down."""

    token_id: str
    until: float | None

    def into(self, store: WritableRevocations, tenant_id: str) -> None:
        """Revoke it again."""
        store.revoke_token(tenant_id, self.token_id, until=self.until)


class RevokedSubject(msgspec.Struct):
    """A subject, as it was written down."""

    subject: str
    cutoff: float
    until: float | None

    def into(self, store: WritableRevocations, tenant_id: str) -> None:
        """Revoke its tokens again."""
        store.revoke_subject(tenant_id, self.subject, cutoff=self.cutoff, until=self.until)


class RevokedTenant(msgspec.Struct):
    """A tenant, as it was written down."""

    cutoff: float
    until: float | None

    def into(self, store: WritableRevocations, tenant_id: str) -> None:
        """Revoke its tokens again."""
        store.revoke_tenant(tenant_id, cutoff=self.cutoff, until=self.until)


Revoked: TypeAlias = RevokedToken | RevokedSubject | RevokedTenant
_KINDS: Final[Mapping[str, type[Revoked]]] = {
    "token.revoke": RevokedToken,
    "subject.revoke": RevokedSubject,
    "tenant.revoke": RevokedTenant,
}


def written_down(tenants: SQLTenants, now: float) -> tuple[list[tuple[str, Revoked]], int]:
    """What was revoked and has not ended, each with its tenant; and how many entries cannot be read.

    Raises what the store raises.
    """
    found: list[tuple[str, Revoked]] = []
    unreadable = 0
    for entry in _entries(tenants):
        try:
            revoked: Revoked = msgspec.convert(entry.details, _KINDS[entry.action])
        except msgspec.ValidationError:
            # Somebody else wrote this down, in words of his own.
            unreadable += 1
            continue
        if revoked.until is None or revoked.until > now:
            found.append((entry.tenant_id or "", revoked))
    return found, unreadable


def put_back(found: Iterable[tuple[str, Revoked]], store: WritableRevocations) -> None:
    """Revoke it again; what is revoked already stays so. Raises what the store raises."""
    for tenant_id, revoked in found:
        revoked.into(store, tenant_id)


def _entries(tenants: SQLTenants) -> Iterator[AuditEntry]:
    before: int | None = None
    while entries := tenants.audit(actions=_KINDS, limit=_READ_AT_ONCE, before=before):
        yield from entries
        before = entries[-1].number
