"""What a revocation store is asked."""

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
