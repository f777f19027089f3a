"""Steps 13 and 14, and the stores that are asked: what a validator refuses, what was revoked, what cannot be told."""

from __future__ import annotations

from typing import Any

from jwt_middleware import Identity, InvalidToken, Rule, TemporarilyUnavailable, TokenExpired

from ..answers import (
    EXPIRED,
    REFUSED_BY_RULE,
    REVOKED,
    SIGNATURE,
    UNAVAILABLE,
    UNKNOWN_APPLICATION,
    because,
    missing,
)
from ..row import Answer, Row, Section, bearing, reached
from ..tenants import BROKEN, Answering, Asking, Failing, Hanging, HangingAsync
from ..tokens import ABSENT, GOOD, NOW, fingerprint, token

_IMPATIENT = {"store_timeout": 0.02}
_WITH_ID = token(jti="t-1")


def _refuse(identity: Identity) -> None:
    raise InvalidToken("plan_has_ended")


def _refuse_user_123(identity: Identity) -> None:
    if identity.subject == "user_123" and identity.claims["scope"] == ["read", "write"]:
        raise InvalidToken


def _crash(identity: Identity) -> None:
    raise KeyError("password=hunter2")


def _refuse_as_expired(identity: Identity) -> None:
    raise TokenExpired(claim="exp")


def _check_nothing(identity: Identity) -> None:
    assert identity.tenant_id == "acme"


def _resolving(name: str, tenants: Any, answer: Answer, **more: Any) -> Row:
    return Row(f"resolver-{name}", bearing(GOOD), answer, {"tenants": tenants, **_IMPATIENT}, **more)


def _revoking(name: str, revocations: Any, answer: Answer, **more: Any) -> Row:
    return Row(f"revocations-{name}", bearing(GOOD), answer, {"revocations": revocations, **_IMPATIENT}, **more)


_VALIDATORS = (
    Row("validator-refuses", bearing(GOOD), because(REFUSED_BY_RULE, "plan_has_ended"), {"validators": [_refuse]}),
    Row("validator-sees-identity", bearing(GOOD), REFUSED_BY_RULE, {"validators": [_refuse_user_123]}),
    Row("validator-is-content", bearing(GOOD), reached(GOOD), {"validators": [_check_nothing]}),
    Row("second-validator-refuses", bearing(GOOD), REFUSED_BY_RULE, {"validators": [_check_nothing, _refuse_user_123]}),
    Row("validator-refuses-in-a-form-of-its-own", bearing(GOOD), EXPIRED, {"validators": [_refuse_as_expired]}),
    Row(
        "validator-crashes",
        bearing(GOOD),
        because(REFUSED_BY_RULE, "validator_failed_with_KeyError"),
        {"validators": [_crash]},
    ),
    Row(
        "unknown-application-before-validator",
        bearing(token(aud="crm")),
        UNKNOWN_APPLICATION,
        {"validators": [_refuse_user_123]},
    ),
    Row(
        "validator-before-revocation",
        bearing(GOOD),
        REFUSED_BY_RULE,
        {"validators": [_refuse_user_123], "revocations": Answering(True)},
    ),
    Row(
        "revocation-before-scopes-of-the-path",
        bearing(GOOD),
        REVOKED,
        {"revocations": Answering(True), "rules": [Rule("/v1/*", scopes=["admin"])]},
    ),
    Row("expired-before-validator", bearing(token(exp=NOW)), EXPIRED, {"validators": [_refuse]}),
)

_RESOLVERS = (
    _resolving("raises", Failing(BROKEN), UNAVAILABLE),
    _resolving(
        "raises-what-tells-nothing", Failing(TemporarilyUnavailable("pool_empty")), because(UNAVAILABLE, "pool_empty")
    ),
    _resolving("raises-a-refusal", Failing(InvalidToken("not_here")), UNAVAILABLE),
    _resolving("raises-a-look-up-error", Failing(KeyError("acme")), UNAVAILABLE),
    _resolving("answers-with-text", Answering("acme"), UNAVAILABLE),
    _resolving("answers-with-false", Answering(False), UNAVAILABLE),
    _resolving("hangs-and-can-be-cancelled", HangingAsync(), UNAVAILABLE),
    # A plain function that hangs holds its thread, which under WSGI is the server's.
    _resolving("hangs", Hanging(), UNAVAILABLE, colour="asgi"),
    Row(
        "resolver-is-not-asked-without-issuer", bearing(token(iss=ABSENT)), missing("iss"), {"tenants": Failing(BROKEN)}
    ),
)

_REVOCATIONS = (
    _revoking("says-yes", Answering(True), REVOKED),
    _revoking("says-no", Answering(False), reached(GOOD)),
    _revoking("raises", Failing(BROKEN), UNAVAILABLE),
    _revoking("answers-with-none", Answering(None), UNAVAILABLE),
    _revoking("answers-with-a-number", Answering(1), UNAVAILABLE),
    _revoking("hangs-and-can-be-cancelled", HangingAsync(), UNAVAILABLE),
    _revoking("hangs", Hanging(), UNAVAILABLE, colour="asgi"),
    _revoking(
        "is-asked-by-fingerprint",
        Asking(lambda *question: question == ("acme", fingerprint(GOOD), "user_123", NOW - 60)),
        REVOKED,
    ),
    Row(
        "revocations-is-asked-by-token-id",
        bearing(_WITH_ID),
        REVOKED,
        {"revocations": Asking(lambda *question: question == ("acme", "t-1", "user_123", NOW - 60))},
    ),
    Row(
        "revocations-is-not-asked-about-the-expired",
        bearing(token(exp=NOW)),
        EXPIRED,
        {"revocations": Failing(BROKEN)},
    ),
    Row(
        "revocations-is-not-asked-about-the-unsigned",
        bearing(token(b"x" * 32)),
        SIGNATURE,
        {"revocations": Failing(BROKEN)},
    ),
)

SECTION = Section("stores", (*_VALIDATORS, *_RESOLVERS, *_REVOCATIONS))
