"""What exactly was found where a token was refused: values, limits and names, from token and file."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from jwt_middleware import errors
from jwt_middleware.cli.provider import Provider
from jwt_middleware.cli.wording import duration, listed, moment, shown
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.tokens import decoded

_BASE64URL: Final = frozenset(string.ascii_letters + string.digits + "-_.")


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
    def now(self) -> float:
        """By the clock of the settings."""
        return self.provider.settings.clock()


def finding(case: Case) -> str:
    """One or two sentences, "" where the refusal's own description says it all. Safe to print."""
    by_reason = _BY_REASON.get(case.refusal.reason)
    if by_reason is not None:
        return by_reason(case)
    for kind in type(case.refusal).__mro__:
        if kind in _BY_CLASS:
            return _BY_CLASS[kind](case)
    return ""


def _form(case: Case) -> str:
    strange = sorted(set(case.token) - _BASE64URL)
    if strange:
        return f"It has characters that no token has: {listed(strange)}."
    parts = case.token.count(".") + 1
    if parts != 3:
        return f"It has {parts} {'part' if parts == 1 else 'parts'}; a token has three, divided by dots."
    return f"What is wrong with it: {case.refusal.reason.replace('_', ' ')}."


def _too_long(case: Case) -> str:
    return f"It has {len(case.token)} characters; the limit is {case.provider.settings.max_token_bytes}."


def _algorithm(case: Case) -> str:
    accepted = ", ".join(case.provider.settings.algorithms)
    return f"alg is {shown(case.header.get('alg'))}; accepted are {accepted}."


def _token_type(case: Case) -> str:
    tenant = case.tenant
    own = tenant.token_types if tenant is not None else None
    return f"typ is {shown(case.header.get('typ'))}; accepted are {listed(own or case.provider.settings.token_types)}."


def _key_id(case: Case) -> str:
    return f"kid is {shown(case.header.get('kid'))}."


def _unknown_issuer(case: Case) -> str:
    issuer = case.claims.get("iss")
    known = [name for tenant in case.provider.tenants for name in tenant.issuers]
    near = get_close_matches(str(issuer), known, n=1)
    hint = f"Did you mean {shown(near[0])}?" if near else f"The file knows: {listed(known)}."
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
        return "No key in the file made this signature: another secret, the secret base64-decoded, or a line end in it."
    return f"It was signed with {signer}, which is not what iss, alg and kid say."


def _signers(case: Case) -> Iterator[str]:
    """The keys of the file that made this signature, whoever they belong to."""
    signing_input, _, signature = case.token.rpartition(".")
    for tenant in case.provider.tenants:
        for key in tenant.keys:
            if key.verifies(signing_input.encode(), decoded(signature)):
                name = "a key without kid" if key.key_id is None else f"the key {shown(key.key_id)}"
                yield f"{name} ({key.algorithm}) of tenant {shown(tenant.id)}"


def _keys(case: Case) -> tuple[Key, ...]:
    return case.tenant.keys if case.tenant is not None else ()


def _claim(case: Case) -> str:
    name = case.refusal.claim or ""
    return f"{name} is {shown(case.claims[name])}." if name in case.claims else f"There is no {name}."


def _time(case: Case) -> str:
    name = case.refusal.claim or ""
    value = case.claims.get(name, 0)
    away, word = (value - case.now, "from now") if value > case.now else (case.now - value, "ago")
    return f"{name} is {shown(value)}, which is {moment(value)}, {duration(away)} {word}."


def _lifetime(case: Case) -> str:
    lifetime = case.claims["exp"] - case.claims["iat"]
    return f"exp - iat is {shown(lifetime)} seconds, {duration(lifetime)}."


def _application(case: Case) -> str:
    tenant = case.tenant
    known = () if tenant is None else (application.id for application in tenant.applications if application.active)
    return f"{_claim(case)} The tenant's active applications: {listed(known)}."


def _suspended(case: Case) -> str:
    return f"The file says active = false for {shown(case.refusal.application_id or case.refusal.tenant_id)}."


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
    errors.TokenTooLong: _too_long,
    errors.MalformedToken: _form,
    errors.UnacceptableAlgorithm: _algorithm,
    errors.UnacceptableTokenType: _token_type,
    errors.InvalidKeyId: _key_id,
    errors.InvalidSignature: _bad_signature,
    errors.MissingRequiredClaim: _claim,
    errors.InvalidClaim: _claim,
    errors.TokenExpired: _time,
    errors.NotYetValid: _time,
    errors.LifetimeTooLong: _lifetime,
    errors.UnknownApplication: _application,
    errors.AmbiguousApplication: _application,
    errors.SuspendedTenant: _suspended,
    errors.SuspendedApplication: _suspended,
    errors.InsufficientPermissions: _scopes,
}
