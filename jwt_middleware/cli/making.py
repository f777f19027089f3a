"""`jwt-middleware token make`: a token of one of the provider's tenants, which the middleware accepts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from jwt_middleware import errors
from jwt_middleware.cli.provider import Provider, application_named, key_named, tenant_named
from jwt_middleware.cli.terminal import fail
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.explaining.wording import shown
from jwt_middleware.grammar import is_clean, is_name, is_scope
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.model import Tenant, normalized_types
from jwt_middleware.tokens import guide_claims, header_for, signed


class Wanted(NamedTuple):
    """What the command line asks for. None: the only one there is; `lifetime` in seconds."""

    tenant: str | None
    application: str | None
    subject: str
    scopes: tuple[str, ...]
    lifetime: int
    key_id: str | None
    claims: tuple[str, ...]
    """Further ones, each as `name=value` with the value as JSON."""


class Made(NamedTuple):
    """A token, with what is in it."""

    token: str
    header: dict[str, str]
    claims: dict[str, Any]


def make(wanted: Wanted, provider: Provider) -> Made:
    """The token. Raises ConfigurationError where there is no such tenant, application or key."""
    tenant = tenant_named(provider, wanted.tenant)
    application = application_named(tenant, wanted.application)
    now = provider.settings.clock()
    key = key_named(tenant, wanted.key_id, now)
    claims = guide_claims(
        tenant,
        application.id,
        _subject(wanted.subject),
        now=now,
        scopes=_scopes(wanted.scopes),
        lifetime=wanted.lifetime,
    )
    if wanted.tenant in tenant.issuers:
        claims["iss"] = wanted.tenant
    claims |= _further_claims(wanted.claims, tenant)
    token_type = _token_type(tenant, provider.settings)
    return Made(signed(claims, key, token_type), header_for(key, token_type), claims)


def hint(refusal: AuthenticationError) -> str:
    """What to type instead where the middleware would refuse the token, "" where the refusal says it."""
    return next((text for kind, text in _HINTS.items() if isinstance(refusal, kind)), "")


_HINTS: Final[dict[type[AuthenticationError], str]] = {
    errors.LifetimeTooLong: "give a shorter --lifetime (seconds)",
    errors.TokenExpired: "give a longer --lifetime (seconds)",
    errors.MissingRequiredClaim: "the settings require it: add --claim NAME=VALUE",
    errors.SuspendedTenant: "resume the tenant (in a file: active = true), or choose another --tenant",
    errors.SuspendedApplication: "resume the application (in a file: active = true), or choose another --application",
    errors.TokenTooLong: "leave out some --claim or --scope, or raise max_token_bytes",
}


def _token_type(tenant: Tenant, settings: JWTSettings) -> str | None:
    """JWT where that is accepted, else one that is."""
    accepted = normalized_types(settings.token_types) if tenant.token_types is None else tenant.token_types
    return "JWT" if "jwt" in accepted else min(accepted, default=None)


def _subject(subject: str) -> str:
    if not subject or not is_clean(subject):
        fail("--subject", "empty, or has control characters", "use the id that the tenant knows its user by")
    return subject


def _scopes(scopes: Iterable[str]) -> list[str]:
    wrong = [scope for scope in scopes if not is_scope(scope)]
    if wrong:
        fail("--scope", f"{wrong[0]!r} is not one scope", "give --scope once for each: --scope read --scope write")
    return list(dict.fromkeys(scopes))


def _further_claims(given: Iterable[str], tenant: Tenant) -> dict[str, Any]:
    options = {
        "sub": "--subject",
        "iss": "--tenant",
        tenant.audience_claim: "--application",
        "iat": "--lifetime",
        "exp": "--lifetime",
        tenant.scope_claim: "--scope",
    }
    claims = {}
    for text in given:
        name, _, value = text.partition("=")
        if name in options:
            fail(f"--claim {name}", "has an option of its own", f"use {options[name]}")
        claims[name] = _claim_value(name, value)
    return claims


def _claim_value(name: str, value: str) -> Any:
    if not is_name(name):
        fail("--claim", "does not begin with the name of a claim", "write --claim name=value")
    try:
        return msgspec.json.decode(value)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        text = shown(value) if is_clean(value) else '"..."'
        fail(f"--claim {name}", "the value is not JSON", f"for text write: --claim '{name}={text}'")
