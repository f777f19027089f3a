"""The provider's TOML file, opened: what the middleware would know, to make and explain tokens with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias, TypeVar

import typer

from jwt_middleware.authenticator import Authenticator
from jwt_middleware.cli.terminal import fail
from jwt_middleware.cli.wording import listed, shown
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.file import FileTenants, read_toml, tenant_entries
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant

_Named = TypeVar("_Named", Tenant, Application)

TenantsFile: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        envvar="JWT_MIDDLEWARE_TENANTS",
        help="TOML file of tenants, or of settings that name one.",
    ),
]
DEFAULT_FILE = Path("tenants.toml")


class Provider(NamedTuple):
    """What the middleware would work with."""

    authenticator: Authenticator
    tenants: tuple[Tenant, ...]
    """Those that a token can name."""

    @property
    def settings(self) -> JWTSettings:
        """The settings of the file, or the defaults where it holds tenants only."""
        return self.authenticator.settings

    def tenant_of(self, issuer: object) -> Tenant | None:
        """The tenant that has this issuer, whatever a token holds there."""
        return next((tenant for tenant in self.tenants if issuer in tenant.issuers), None)


@contextmanager
def opened(file: Path) -> Iterator[Provider]:
    """The provider's file. Raises ConfigurationError when it cannot be used."""
    authenticator = Authenticator(JWTSettings.from_toml(file))
    try:
        yield Provider(authenticator, (*_tenants(authenticator),))
    finally:
        authenticator.close()


def tenant_named(provider: Provider, name: str | None) -> Tenant:
    """The tenant with this id or issuer; without a name, the only one there is."""
    for tenant in provider.tenants:
        if name is not None and name in (tenant.id, *tenant.issuers):
            return tenant
    return _only(provider.tenants, name, "tenant")


def application_named(tenant: Tenant, name: str | None) -> Application:
    """The tenant's application with this id; without a name, the only one there is."""
    found = tenant.application(name) if name is not None else None
    return found or _only(tenant.applications, name, "application")


def key_named(tenant: Tenant, key_id: str | None, now: float) -> Key:
    """The tenant's secret with this key id; without one, the first that is not retired. Nothing else can sign."""
    secrets = [key for key in tenant.keys if key.algorithm in HMAC_HASHES]
    named = [key for key in secrets if key_id in (None, key.key_id)]
    for key in named:
        if key.is_usable(now):
            return key
    whose = f"tenant {shown(tenant.id)}"
    if not secrets:
        fail("keys", f"{whose} has no secret in the file", "tokens are made where its private key is")
    if named:
        fail("keys", f"{whose} has retired it, or all", "use a key whose not_after has not passed")
    known = listed(key.key_id for key in secrets if key.key_id is not None)
    fail("--kid", f"{whose} has no secret {shown(key_id)}", f"its key ids: {known}")


def _only(candidates: Sequence[_Named], name: str | None, kind: str) -> _Named:
    if name is None and len(candidates) == 1:
        return candidates[0]
    known = listed(candidate.id for candidate in candidates)
    if name is None:
        fail(f"--{kind}", "missing, and there is not exactly one", f"name one of: {known}")
    fail(f"--{kind}", f"there is no {kind} {shown(name)}", f"there are: {known}")


def _tenants(authenticator: Authenticator) -> Iterator[Tenant]:
    resolver = authenticator.tenants
    assert isinstance(resolver, FileTenants)  # noqa: S101 (no other kind can be named in a TOML file)
    for entry in tenant_entries(read_toml(resolver.path)):
        first_issuer = entry.get("issuers", [entry["id"]])[:1]
        yield from filter(None, map(resolver.resolve, first_issuer))
