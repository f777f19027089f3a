"""The steps of a check, in their order, and which of them a refusal belongs to."""

from __future__ import annotations

from typing import Final, NamedTuple

from jwt_middleware import errors
from jwt_middleware.errors import AuthenticationError


class Step(NamedTuple):
    """One step: its place in the order, and its name."""

    number: int
    name: str


STEPS: Final = tuple(
    Step(number, name)
    for number, name in enumerate(
        (
            *("the Authorization field", "the header", "the payload and its issuer", "the tenant", "the key"),
            *("the signature", "the tenant's standing", "the required claims", "the types of the claims"),
            *("the times", "the application", "the scopes of the token", "the provider's validators"),
            *("revocation", "the scopes that are needed"),
        ),
        start=1,
    )
)
"""Every step of the check, in order."""

NOT_CHECKED: Final = STEPS[12:14]
"""Validators and revocation: they are written in Python, and no file can name them."""

_BY_REASON: Final = {
    "payload_is_no_json_object": 3,
    "payload_too_deeply_nested": 3,
    "unknown_issuer": 4,
    "resolver_answered_with_another_issuer": 4,
    "unknown_key_id": 5,
    "no_key_for_algorithm": 5,
    "retired_key": 5,
}
_BY_CLASS: Final[dict[type[AuthenticationError], int]] = {
    errors.NoCredentials: 1,
    errors.MalformedCredentials: 1,
    errors.TokenTooLong: 1,
    errors.InsecureTransport: 1,
    errors.MalformedToken: 2,
    errors.UnacceptableAlgorithm: 2,
    errors.UnsupportedHeader: 2,
    errors.InvalidKeyId: 2,
    errors.UnacceptableTokenType: 2,
    errors.TemporarilyUnavailable: 4,
    errors.InvalidSignature: 6,
    errors.SuspendedTenant: 7,
    errors.MissingRequiredClaim: 8,
    errors.InvalidClaim: 9,
    errors.TimeInMilliseconds: 9,
    errors.SenderConstrained: 9,
    errors.TokenExpired: 10,
    errors.NotYetValid: 10,
    errors.LifetimeTooLong: 10,
    errors.UnknownApplication: 11,
    errors.AmbiguousApplication: 11,
    errors.SuspendedApplication: 11,
    errors.InvalidToken: 13,
    errors.Revoked: 14,
    errors.InsufficientPermissions: 15,
    errors.ScopeNotGranted: 15,
}
_NO_OBJECT: Final = "no_json_object"
_PAYLOAD: Final = 3


def step_of(refusal: AuthenticationError, *, is_verified: bool, has_header: bool = True) -> Step:
    """The step that refused. A provider's own errors are a validator's.

    `is_verified`: whether the signature held; `has_header`: whether the token's header can be read.
    """
    number = _BY_REASON.get(refusal.reason) or _number(type(refusal))
    if refusal.reason == _NO_OBJECT and has_header:
        number = _PAYLOAD
    # Before the signature holds, the issuer is the only claim that is looked at.
    about_issuer = refusal.claim == "iss" and not is_verified
    return STEPS[(_PAYLOAD if about_issuer else number) - 1]


def _number(kind: type[AuthenticationError]) -> int:
    return next(_BY_CLASS[base] for base in kind.__mro__ if base in _BY_CLASS)
