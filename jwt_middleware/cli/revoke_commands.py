"""`jwt-middleware token revoke`, `subject revoke` and `tenant revoke`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import typer

from jwt_middleware.cli.api_settings import SettingsFile, api_settings
from jwt_middleware.cli.audited_revocations import AuditedRevocations
from jwt_middleware.cli.lookup import tenant_named
from jwt_middleware.cli.moments import moment_in
from jwt_middleware.cli.store import Revocations, Store, opened, opened_revocations, revocations_url
from jwt_middleware.cli.terminal import Json, Yes, confirm, fail, note, print_json, reporting
from jwt_middleware.explaining.wording import duration, moment, shown
from jwt_middleware.grammar import is_clean
from jwt_middleware.revocation.lifetimes import Revoker
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.model import Tenant

_LOOKS_LIKE_A_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*").fullmatch
"""Of which none may be written down."""

TenantId: TypeAlias = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
IssuedUntil: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Tokens issued up to then: 2026-11-24T12:00:00Z, or seconds; else now."),
]


def revoke_token_command(
    tenant: TenantId,
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="Its jti; or, where it has none, the fingerprint that logs name it by.")
    ],
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Its exp: the entry is kept as long; else as for any token.")
    ] = None,
    store: Store = None,
    revocations: Revocations = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Withdraw one token, from the next request on.

    A token that has a jti is revoked by that and not by its fingerprint.
    """
    with reporting():
        expiry = None if expires_at is None else moment_in(expires_at, "--expires-at")
        _check_id("ID", token_id)
        with _revoking(tenant, store, revocations, settings) as work:
            work.revoker.revoke_token(work.tenant, token_id, expiry)
    members = {"tenant": tenant, "token_id": token_id}
    _say(f"the token {shown(token_id)} of {shown(tenant)} is revoked", members, work, json)


def revoke_subject_command(
    tenant: TenantId,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The tenant's user: claim sub.")],
    issued_until: IssuedUntil = None,
    store: Store = None,
    revocations: Revocations = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Withdraw every token of a user that was issued until now.

    Tokens that are issued later are good.
    """
    with reporting():
        _check_id("SUBJECT", subject)
        with _revoking(tenant, store, revocations, settings) as work:
            cutoff = work.cutoff(issued_until)
            work.revoker.revoke_subject(work.tenant, subject, cutoff)
    members = {"tenant": tenant, "subject": subject, "issued_until": cutoff}
    text = f"the tokens of {shown(subject)} of {shown(tenant)} issued until {moment(cutoff)} are revoked"
    _say(text, members, work, json)


def revoke_tenant_command(
    tenant: TenantId,
    issued_until: IssuedUntil = None,
    yes: Yes = False,
    store: Store = None,
    revocations: Revocations = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Withdraw every token of a tenant that was issued until now.

    Its users need new ones. A leaked secret is not answered by this, since its thief chooses the time: retire it.
    """
    with reporting(), _revoking(tenant, store, revocations, settings) as work:
        cutoff = work.cutoff(issued_until)
        confirm(f"Refuse every token of {shown(tenant)} that was issued until {moment(cutoff)}?", yes)
        work.revoker.revoke_tenant(work.tenant, cutoff)
    members = {"tenant": tenant, "issued_until": cutoff}
    _say(f"the tokens of {shown(tenant)} issued until {moment(cutoff)} are revoked", members, work, json)


class _Work(NamedTuple):
    """What revoking needs, opened."""

    tenant: Tenant
    settings: JWTSettings
    audited: AuditedRevocations
    revoker: Revoker

    def cutoff(self, issued_until: str | None) -> float:
        return self.settings.clock() if issued_until is None else moment_in(issued_until, "--issued-until")


@contextmanager
def _revoking(tenant_id: str, store: str | None, revocations: str | None, file: Path | None) -> Iterator[_Work]:
    given = {} if revocations is None else {"revocations": revocations_url(revocations)}
    settings = api_settings(file, tenants=[], **given)
    url = settings.revocations if isinstance(settings.revocations, str) else None
    with opened(store) as tenants, opened_revocations(url) as entries:
        # Tables that are too old to have a place for it are told before anything is done.
        tenants.audit(limit=0)
        audited = AuditedRevocations(entries, tenants)
        yield _Work(tenant_named(tenants, tenant_id), settings, audited, Revoker(settings, audited))


def _check_id(where: str, name: str) -> None:
    if not name or not is_clean(name):
        fail(where, "empty, or has control characters", "write it as it stands in the token")
    if _LOOKS_LIKE_A_TOKEN(name) and name.startswith("ey"):
        fix = "name it by its jti or fingerprint: jwt-middleware token explain, which reads it from stdin"
        fail(where, "this is a whole token, which belongs on no command line", fix)


def _say(text: str, members: dict[str, Any], work: _Work, json: bool) -> None:
    until = work.audited.until
    if json:
        print_json({"revoked": members, "kept_until": until})
    else:
        typer.echo(text)
    cutoff, now = members.get("issued_until", 0), work.settings.clock()
    if cutoff > now + work.settings.start_leeway:
        note(f"That is in the future: new tokens are refused too, for {duration(cutoff - now)}.")
    kept = "for good" if until is None else f"until {moment(until)}: no token that it hits is accepted any longer then"
    note(f"Kept {kept}, by the limits of {_limits(work)}. They have to be those of the API.")


def _limits(work: _Work) -> str:
    lifetime = work.settings.max_lifetime if work.tenant.max_lifetime is None else work.tenant.max_lifetime
    said = "none" if lifetime is None else f"{lifetime:g} s"
    return (
        f"max_lifetime {said}, start_leeway {work.settings.start_leeway:g} s, "
        f"expiry_leeway {work.settings.expiry_leeway:g} s"
    )
