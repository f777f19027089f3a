"""`jwt-middleware application ...`: the projects of a tenant, each named by an `aud` value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from jwt_middleware.cli.lookup import application_named, tenant_named
from jwt_middleware.cli.showing import print_change, tenant_json
from jwt_middleware.cli.store import Store, opened
from jwt_middleware.cli.tenant_commands import TenantId
from jwt_middleware.cli.terminal import Json, Yes, confirm, fail, reporting
from jwt_middleware.explaining.wording import listed, shown
from jwt_middleware.tenants.changes import are_alike
from jwt_middleware.tenants.model import Application

if TYPE_CHECKING:
    from jwt_middleware.tenants.sql import SQLTenants

ApplicationId: TypeAlias = Annotated[str, typer.Argument(metavar="APPLICATION", help="The application's aud value.")]
Scopes: TypeAlias = Annotated[
    list[str] | None, typer.Option("--scope", help="A scope that it gets at most; may be repeated.")
]


def add_command(
    tenant: TenantId, application: ApplicationId, scope: Scopes = None, store: Store = None, json: Json = False
) -> None:
    """Add an application to a tenant.

    Without --scope, it gets whatever its tokens ask for.
    """
    with reporting():
        added = Application(application, scopes=scope)
    _change(tenant, application, store, json, lambda tenants: tenants.add_application(tenant, added), is_new=True)


def limit_command(
    tenant: TenantId,
    application: ApplicationId,
    scope: Scopes = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="Whatever its tokens ask for.")] = False,
    nothing: Annotated[bool, typer.Option("--nothing", help="No scope at all.")] = False,
    store: Store = None,
    json: Json = False,
) -> None:
    """Say which scopes an application gets at most."""
    with reporting():
        if [bool(scope), unlimited, nothing].count(True) != 1:
            fail("--scope", "neither one ceiling nor none", "give --scope (any number), --unlimited or --nothing")
    ceiling = None if unlimited else (scope or [])
    _change(tenant, application, store, json, lambda tenants: tenants.limit_application(tenant, application, ceiling))


def suspend_command(tenant: TenantId, application: ApplicationId, store: Store = None, json: Json = False) -> None:
    """Refuse the tokens of one application, until it is resumed."""
    _change(tenant, application, store, json, lambda tenants: tenants.suspend_application(tenant, application))


def resume_command(tenant: TenantId, application: ApplicationId, store: Store = None, json: Json = False) -> None:
    """Accept the tokens of a suspended application again."""
    _change(tenant, application, store, json, lambda tenants: tenants.resume_application(tenant, application))


def remove_command(
    tenant: TenantId, application: ApplicationId, yes: Yes = False, store: Store = None, json: Json = False
) -> None:
    """Remove an application from a tenant.

    There is no way back; to refuse its tokens for a while, suspend it.
    """

    def remove(tenants: SQLTenants) -> None:
        confirm(f"Remove {shown(application)} of {shown(tenant)}, for good?", yes)
        tenants.remove_application(tenant, application)

    _change(tenant, application, store, json, remove)


def _change(
    tenant: str,
    application: str,
    store: str | None,
    json: bool,
    change: Callable[[SQLTenants], None],
    *,
    is_new: bool = False,
) -> None:
    with reporting(), opened(store) as tenants:
        before = tenant_named(tenants, tenant)
        if not is_new:
            application_named(before, application)
        change(tenants)
        after = tenant_named(tenants, tenant)
    members: dict[str, Any] = {"tenant": tenant_json(after)}
    print_change(members, _said(after.application(application), application), not are_alike(before, after), json)


def _said(found: Application | None, application: str) -> str:
    """What holds for the application now."""
    if found is None:
        return f"{shown(application)} was removed"
    scopes = "all scopes" if found.scopes is None else f"scopes at most: {listed(found.scopes)}"
    return f"{shown(application)} is {'active' if found.active else 'suspended'}, {scopes}"
