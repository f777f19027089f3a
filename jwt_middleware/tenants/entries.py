"""A tenant written down, in a TOML file or a line of JSON: the names of its members, whatever holds its keys."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.key_sources import KeySource
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Application, Tenant


class ApplicationEntry(msgspec.Struct, forbid_unknown_fields=True):
    """An application with a ceiling, or one that is suspended."""

    id: str
    scopes: list[str] | None = None
    active: bool = True


class TenantEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Everything about a tenant but its own `keys`, which each format writes in its way."""

    id: str
    applications: list[str | ApplicationEntry]
    jwks: str | None = None
    """The address of a key set."""
    discover: str | None = None
    """The address of an OpenID provider, which names its key set."""
    issuers: list[str] | None = None
    active: bool = True
    scope_claim: str = "scope"
    audience_claim: str = "aud"
    max_lifetime: float | None = None
    token_types: list[str] | None = None

    def key_source(self) -> KeySource | None:
        """Where the keys are fetched from; None: they are written down. Raises ConfigurationError."""
        if self.jwks is not None:
            return JWKS(self.jwks)
        return None if self.discover is None else JWKS.discover(self.discover)

    def tenant(self, keys: Sequence[Key] | KeySource) -> Tenant:
        """The tenant with these keys. Raises ConfigurationError with every problem."""
        return Tenant(
            self.id,
            keys=keys,
            applications=[*map(_application, self.applications)],
            issuers=self.issuers,
            active=self.active,
            scope_claim=self.scope_claim,
            audience_claim=self.audience_claim,
            max_lifetime=self.max_lifetime,
            token_types=self.token_types,
        )


def _application(entry: str | ApplicationEntry) -> Application:
    named = ApplicationEntry(entry) if isinstance(entry, str) else entry
    return Application(named.id, scopes=named.scopes, active=named.active)
