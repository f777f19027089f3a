"""What the provider knows, opened: the tenants of a TOML file or of a store, to make and explain tokens with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias, TypeVar

import typer

from jwt_middleware.authenticator import Authenticator
from jwt_middleware.cli.api_settings import api_settings
from jwt_middleware.cli.lookup import LOOKED_THROUGH
from jwt_middleware.cli.store import TENANTS, environment
from jwt_middleware.cli.store import opened as opened_store
from jwt_middleware.cli.terminal import fail
from jwt_middleware.explaining.wording import listed, shown
from jwt_middleware.grammar import is_name
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.file import FileTenants, read_toml, tenant_entries
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant

if TYPE_CHECKING:
    from jwt_middleware.tenants.sql import SQLTenants

_Named = TypeVar("_Named", Tenant, Application)

TenantsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="TOML file of tenants, or of settings that name them, instead of the store; else tenants.toml.",
    ),
]
DEFAULT_FILE = Path("tenants.toml")


class Provider(NamedTuple):
    """What the middleware would work with."""

    authenticator: Authenticator
    tenant_of: Callable[[object], Tenant | None]
    """The tenant that has this issuer, whatever a token holds there."""
    some: Callable[[], Sequence[Tenant]]
    """All tenants, or the first thousand of a store."""
    store: SQLTenants | None
    """Where what is done is written down; None: nowhere, since the tenants are in a file."""

    @property
    def settings(self) -> JWTSettings:
        """The settings of the file, or of the environment."""
        return self.authenticator.settings

    @property
    def tenants(self) -> Sequence[Tenant]:
        """Those that a token may name; of a store the first thousand."""
        return self.some()

    def note(self, action: str, tenant_id: str, **details: Any) -> None:
        """Write down what was done; not where the tenants are in a file, which has no place for it.

        Raises ConfigurationError where the tables of the store are too old to have one.
        """
        if self.store is not None:
            self.store.audit(limit=0)
            self.store.note(action, tenant_id, **details)


@contextmanager
def opened(file: Path | None, store: str | None) -> Iterator[Provider]:
    """The tenants of the file, or else of the store. Raises ConfigurationError when they cannot be used.

    Revocations are left alone: a new token is not revoked, and what is explained is the token.
    """
    path, url = _source(file, store)
    if url is None:
        authenticator = Authenticator(api_settings(path, revocations=None))
        tenants = (*tenants_of(authenticator.tenants),)
        provider = Provider(authenticator, lambda issuer: _with_issuer(tenants, issuer), lambda: tenants, None)
        try:
            yield provider
        finally:
            authenticator.close()
        return
    with opened_store(url) as known:
        authenticator = Authenticator(api_settings(path, tenants=known, revocations=None))
        yield Provider(
            authenticator,
            lambda issuer: known.resolve(issuer) if is_name(issuer) else None,
            lambda: known.tenants(limit=LOOKED_THROUGH),
            known,
        )


def tenant_named(provider: Provider, name: str | None) -> Tenant:
    """The tenant with this id or issuer; without a name, the only one there is."""
    tenant = None
    if name is not None:
        by_id = provider.store.tenant(name) if provider.store is not None and is_name(name) else None
        tenant = by_id or provider.tenant_of(name) or next((one for one in provider.tenants if one.id == name), None)
    return tenant or _only(provider.tenants, name, "tenant")


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
        fail("keys", f"{whose} has no secret", "tokens are made where its private key is")
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


def _source(file: Path | None, store: str | None) -> tuple[Path | None, str | None]:
    """The TOML file, if there is one, and the URL of the store, if the tenants are in one."""
    named = store or environment().get(TENANTS) or ""
    if file is None and "://" in named:
        return None, named
    path = file or Path(named or DEFAULT_FILE)
    if file is None and not named and not path.exists():
        fix = f"name them: --file {DEFAULT_FILE}, or --store URL; or make a store: jwt-middleware init"
        fail("--file, --store", "nothing says where the tenants are", fix)
    tenants = JWTSettings.from_toml(path).tenants
    return path, tenants if isinstance(tenants, str) and "://" in tenants else None


def _with_issuer(tenants: Sequence[Tenant], issuer: object) -> Tenant | None:
    return next((tenant for tenant in tenants if issuer in tenant.issuers), None)


def tenants_of(resolver: object) -> Iterator[Tenant]:
    """All tenants of a file, in its order."""
    assert isinstance(resolver, FileTenants)  # noqa: S101 (what is no URL of a store is a file)
    for entry in tenant_entries(read_toml(resolver.path)):
        first_issuer = entry.get("issuers", [entry["id"]])[:1]
        yield from filter(None, map(resolver.resolve, first_issuer))
