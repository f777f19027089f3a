"""Tenants and applications by the names that were typed; near ones are named where there is none."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from jwt_middleware.cli.terminal import fail
from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.explaining.wording import listed, shown
from jwt_middleware.tenants.model import Application, Tenant

if TYPE_CHECKING:
    from jwt_middleware.tenants.sql import SQLTenants

LOOKED_THROUGH: Final = 1000
"""Tenants whose ids are compared: the first ones of all, and the first with the same beginning."""
_NAMED: Final = 3


def tenant_named(store: SQLTenants, tenant_id: str) -> Tenant:
    """The tenant with this id. Raises ConfigurationError, with those whose names are like it."""
    return store.tenant(tenant_id) or fail("tenant", f"there is no {shown(tenant_id)}", did_you_mean(store, tenant_id))


def application_named(tenant: Tenant, application_id: str) -> Application:
    """The tenant's application with this id. Raises ConfigurationError, with those that there are."""
    known = listed(one.id for one in tenant.applications)
    what = f"{shown(tenant.id)} has no {shown(application_id)}"
    return tenant.application(application_id) or fail("application", what, f"it has: {known}")


def did_you_mean(store: SQLTenants, name: str) -> str:
    """What may have been meant by a tenant's id that there is none of; else where to look."""
    try:
        owner = store.resolve(name)
        near = get_close_matches(name, _names_like(store, name), n=_NAMED)
    except TemporarilyUnavailable:
        owner, near = None, []
    if owner is not None:
        return f"that is an issuer of {shown(owner.id)}: name the tenant by its id"
    return f"did you mean {_either(near)}?" if near else "look for it: jwt-middleware tenant list"


def _names_like(store: SQLTenants, name: str) -> set[str]:
    pages = (store.tenants(limit=LOOKED_THROUGH, prefix=prefix) for prefix in ("", name[:1]))
    return {tenant.id for page in pages for tenant in page}


def _either(names: Iterable[str]) -> str:
    return " or ".join(map(shown, names))
