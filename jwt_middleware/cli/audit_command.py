"""`jwt-middleware audit`: who changed what when."""

from __future__ import annotations

from typing import Annotated

import typer

from jwt_middleware.cli.lookup import did_you_mean
from jwt_middleware.cli.showing import entry_json, print_entries
from jwt_middleware.cli.store import Store, opened
from jwt_middleware.cli.terminal import Json, console, note, print_json, reporting
from jwt_middleware.explaining.wording import shown


def audit_command(
    tenant: Annotated[str | None, typer.Argument(metavar="[TENANT]", help="Only what concerns this tenant.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many entries.")] = 50,
    before: Annotated[int | None, typer.Option(metavar="NUMBER", help="Only entries with lower numbers.")] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Show who changed what when, newest first.

    No entry is ever changed or removed, also where its tenant was.
    """
    with reporting(), opened(store) as tenants:
        entries = tenants.audit(tenant, limit=limit, before=before)
        hint = did_you_mean(tenants, tenant) if tenant and not entries and tenants.tenant(tenant) is None else ""
    if json:
        print_json({"entries": [entry_json(entry) for entry in entries]})
    else:
        print_entries(entries, console())
    if hint:
        note(f"There is no tenant {shown(tenant)}: {hint}")
    if len(entries) == limit:
        note(f"There may be more: --before {entries[-1].number}")
