"""What exactly was found where a token was refused: values, limits and names that the provider knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from jwt_middleware import errors
from jwt_middleware.cli.provider import Provider
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.explaining import findings
from jwt_middleware.explaining.findings import RefusedToken, about_claim
from jwt_middleware.explaining.wording import listed, moment, shown
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.tokens import decoded


class Case(NamedTuple):
    """A refused token. Header and claims are what stands there, empty where that cannot be read."""

    token: str
    header: dict[str, Any]
    claims: dict[str, Any]
    refusal: AuthenticationError
    provider: Provider

    @property
    def tenant(self) -> Tenant | None:
        """The tenant that the token names, whether or not it signed."""
        return self.provider.tenant_of(self.claims.get("iss"))

    @property
    def as_anybody_sees_it(self) -> RefusedToken:
        """The same without what only the provider knows."""
        return RefusedToken(self.token, self.header, self.claims, self.refusal, self.provider.settings)


def finding(case: Case) -> str:
    """One or two sentences, "" where the refusal's own description says it all. Safe to print."""
    by_reason = _BY_REASON.get(case.refusal.reason)
    if by_reason is not None:
        return by_reason(case)
    for kind in type(case.refusal).__mro__:
        if kind in _BY_CLASS:
            return _BY_CLASS[kind](case)
    return findings.finding(case.as_anybody_sees_it)


def _token_type(case: Case) -> str:
    tenant = case.tenant
    own = tenant.token_types if tenant is not None else None
    return f"typ is {shown(case.header.get('typ'))}; accepted are {listed(own or case.provider.settings.token_types)}."


def _unknown_issuer(case: Case) -> str:
    issuer = case.claims.get("iss")
    known = [name for tenant in case.provider.tenants for name in tenant.issuers]
    near = get_close_matches(str(issuer), known, n=1)
    hint = f"Did you mean {shown(near[0])}?" if near else f"There are: {listed(known)}."
    return f"No tenant has the issuer {shown(issuer)}. {hint}"


def _unknown_key(case: Case) -> str:
    known = listed(key.key_id for key in _keys(case) if key.key_id is not None)
    return f"kid is {shown(case.header.get('kid'))}; the tenant's key ids: {known}."


def _no_key_for_algorithm(case: Case) -> str:
    served = listed({key.algorithm for key in _keys(case)})
    return f"alg is {shown(case.header.get('alg'))}; the tenant's keys are for {served}."


def _retired_key(case: Case) -> str:
    ended = max((key.not_after for key in _keys(case) if key.not_after is not None), default=None)
    return f"Every key that would fit is retired, the last one since {moment(ended)}."


def _bad_signature(case: Case) -> str:
    signer = next(_signers(case), None)
    if signer is None:
        return (
            "No key that is known made this signature: another secret, the secret base64-decoded, or a line end in it."
        )
    return f"It was signed with {signer}, which is not what iss, alg and kid say."


def _signers(case: Case) -> Iterator[str]:
    """The keys that made this signature, whoever they belong to."""
    signing_input, _, signature = case.token.rpartition(".")
    for tenant in case.provider.tenants:
        for key in tenant.keys:
            if key.verifies(signing_input.encode(), decoded(signature)):
                name = "a key without kid" if key.key_id is None else f"the key {shown(key.key_id)}"
                yield f"{name} ({key.algorithm}) of tenant {shown(tenant.id)}"


def _keys(case: Case) -> tuple[Key, ...]:
    return case.tenant.keys if case.tenant is not None else ()


def _application(case: Case) -> str:
    tenant = case.tenant
    known = () if tenant is None else (application.id for application in tenant.applications if application.active)
    return f"{about_claim(case.as_anybody_sees_it)} The tenant's active applications: {listed(known)}."


def _suspended(case: Case) -> str:
    return f"Suspended is {shown(case.refusal.application_id or case.refusal.tenant_id)}."


def _scopes(case: Case) -> str:
    name = "scope" if case.tenant is None else case.tenant.scope_claim
    return f"Needed: {listed(case.refusal.required_scopes)}. {name} is {shown(case.claims.get(name))}."


_BY_REASON: Final[dict[str, Callable[[Case], str]]] = {
    "unknown_issuer": _unknown_issuer,
    "unknown_key_id": _unknown_key,
    "no_key_for_algorithm": _no_key_for_algorithm,
    "retired_key": _retired_key,
}
_BY_CLASS: Final[dict[type[AuthenticationError], Callable[[Case], str]]] = {
    errors.UnacceptableTokenType: _token_type,
    errors.InvalidSignature: _bad_signature,
    errors.UnknownApplication: _application,
    errors.AmbiguousApplication: _application,
    errors.SuspendedTenant: _suspended,
    errors.SuspendedApplication: _suspended,
    errors.InsufficientPermissions: _scopes,
}
