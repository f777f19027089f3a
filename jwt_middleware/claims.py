"""Steps 7 to 15: what a verified token says, and whether that is acceptable (RFC 7519 section 4).

`check` makes a `CheckedToken` of a `VerifiedToken`; with the answer of the revocation store `admit` makes it an
`Identity`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from jwt_middleware.errors import (
    AmbiguousApplication,
    InsufficientPermissions,
    InvalidClaim,
    InvalidToken,
    LifetimeTooLong,
    MissingRequiredClaim,
    NotYetValid,
    Revoked,
    ScopeNotGranted,
    SenderConstrained,
    SuspendedApplication,
    SuspendedTenant,
    TimeInMilliseconds,
    TokenExpired,
    UnknownApplication,
)
from jwt_middleware.grammar import is_clean
from jwt_middleware.identity import Identity
from jwt_middleware.jws import VerifiedToken
from jwt_middleware.tenants.model import Application, Tenant

Validator: TypeAlias = Callable[[Identity], None]
"""A rule of the provider: refuses the identity by raising InvalidToken, and must not block."""

LATEST_TIME: Final = 1e11
"""Times in seconds are below this (the year 5138); what is larger is most likely in milliseconds."""
_LATEST_MILLISECONDS: Final = 1e14
_NO_SCOPES: Final[frozenset[str]] = frozenset()
_BLANK: Final = frozenset({""})


class ClaimsPolicy(msgspec.Struct, frozen=True):
    """What the provider demands of claims. Leeways and lifetime in seconds."""

    expiry_leeway: float = 0
    start_leeway: float = 60
    max_lifetime: float | None = 86_400
    required_claims: tuple[str, ...] = ()
    validators: tuple[Validator, ...] = ()


class CheckedToken(msgspec.Struct, frozen=True, eq=False):
    """A token that may pass unless it was revoked. Has what a revocation store is asked."""

    _identity: Identity

    @property
    def question(self) -> tuple[str, str, str, float]:
        """Tenant id, token id, subject and `iat`, in the order in which `is_revoked` takes them."""
        identity = self._identity
        return identity.tenant_id, identity.token_id, identity.subject, identity.issued_at


def check(token: VerifiedToken, policy: ClaimsPolicy, now: float) -> CheckedToken:
    """Steps 7 to 13. `now` in seconds since the Unix epoch. Raises InvalidToken in one of its forms."""
    tenant, claims = token.tenant, token.claims
    if not tenant.active:
        raise SuspendedTenant
    _check_presence(claims, tenant, policy.required_claims)
    subject, issued_at, expires_at, token_id = _registered(claims)
    audiences = _audiences(claims[tenant.audience_claim], tenant.audience_claim)
    scopes = _scopes(claims.get(tenant.scope_claim), tenant.scope_claim)
    _check_times(claims, tenant, policy, now)
    application = _application(tenant, audiences)
    granted = scopes if application.scopes is None else scopes & application.scopes
    identity = Identity(
        subject,
        tenant.id,
        application.id,
        granted,
        issued_at,
        expires_at,
        token.issuer,
        token.key.not_after,
        _NO_SCOPES if granted is scopes else scopes - granted,
        token.signing_input,
        token_id,
    )
    if policy.validators:
        _validate(identity, policy.validators)
    return CheckedToken(identity)


def admit(token: CheckedToken, revoked: bool) -> Identity:
    """Step 14: the identity, once the revocation store has answered. Raises Revoked."""
    if revoked:
        raise _about(Revoked(), token._identity)
    return token._identity


def require_scopes(identity: Identity, scopes: Iterable[str]) -> None:
    """Step 15. Raises InsufficientPermissions, which names all these scopes, or ScopeNotGranted."""
    lacking = frozenset(scopes) - identity.scopes
    if lacking:
        kind = ScopeNotGranted if lacking & identity.withheld_scopes else InsufficientPermissions
        raise _about(kind(scopes), identity)


def _check_presence(claims: dict[str, Any], tenant: Tenant, more: tuple[str, ...]) -> None:
    get = claims.get
    if (
        get("sub") is None
        or get(tenant.audience_claim) is None
        or get("iat") is None
        or get("exp") is None
        or (more and any(get(name) is None for name in more))
    ):
        required = ("sub", tenant.audience_claim, "iat", "exp", *more)
        raise MissingRequiredClaim(claim=next(name for name in required if get(name) is None))


def _registered(claims: dict[str, Any]) -> tuple[str, float, float, str | None]:
    """`sub`, `iat`, `exp` and `jti`, of the right types (step 9)."""
    subject, issued_at, expires_at, token_id = claims["sub"], claims["iat"], claims["exp"], claims.get("jti")
    if type(subject) is not str or not subject or not is_clean(subject):
        raise InvalidClaim(claim="sub")
    _check_time(issued_at, "iat")
    _check_time(expires_at, "exp")
    if "nbf" in claims:
        _check_time(claims["nbf"], "nbf")
    if "jti" in claims and (type(token_id) is not str or not token_id or not is_clean(token_id)):
        raise InvalidClaim(claim="jti")
    if claims.get("cnf") is not None:
        raise SenderConstrained
    return subject, issued_at, expires_at, token_id


def _check_time(value: object, claim: str) -> None:
    # type(), not isinstance: True and False are no times.
    if type(value) is not int and type(value) is not float:
        raise InvalidClaim(claim=claim)
    if not 0 <= value < LATEST_TIME:
        raise (TimeInMilliseconds if LATEST_TIME <= value < _LATEST_MILLISECONDS else InvalidClaim)(
            claim=claim
        )


def _audiences(value: object, claim: str) -> list[str]:
    audiences: list[Any] = value if isinstance(value, list) else [value]
    if not audiences or not all(type(audience) is str and audience for audience in audiences):
        raise InvalidClaim(claim=claim)
    return audiences


def _scopes(value: object, claim: str) -> frozenset[str]:
    """The scopes of an array, or of text split on SP only (RFC 6749 section 3.3)."""
    if value is None:
        return _NO_SCOPES
    if isinstance(value, str) and is_clean(value):
        return frozenset(value.split(" ")) - _BLANK
    if isinstance(value, list) and all(type(scope) is str and scope and " " not in scope for scope in value):
        if is_clean("".join(value)):
            return frozenset(value)
    raise InvalidClaim(claim=claim)


def _check_times(claims: dict[str, Any], tenant: Tenant, policy: ClaimsPolicy, now: float) -> None:
    """Step 10. The claims have passed step 9."""
    issued_at, expires_at = claims["iat"], claims["exp"]
    if expires_at + policy.expiry_leeway <= now:
        raise TokenExpired
    latest_start = now + policy.start_leeway
    if issued_at > latest_start:
        raise NotYetValid(claim="iat")
    if claims.get("nbf", 0) > latest_start:
        raise NotYetValid(claim="nbf")
    limit = policy.max_lifetime if tenant.max_lifetime is None else tenant.max_lifetime
    if limit is not None and expires_at - issued_at > limit + policy.start_leeway:
        raise LifetimeTooLong(limit)


def _application(tenant: Tenant, audiences: list[str]) -> Application:
    """Step 11: the one active application that the audiences name."""
    if len(audiences) == 1:
        application = tenant.application(audiences[0])
        if application is not None and application.active:
            return application
    named = {name: application for name in audiences if (application := tenant.application(name)) is not None}
    active = [application for application in named.values() if application.active]
    if len(active) == 1:
        return active[0]
    if active:
        raise AmbiguousApplication(claim=tenant.audience_claim)
    if named:
        suspended = SuspendedApplication(claim=tenant.audience_claim)
        suspended.application_id = next(iter(named))
        raise suspended
    raise UnknownApplication(claim=tenant.audience_claim)


def _validate(identity: Identity, validators: Iterable[Validator]) -> None:
    """Step 13. A validator that fails otherwise than by refusing refuses too: nobody passes a broken check."""
    for validate in validators:
        try:
            validate(identity)
        except InvalidToken as refusal:
            raise _about(refusal, identity) from None
        except Exception as error:
            raise _about(InvalidToken(f"validator_failed_with_{type(error).__name__}"), identity) from error


def _about(
    refusal: InvalidToken | InsufficientPermissions, identity: Identity
) -> InvalidToken | InsufficientPermissions:
    refusal.tenant_id = identity.tenant_id
    refusal.application_id = identity.application_id
    return refusal
