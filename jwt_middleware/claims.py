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
from jwt_middleware.jws import LATEST_TIME, Memory, RegisteredClaims, VerifiedToken
from jwt_middleware.tenants.model import Application, Tenant

Validator: TypeAlias = Callable[[Identity], None]
"""A rule of the provider: refuses the identity by raising InvalidToken, and must not block."""

_REQUIRED: Final = ("sub", "aud", "iat", "exp")
_TIMES: Final = ("iat", "exp", "nbf")
_NO_SCOPES: Final[frozenset[str]] = frozenset()
# Structs are copied in C; copy.copy() takes three times as long to get there.
_copied: Callable[[Identity], Identity] = Identity.__copy__  # type: ignore[attr-defined]
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


def check(verified: VerifiedToken, policy: ClaimsPolicy, now: float) -> CheckedToken:
    """Steps 7 to 13. `now` in seconds since the Unix epoch. Raises InvalidToken in one of its forms.

    One long function, because this is what every request runs: a call costs as much as several checks.
    """
    tenant, token, claims = verified.tenant, verified.token, verified.claims
    if token.memory is not None:
        return _remembered(token.memory, policy)
    if not tenant.active:
        raise SuspendedTenant
    if claims is None or tenant.renames_claims or policy.required_claims:
        claims = _read_by_name(verified, policy.required_claims)
    subject, audience, issued_at, expires_at = claims.sub, claims.aud, claims.iat, claims.exp
    if subject is None or audience is None or issued_at is None or expires_at is None:
        raise _first_missing(claims)
    if not (subject.isprintable() or is_clean(subject)):
        raise InvalidClaim(claim="sub")
    # Stricter than needed: a token id goes into logs and stores, and no honest one has control characters.
    if claims.jti and not is_clean(claims.jti):
        raise InvalidClaim(claim="jti")
    if claims.cnf is not None:
        raise SenderConstrained
    scopes = _scopes(claims.scope, tenant.scope_claim)
    if expires_at + policy.expiry_leeway <= now:
        raise TokenExpired
    latest_start = now + policy.start_leeway
    if issued_at > latest_start or claims.nbf > latest_start:
        raise NotYetValid(claim="iat" if issued_at > latest_start else "nbf")
    limit = policy.max_lifetime if tenant.max_lifetime is None else tenant.max_lifetime
    if limit is not None and expires_at - issued_at > limit + policy.start_leeway:
        raise LifetimeTooLong(limit)
    application = tenant.applications[0] if len(tenant.applications) == 1 else None
    if application is None or application.id != audience or not application.active:
        application = _application(tenant, audience)
    ceiling = application.scopes
    identity = Identity(
        subject,
        tenant.id,
        application.id,
        scopes if ceiling is None else scopes & ceiling,
        issued_at,
        expires_at,
        token.issuer,
        verified.key.not_after,
        _NO_SCOPES if ceiling is None else scopes - ceiling,
        token.signing_input,
        claims.jti or None,
    )
    if policy.validators:
        _validate(identity, policy.validators)
    return CheckedToken(identity)


def memory_of(verified: VerifiedToken, checked: CheckedToken, policy: ClaimsPolicy) -> Memory | None:
    """What may be kept of a token that passed; None where its claims are not the usual ones.

    Times are looked at on each hit; whatever else was checked hangs on token, settings and this very tenant object.
    """
    claims, identity = verified.claims, checked._identity
    if claims is None:
        return None
    starts_at = max(identity.issued_at, claims.nbf) - policy.start_leeway
    prototype = msgspec.structs.replace(identity, _claims=None)
    return Memory(verified.tenant, verified.key, prototype, starts_at, identity.expires_at + policy.expiry_leeway)


def _remembered(memory: Memory, policy: ClaimsPolicy) -> CheckedToken:
    """A copy, because each identity has claims of its own. Validators may look at more than the token."""
    identity = _copied(memory.identity)
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
    if not identity.scopes.issuperset(scopes := tuple(scopes)):
        lacking = frozenset(scopes) - identity.scopes
        kind = ScopeNotGranted if lacking & identity.withheld_scopes else InsufficientPermissions
        raise _about(kind(scopes), identity)


def _read_by_name(verified: VerifiedToken, more: tuple[str, ...]) -> RegisteredClaims:
    """The registered claims where the tenant names them otherwise, settings require more, or a type is wrong.

    Raises MissingRequiredClaim (step 8) before InvalidClaim (step 9), with the name that the tenant uses.
    """
    claims, tenant = verified.all_claims(), verified.tenant
    for name in ("sub", tenant.audience_claim, "iat", "exp", *more):
        if claims.get(name) is None:
            raise MissingRequiredClaim(claim=name)
    named = {"aud": tenant.audience_claim, "scope": tenant.scope_claim}
    registered: dict[str, Any] = {}
    for field in msgspec.structs.fields(RegisteredClaims):
        name = named.get(field.name, field.name)
        if name in claims:
            registered[field.name] = _of_type(claims[name], field.type, name)
    return RegisteredClaims(**registered)


def _of_type(value: object, wanted: Any, claim: str) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        in_milliseconds = claim in _TIMES and _is_in_milliseconds(value)
        raise (TimeInMilliseconds if in_milliseconds else InvalidClaim)(claim=claim) from None


def _is_in_milliseconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and LATEST_TIME <= value < 1000 * LATEST_TIME


def _first_missing(claims: RegisteredClaims) -> MissingRequiredClaim:
    return MissingRequiredClaim(claim=next(name for name in _REQUIRED if getattr(claims, name) is None))


def _scopes(value: str | frozenset[str] | None, claim: str) -> frozenset[str]:
    """The scopes of an array, or of text split on SP only (RFC 6749 section 3.3)."""
    if not value:
        return _NO_SCOPES
    scopes = frozenset(value.split(" ")) - _BLANK if isinstance(value, str) else value
    text = "".join(scopes)
    if " " in text or not (text.isprintable() or is_clean(text)):
        raise InvalidClaim(claim=claim)
    return scopes


def _application(tenant: Tenant, audience: str | list[str]) -> Application:
    """Step 11: the one active application that the audience names."""
    if isinstance(audience, str):
        application = tenant.application(audience)
        if application is not None and application.active:
            return application
    audiences = [audience] if isinstance(audience, str) else audience
    named = {name: application for name in audiences if (application := tenant.application(name)) is not None}
    active = [application for application in named.values() if application.active]
    if len(active) == 1:
        return active[0]
    raise _no_application(named, bool(active), tenant.audience_claim)


def _no_application(named: Iterable[str], is_ambiguous: bool, claim: str) -> InvalidToken:
    if is_ambiguous:
        return AmbiguousApplication(claim=claim)
    for name in named:
        suspended = SuspendedApplication(claim=claim)
        suspended.application_id = name
        return suspended
    return UnknownApplication(claim=claim)


def _validate(identity: Identity, validators: Iterable[Validator]) -> None:
    """Step 13. A validator that fails otherwise than by refusing refuses too: nobody passes a broken check."""
    for validate in validators:
        try:
            verdict: object = validate(identity)
        except InvalidToken as refusal:
            raise _about(refusal, identity) from None
        except Exception as error:
            raise _about(InvalidToken(f"validator_failed_with_{type(error).__name__}"), identity) from error
        if verdict is not None:
            raise _about(InvalidToken(f"validator_answered_with_{type(verdict).__name__}"), identity)


def _about(
    refusal: InvalidToken | InsufficientPermissions, identity: Identity
) -> InvalidToken | InsufficientPermissions:
    refusal.tenant_id = identity.tenant_id
    refusal.application_id = identity.application_id
    return refusal
