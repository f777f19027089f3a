"""What a revocation store is asked, and told."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class RevocationStore(Protocol):
    """Knows what was withdrawn, always within one tenant.

    `is_revoked` may be a plain or an `async` method. A store that answers from memory says so with a class attribute
    `in_memory = True`. `close` or `aclose`, where there is one, ends what it started.
    """

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool | Awaitable[bool]:
        """Whether the token with this id, subject and `iat` (seconds) was withdrawn.

        True when the token id was revoked, or a cut-off of the subject or the tenant is at or after `iat` rounded
        down. Raising means: cannot tell at the moment (503).
        """


class WritableRevocations(Protocol):
    """A revocation store that can be told, too. Telling it the same twice is telling it once.

    `until` (seconds since the Unix epoch) is when an entry has no token left that it could hit, so that it may be
    forgotten; None: never. `jwt_middleware.revocation.lifetimes` computes it. Of two cut-offs the later one counts,
    of two `until` the later one, in whichever order they come.

    Returning means: recorded, and looked at from the next check of this store on. Raises TemporarilyUnavailable when
    that cannot be said, and ValueError for a time that is none.
    """

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """As for every RevocationStore."""

    def revoke_token(self, tenant_id: str, token_id: str, *, until: float | None) -> None:
        """Withdraw one token of the tenant, by its `jti` or else its fingerprint."""

    def revoke_subject(self, tenant_id: str, subject: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the subject's tokens whose `iat`, rounded down, is not later than the cut-off (seconds)."""

    def revoke_tenant(self, tenant_id: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the tenant's tokens whose `iat`, rounded down, is not later than the cut-off (seconds)."""
