"""What an API can be like so that a good token is refused, or cannot be checked: for `override`."""

from __future__ import annotations

from functools import cache
from secrets import token_bytes
from typing import Never

from jwt_middleware.tenants.changes import changed
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Application, Tenant


@cache
def acme() -> Tenant:
    """A tenant that is made up, with a random secret: the same one in the whole process.

    Its applications are `shop`, which may do anything; `kiosk`, which may only `read`; and `closed`, suspended.
    """
    applications = [Application("shop"), Application("kiosk", scopes=["read"]), Application("closed", active=False)]
    return Tenant("acme", keys=[Key.secret(token_bytes(64), kid="test")], applications=applications)


def suspended(tenant: Tenant) -> Tenant:
    """The same tenant while it is suspended: `override(app, tenants=[suspended(tenant)])`."""
    return changed(tenant, active=False)


class EverythingRevoked:
    """Every token was withdrawn: `override(app, revocations=EverythingRevoked())`."""

    in_memory = True

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        """Always."""
        return True


class Unavailable:
    """Cannot tell, so that the answer is 503: `override(app, tenants=Unavailable())`, or `revocations=`."""

    in_memory = True

    def resolve(self, issuer: str) -> Never:
        """Raises ConnectionError."""
        raise ConnectionError("no tenant can be looked up in this test")

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> Never:
        """Raises ConnectionError."""
        raise ConnectionError("no revocation can be looked up in this test")
