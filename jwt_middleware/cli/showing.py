"""Tenants, their keys and what was done, as JSON and on the screen. Never a secret."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jwt_middleware.cli.terminal import note, print_json
from jwt_middleware.explaining.wording import listed, moment, shown, visible
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant

if TYPE_CHECKING:
    from jwt_middleware.sql.auditing import AuditEntry

SOON: Final = "Other processes notice within the time that they cache tenants for: 30 seconds, if you left it so."
_WITHOUT_ID: Final = "(none)"


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    """Everything about the tenant but its secrets."""
    return {
        "id": tenant.id,
        "active": tenant.active,
        "issuers": [*tenant.issuers],
        "applications": [_application_json(one) for one in tenant.applications],
        "keys": [key_json(key) for key in tenant.keys],
        "keys_from": source_of(tenant),
        "scope_claim": tenant.scope_claim,
        "audience_claim": tenant.audience_claim,
        "max_lifetime": tenant.max_lifetime,
        "token_types": None if tenant.token_types is None else sorted(tenant.token_types),
    }


def key_json(key: Key) -> dict[str, Any]:
    """What may be known of a key; `not_after` in seconds since the Unix epoch."""
    kind = "secret" if key.algorithm in HMAC_HASHES else "public"
    accepted = key.is_usable(time.time())
    return {
        "kid": key.key_id,
        "algorithm": key.algorithm,
        "kind": kind,
        "not_after": key.not_after,
        "accepted": accepted,
    }


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry of the audit table."""
    return {
        "number": entry.number,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "tenant": entry.tenant_id,
        "details": entry.details,
    }


def print_tenants(tenants: Iterable[Tenant], console: Console) -> None:
    """One line for each."""
    table = _table("tenant", "state", "applications", "keys")
    for tenant in tenants:
        names = listed(one.id for one in tenant.applications)
        _add_row(table, tenant.id, _state(tenant.active), names, _keys_in_short(tenant))
    console.print(table)


def print_tenant(tenant: Tenant, console: Console) -> None:
    """Everything about one."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    for label, text in _facts(tenant):
        facts.add_row(label, Text(visible(text)))
    console.print(facts)
    print_applications(tenant.applications, console)
    if tenant.key_source is None:
        print_keys(tenant.keys, console)


def print_applications(applications: Sequence[Application], console: Console) -> None:
    """One line for each."""
    table = _table("application", "state", "scopes at most")
    for one in applications:
        _add_row(table, one.id, _state(one.active), "all" if one.scopes is None else listed(one.scopes))
    _print_or(table, "No application: no token is accepted.", console)


def print_keys(keys: Sequence[Key], console: Console) -> None:
    """One line for each."""
    table = _table("kid", "algorithm", "kind", "state")
    for key in keys:
        described = key_json(key)
        _add_row(table, key.key_id or _WITHOUT_ID, key.algorithm, described["kind"], end_of(key))
    _print_or(table, "No key: no token is accepted.", console)


def print_entries(entries: Sequence[AuditEntry], console: Console) -> None:
    """One line for each, newest first."""
    table = _table("number", "when", "who", "tenant", "what", "details")
    for entry in entries:
        details = ", ".join(f"{name}={shown(value)}" for name, value in entry.details.items())
        when, number = moment(entry.at), str(entry.number)
        _add_row(table, number, when, entry.actor, entry.tenant_id or "", entry.action, details)
    _print_or(table, "Nothing was written down.", console)


def print_change(members: dict[str, Any], text: str, changed: bool, json: bool) -> None:
    """What holds now, and whether it did before; with a remark when others notice."""
    if json:
        print_json({"changed": changed, **members})
    else:
        typer.echo(text if changed else f"{text}: it was so before")
    if changed:
        note(SOON)


def source_of(tenant: Tenant) -> dict[str, Any] | None:
    """Where the tenant's keys are fetched from, if they are."""
    source = tenant.key_source
    return {"url": source.url, "discovered": source.is_discovered} if isinstance(source, JWKS) else None


def end_of(key: Key) -> str:
    """Whether a key is accepted, and until when."""
    if key.not_after is None:
        return "accepted"
    return f"{'accepted until' if key.is_usable(time.time()) else 'ended'} {moment(key.not_after)}"


def _application_json(application: Application) -> dict[str, Any]:
    ceiling = None if application.scopes is None else sorted(application.scopes)
    return {"id": application.id, "active": application.active, "scopes": ceiling}


def _facts(tenant: Tenant) -> Iterator[tuple[str, str]]:
    yield "tenant", f"{shown(tenant.id)}, {_state(tenant.active)}"
    yield "issuers", listed(tenant.issuers)
    source = source_of(tenant)
    if source is not None:
        yield "keys from", source["url"]
    if tenant.renames_claims:
        yield "claims", f"scopes in {shown(tenant.scope_claim)}, application in {shown(tenant.audience_claim)}"
    if tenant.max_lifetime is not None:
        yield "lifetime", f"{tenant.max_lifetime:g} s at most"
    if tenant.token_types is not None:
        yield "token types", listed(tenant.token_types)


def _keys_in_short(tenant: Tenant) -> str:
    source = source_of(tenant)
    if source is not None:
        return f"from {source['url']}"
    accepted = [key for key in tenant.keys if key.is_usable(time.time())]
    ending = sum(key.not_after is not None for key in accepted)
    return f"{len(accepted)} {'/'.join(sorted({key.algorithm for key in accepted}))}".rstrip() + (
        f", {ending} of them ending" if ending else ""
    )


def _state(active: bool) -> str:
    return "active" if active else "suspended"


def _table(*names: str) -> Table:
    table = Table(*names)
    for column in table.columns:
        column.overflow = "fold"
    return table


def _add_row(table: Table, *texts: str) -> None:
    table.add_row(*(Text(visible(text)) for text in texts))


def _print_or(table: Table, nothing: str, console: Console) -> None:
    console.print(table if table.row_count else Text(nothing))
