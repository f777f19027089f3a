"""`jwt-middleware secret`: a fresh API secret; and those of a tenant, rotated, listed and retired."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from jwt_middleware.cli.durations import seconds_in
from jwt_middleware.cli.lookup import tenant_named
from jwt_middleware.cli.showing import SOON, end_of, key_json, print_change, print_keys, source_of
from jwt_middleware.cli.store import Store, opened
from jwt_middleware.cli.tenant_commands import TenantId
from jwt_middleware.cli.terminal import Json, console, fail, note, print_json, reporting
from jwt_middleware.explaining.wording import shown
from jwt_middleware.tenants.changes import algorithm_of_secrets, are_alike, next_key_id
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.tenants.secret import fresh_secret, secret_size

GRACE: Final = "24h"
"""For which the old secret goes on, where nobody says otherwise."""


class Algorithm(StrEnum):
    """What takes a secret."""

    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"


def secret_command(
    context: typer.Context,
    algorithm: Annotated[Algorithm, typer.Option(help="The algorithm that the secret is for.")] = Algorithm.HS256,
    json: Json = False,
) -> None:
    """Print a fresh secret; or change those of a tenant."""
    if context.invoked_subcommand is not None:
        return
    secret = fresh_secret(algorithm)
    if json:
        print_json({"algorithm": algorithm, "bits": 8 * secret_size(algorithm), "secret": secret})
    else:
        typer.echo(secret)


def rotate_command(
    tenant: TenantId,
    grace: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help=f"How long the old one goes on: 30m, 7d, 0; else {GRACE}."),
    ] = None,
    compromised: Annotated[bool, typer.Option("--compromised", help="It leaked: the old one stops now.")] = False,
    kid: Annotated[
        str | None, typer.Option(help="Key id of the new one; else one is made, where the tenant's keys have ids.")
    ] = None,
    algorithm: Annotated[Algorithm | None, typer.Option(help="What it is for; else the same as before.")] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Give a tenant a new secret, and print it.

    It is shown this once, and nothing else is on stdout.
    The old one goes on for a while, so that the tenant can change over; or it stops now, with --compromised.
    """
    with reporting():
        if compromised and grace is not None:
            fail("--compromised, --grace", "contradict each other", "leave --grace out: the old one stops now")
        seconds = 0.0 if compromised else seconds_in(grace or GRACE, "--grace")
        with opened(store) as tenants:
            before = tenant_named(tenants, tenant)
            _require_secrets(before)
            name = kid or next_key_id(before, time.time())
            kind = algorithm or algorithm_of_secrets(before)
            secret = tenants.rotate_secret(tenant, kid=name, algorithm=kind, grace=seconds)
            after = tenant_named(tenants, tenant)
    others = [key for key in after.keys if not key.has_secret_of(Key.secret(secret, algorithm=kind))]
    if json:
        new = {"secret": secret, "kid": name, "algorithm": kind}
        print_json({"tenant": tenant, **new, "others": [key_json(key) for key in others]})
    else:
        typer.echo(secret)
    _say_what_rotated(tenant, name, others)


def list_command(tenant: TenantId, store: Store = None, json: Json = False) -> None:
    """List a tenant's keys: key id, algorithm and end, never the secret."""
    with reporting(), opened(store) as tenants:
        found = tenant_named(tenants, tenant)
    source = source_of(found)
    if json:
        print_json({"tenant": tenant, "keys": [key_json(key) for key in found.keys], "keys_from": source})
    elif source is not None:
        typer.echo(f"Its keys are fetched from {source['url']}")
    else:
        print_keys(found.keys, console())


def retire_command(
    tenant: TenantId,
    kid: Annotated[str | None, typer.Argument(metavar="[KID]", help="Its key id.")] = None,
    without_kid: Annotated[bool, typer.Option("--without-kid", help="Those that have no key id.")] = False,
    grace: Annotated[str, typer.Option(metavar="DURATION", help="How long it goes on: 30m, 24h, 7d.")] = "0",
    store: Store = None,
    json: Json = False,
) -> None:
    """End a key of a tenant, now or after a while.

    One that ends earlier already stays so.
    """
    with reporting():
        if (kid is None) != without_kid:
            fail("KID", "not exactly one key", "name its key id, or say --without-kid; see: jwt-middleware secret list")
        end = time.time() + seconds_in(grace, "--grace")
        with opened(store) as tenants:
            before = tenant_named(tenants, tenant)
            tenants.retire_key(tenant, kid, at=end)
            after = tenant_named(tenants, tenant)
    members: dict[str, Any] = {"tenant": tenant, "keys": [key_json(key) for key in after.keys]}
    print_change(members, _ends_of(kid, after), not are_alike(before, after), json)
    if not any(key.is_usable(max(end, time.time())) for key in after.keys):
        note(f"Then {shown(tenant)} has no key left: jwt-middleware secret rotate gives it one.")


def _require_secrets(tenant: Tenant) -> None:
    """Raises ConfigurationError where the tenant's keys are its own."""
    if tenant.key_source is not None or any(key.algorithm not in HMAC_HASHES for key in tenant.keys):
        what = f"{shown(tenant.id)} has no secret: it signs with keys of its own"
        fail("keys", what, "it changes them itself, where they are published or kept")


def _ends_of(kid: str | None, tenant: Tenant) -> str:
    ends = ", ".join(dict.fromkeys(end_of(key) for key in tenant.keys if key.key_id == kid))
    return f"{'what has no kid' if kid is None else shown(kid)}: {ends}"


def _say_what_rotated(tenant: str, kid: str | None, others: list[Key]) -> None:
    named = "" if kid is None else f" Its tokens name it: kid {shown(kid)}."
    note(f"This is the new secret of {shown(tenant)}, shown this once.{named}")
    for key in others:
        note(f"  the old one{'' if key.key_id is None else f', kid {shown(key.key_id)}'}: {end_of(key)}")
    note(SOON)
