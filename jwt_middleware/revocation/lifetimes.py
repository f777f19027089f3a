"""How long a revocation has to be remembered, and revoking by that.

An entry lives until no token that it could hit is still valid; without a limit of lifetimes, forever.
"""

from __future__ import annotations

from typing import Protocol

from jwt_middleware.identity import Identity
from jwt_middleware.revocation.protocol import WritableRevocations
from jwt_middleware.tenants.model import Tenant


class Limits(Protocol):
    """What is needed of the settings. JWTSettings has it; seconds."""

    @property
    def expiry_leeway(self) -> float: ...
    @property
    def start_leeway(self) -> float: ...
    @property
    def max_lifetime(self) -> float | None: ...
    def clock(self) -> float: ...


def token_ends(limits: Limits, expires_at: float) -> float:
    """When a token with this `exp` is no longer accepted anywhere."""
    return expires_at + limits.expiry_leeway


def cutoff_ends(limits: Limits, cutoff: float, tenant: Tenant | None = None) -> float | None:
    """When the last token issued up to the cut-off is no longer accepted anywhere; None: maybe never.

    `iat` may lie `start_leeway` in the future and the lifetime may exceed its limit by as much again. A tenant that
    has a limit of its own is held to that.
    """
    lifetime = limits.max_lifetime if tenant is None or tenant.max_lifetime is None else tenant.max_lifetime
    return None if lifetime is None else cutoff + lifetime + 2 * limits.start_leeway + limits.expiry_leeway


class Revoker:
    """Revokes in a store, each entry for as long as the settings make necessary.

    A tenant may be given by its id where it has no `max_lifetime` of its own above that of the settings; else pass
    the Tenant, or an entry may be forgotten too early. Raises what the store raises.
    """

    def __init__(self, limits: Limits, store: WritableRevocations) -> None:
        self._limits = limits
        self._store = store

    def revoke_token(self, tenant: Tenant | str, token: Identity | str, expires_at: float | None = None) -> None:
        """Withdraw one token: the one that gave the identity, or the one with this `jti` or fingerprint.

        `expires_at` is the token's `exp`, which an identity brings along; where it is not known, the entry lives as
        long as any token that was issued by now.
        """
        token_id = token if isinstance(token, str) else token.token_id
        if isinstance(token, Identity):
            _require_same_tenant(tenant, token)
            expires_at = token.expires_at
        if expires_at is not None:
            until: float | None = token_ends(self._limits, expires_at)
        else:
            until = cutoff_ends(self._limits, self._limits.clock(), _known(tenant))
        self._store.revoke_token(_id(tenant), token_id, until=until)

    def revoke_subject(self, tenant: Tenant | str, subject: str, cutoff: float | None = None) -> None:
        """Withdraw the subject's tokens issued up to the cut-off: seconds since the Unix epoch, now by default."""
        cutoff = self._limits.clock() if cutoff is None else cutoff
        until = cutoff_ends(self._limits, cutoff, _known(tenant))
        self._store.revoke_subject(_id(tenant), subject, cutoff=cutoff, until=until)

    def revoke_tenant(self, tenant: Tenant | str, cutoff: float | None = None) -> None:
        """Withdraw all the tenant's tokens issued up to the cut-off: seconds since the Unix epoch, now by default."""
        cutoff = self._limits.clock() if cutoff is None else cutoff
        until = cutoff_ends(self._limits, cutoff, _known(tenant))
        self._store.revoke_tenant(_id(tenant), cutoff=cutoff, until=until)


def _id(tenant: Tenant | str) -> str:
    return tenant if isinstance(tenant, str) else tenant.id


def _known(tenant: Tenant | str) -> Tenant | None:
    return None if isinstance(tenant, str) else tenant


def _require_same_tenant(tenant: Tenant | str, identity: Identity) -> None:
    if _id(tenant) != identity.tenant_id:
        raise ValueError("the identity is another tenant's")
