"""`jwt-middleware tenant ...`: tenants added, shown, suspended, removed, and sent a link to a new secret."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, NoReturn, TypeAlias

import typer

from jwt_middleware.cli.durations import positive_seconds_in
from jwt_middleware.cli.lookup import tenant_named
from jwt_middleware.cli.showing import (
    SOON,
    entry_json,
    print_change,
    print_entries,
    print_tenant,
    print_tenants,
    tenant_json,
)
from jwt_middleware.cli.store import Store, opened, require_sql
from jwt_middleware.cli.terminal import Json, Yes, confirm, console, fail, note, print_json, reporting
from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.explaining.wording import listed, moment, shown
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.key_sources import KeySource
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant
from jwt_middleware.tenants.secret import fresh_secret

if TYPE_CHECKING:
    from jwt_middleware.sql.auditing import AuditEntry
    from jwt_middleware.tenants.sql import SQLTenants

_ENTRIES_SHOWN: Final = 10

TenantId: TypeAlias = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]


class Keys(NamedTuple):
    """What the command line says about a new tenant's keys."""

    kid: str | None
    algorithm: str | None
    jwks: str | None
    discover: str | None
    public_key: Path | None


def add_command(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Its id, which is its issuer too.")],
    application: Annotated[
        list[str] | None,
        typer.Option(metavar="ID[=SCOPE,...]", help="An aud value, with the scopes it gets at most; may be repeated."),
    ] = None,
    issuer: Annotated[list[str] | None, typer.Option(help="An iss value, instead of the id; may be repeated.")] = None,
    kid: Annotated[str | None, typer.Option(help="Key id of its first key.")] = None,
    algorithm: Annotated[str | None, typer.Option(help="What its key is for; else HS256.")] = None,
    jwks: Annotated[str | None, typer.Option(metavar="URL", help="Its public keys are a JWK set at this URL.")] = None,
    discover: Annotated[
        str | None, typer.Option(metavar="URL", help="Its public keys are those of this OpenID provider.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its public key, PEM or JWK; needs --algorithm.")
    ] = None,
    scope_claim: Annotated[str, typer.Option(help="The claim that its scopes are in.")] = "scope",
    audience_claim: Annotated[str, typer.Option(help="The claim that names the application.")] = "aud",
    max_lifetime: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long its tokens may live, instead of the setting.")
    ] = None,
    token_type: Annotated[
        list[str] | None, typer.Option(help="A typ that its tokens may have, instead of the setting; may be repeated.")
    ] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Add a tenant, and print its first secret.

    The secret is shown this once, and nothing else is on stdout.
    A tenant that has keys of its own gets no secret: see --jwks, --discover and --public-key.
    """
    with reporting():
        applications = [application_in(text) for text in application or ()]
        keys, secret = _first_keys(Keys(kid, algorithm, jwks, discover, public_key))
        new = Tenant(
            tenant,
            keys=keys,
            applications=applications,
            issuers=issuer,
            scope_claim=scope_claim,
            audience_claim=audience_claim,
            max_lifetime=None if max_lifetime is None else positive_seconds_in(max_lifetime, "--max-lifetime"),
            token_types=token_type,
        )
        with opened(store) as tenants:
            if tenants.tenant(tenant) is not None:
                _fail_twice(tenant)
            tenants.add_tenant(new)
    if json:
        print_json({"tenant": tenant_json(new), "secret": secret})
    else:
        typer.echo(f"{shown(tenant)} was added" if secret is None else secret)
    _say_what_is_new(new, secret is not None)


def list_command(
    prefix: Annotated[str, typer.Option(help="Only tenants whose id begins with this.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 100,
    offset: Annotated[int, typer.Option(min=0, help="How many others come before.")] = 0,
    store: Store = None,
    json: Json = False,
) -> None:
    """List the tenants, by id, with their applications and keys."""
    with reporting(), opened(store) as tenants:
        found = tenants.tenants(offset, limit, prefix)
        is_last = len(found) < limit or not tenants.tenants(offset + limit, 1, prefix)
    if json:
        print_json({"tenants": [tenant_json(tenant) for tenant in found], "next": None if is_last else offset + limit})
    else:
        print_tenants(found, console())
    if not found:
        note("There is no such tenant." if prefix or offset else "There is no tenant: jwt-middleware tenant add")
    elif not is_last:
        note(f"There are more: --offset {offset + limit}")


def show_command(tenant: TenantId, store: Store = None, json: Json = False) -> None:
    """Show a tenant: issuers, applications, keys, latest changes.

    No secret is shown.
    """
    with reporting(), opened(store) as tenants:
        found = tenant_named(tenants, tenant)
        entries = _latest(tenants, tenant)
    if json:
        print_json({**tenant_json(found), "audit": [entry_json(entry) for entry in entries]})
        return
    print_tenant(found, console())
    print_entries(entries, console())


def suspend_command(tenant: TenantId, store: Store = None, json: Json = False) -> None:
    """Refuse a tenant's tokens, until it is resumed."""
    _set_active(tenant, False, store, json)


def resume_command(tenant: TenantId, store: Store = None, json: Json = False) -> None:
    """Accept a suspended tenant's tokens again."""
    _set_active(tenant, True, store, json)


def remove_command(tenant: TenantId, yes: Yes = False, store: Store = None, json: Json = False) -> None:
    """Remove a tenant with its applications and keys.

    There is no way back.
    To refuse its tokens for a while, suspend it.
    """
    with reporting(), opened(store) as tenants:
        try:
            applications = listed(one.id for one in tenant_named(tenants, tenant).applications)
        except TemporarilyUnavailable:
            # What is stored about it cannot be read: a reason to remove it.
            applications = "unreadable"
        confirm(f"Remove {shown(tenant)} (applications: {applications}) with its keys, for good?", yes)
        tenants.remove(tenant)
    if json:
        print_json({"removed": tenant})
    else:
        typer.echo(f"{shown(tenant)} was removed")
    note(SOON)


def link_command(
    tenant: TenantId,
    expires_in: Annotated[str, typer.Option(metavar="DURATION", help="How long it can be used: 30m, 24h.")] = "30m",
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where tenants reach the console: https://console.example.")
    ] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Make a link by which a tenant renews its secret, once.

    It is shown this once, and nothing else is on stdout.
    An earlier link of the tenant ends.
    Whoever has the link can change the secret: send it over a way that only the tenant reads.
    """
    with reporting():
        require_sql()
        from jwt_middleware.tenants.refresh_links import RefreshLinks, checked_console_url, refresh_url

        seconds = positive_seconds_in(expires_in, "--expires-in")
        # Before a link is made: earlier ones end by that.
        base = None if base_url is None else checked_console_url(base_url)
        with opened(store) as tenants:
            tenant_named(tenants, tenant)
            ends = time.time() + seconds
            token = RefreshLinks(tenants).make(tenant, seconds)
    url = None if base is None else refresh_url(base, token)
    if json:
        print_json({"tenant": tenant, "token": token, "url": url, "expires_at": ends})
    else:
        typer.echo(url or token)
    note(f"It can be used once, until {moment(ends)}, and is not shown again. Earlier links of the tenant have ended.")
    if url is None:
        note(f"Send it as a link to the console: {refresh_url('https://console.example', 'TOKEN')}; see --base-url")


def application_in(text: str) -> Application:
    """The application that `ID` or `ID=SCOPE,SCOPE` means. Raises ConfigurationError."""
    name, is_limited, scopes = text.partition("=")
    ceiling = [scope for scope in scopes.split(",") if scope] if is_limited else None
    if ceiling == []:
        fail("--application", f"{shown(text)} ends in =", "name scopes after it, or leave it out for all scopes")
    return Application(name, scopes=ceiling)


def _first_keys(wanted: Keys) -> tuple[list[Key] | KeySource, str | None]:
    """The keys of a new tenant, and its secret, if it gets one."""
    sources = {"--jwks": wanted.jwks, "--discover": wanted.discover, "--public-key": wanted.public_key}
    given = [option for option, value in sources.items() if value is not None]
    if len(given) > 1:
        fail(" and ".join(given), "say where its keys are more than once", "give one of them")
    if wanted.public_key is not None:
        return [_public_key(wanted.public_key, wanted)], None
    url = wanted.jwks or wanted.discover
    if url is not None:
        if wanted.kid is not None or wanted.algorithm is not None:
            fail("--kid, --algorithm", f"stand in the set that {given[0]} names", "leave them out")
        return (JWKS(url) if wanted.jwks is not None else JWKS.discover(url)), None
    return _first_secret(wanted)


def _first_secret(wanted: Keys) -> tuple[list[Key], str]:
    algorithm = wanted.algorithm or "HS256"
    if algorithm not in HMAC_HASHES:
        fix = f"one of {', '.join(HMAC_HASHES)}; or give its public key: --public-key FILE"
        fail("--algorithm", f"{shown(algorithm)} does not take a secret", fix)
    secret = fresh_secret(algorithm)
    return [Key.secret(secret, kid=wanted.kid, algorithm=algorithm)], secret


def _public_key(file: Path, wanted: Keys) -> Key:
    if wanted.algorithm is None:
        fail("--algorithm", "missing", "say what the public key is for: RS256, ES256, EdDSA, ...")
    try:
        text = file.read_bytes()
    except OSError as error:
        fail("--public-key", f"{file} cannot be read: {error.strerror}", "name a file with PEM text or a JWK")
    return Key.public(text, algorithm=wanted.algorithm, kid=wanted.kid)


def _fail_twice(tenant: str) -> NoReturn:
    fix = f"see it: jwt-middleware tenant show; for a new secret: jwt-middleware secret rotate {shown(tenant)}"
    fail("tenant", f"there is a {shown(tenant)} already, which stays as it is", fix)


def _say_what_is_new(tenant: Tenant, has_secret: bool) -> None:
    if has_secret:
        note(f"{shown(tenant.id)} was added. Its secret is shown this once: hand it over a way that only it reads.")
    if not tenant.applications:
        note("It has no application yet, so no token is accepted: jwt-middleware application add")


def _latest(tenants: SQLTenants, tenant: str) -> Sequence[AuditEntry]:
    try:
        return tenants.audit(tenant, limit=_ENTRIES_SHOWN)
    except ConfigurationError as error:
        # Tables of the revision before are good enough for the rest.
        note(str(error))
        return []


def _set_active(tenant: str, active: bool, store: str | None, json: bool) -> None:
    with reporting(), opened(store) as tenants:
        before = tenant_named(tenants, tenant)
        (tenants.resume if active else tenants.suspend)(tenant)
        after = tenant_named(tenants, tenant)
    print_change(
        {"tenant": tenant_json(after)},
        f"{shown(tenant)} is {'active' if active else 'suspended'}",
        before.active != active,
        json,
    )
