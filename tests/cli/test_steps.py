"""Which step of the check a refusal belongs to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jwt_middleware import errors
from jwt_middleware.errors import AuthenticationError, InvalidToken
from jwt_middleware.explaining.steps import NOT_CHECKED, STEPS, step_of


class RefusedByProvider(InvalidToken):
    """What a validator of a provider may raise."""


def every_error(kind: type[AuthenticationError] = AuthenticationError) -> Iterator[type[AuthenticationError]]:
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield below
            yield from every_error(below)


def made(kind: type[AuthenticationError]) -> AuthenticationError:
    if issubclass(kind, errors.InsufficientPermissions):
        return kind(["write"])
    return errors.LifetimeTooLong(60) if kind is errors.LifetimeTooLong else kind()


def test_the_steps_are_numbered_in_order() -> None:
    assert [step.number for step in STEPS] == list(range(1, 16))
    assert [step.number for step in NOT_CHECKED] == [13, 14]


@pytest.mark.parametrize("kind", [*every_error()], ids=lambda kind: kind.__name__)
def test_no_documented_error_is_taken_for_a_validators(kind: type[AuthenticationError]) -> None:
    number = step_of(made(kind), is_verified=True).number
    assert (number == 13) == (kind is InvalidToken)


@pytest.mark.parametrize(
    ("refusal", "number"),
    [
        (errors.TokenTooLong(), 1),
        (errors.UnacceptableAlgorithm(), 2),
        (errors.MalformedToken("header_is_no_json_object"), 2),
        (errors.MalformedToken("payload_is_no_json_object"), 3),
        (errors.MissingRequiredClaim(claim="iss"), 3),
        (errors.InvalidClaim(claim="iss"), 3),
        (errors.InvalidSignature("unknown_issuer"), 4),
        (errors.TemporarilyUnavailable(), 4),
        (errors.InvalidSignature("unknown_key_id"), 5),
        (errors.InvalidSignature("no_key_for_algorithm"), 5),
        (errors.InvalidSignature("retired_key"), 5),
        (errors.InvalidSignature(), 6),
    ],
)
def test_before_the_signature_holds(refusal: AuthenticationError, number: int) -> None:
    assert step_of(refusal, is_verified=False).number == number


@pytest.mark.parametrize(
    ("refusal", "number"),
    [
        (errors.SuspendedTenant(), 7),
        (errors.MissingRequiredClaim(claim="sub"), 8),
        (errors.MissingRequiredClaim(claim="iss"), 8),
        (errors.TimeInMilliseconds(claim="exp"), 9),
        (errors.LifetimeTooLong(60), 10),
        (errors.SuspendedApplication(), 11),
        (InvalidToken("we do not like it"), 13),
        (RefusedByProvider(), 13),
        (errors.Revoked(), 14),
        (errors.ScopeNotGranted(["write"]), 15),
    ],
)
def test_after_the_signature_holds(refusal: AuthenticationError, number: int) -> None:
    assert step_of(refusal, is_verified=True).number == number


@pytest.mark.parametrize(("has_header", "number"), [(False, 2), (True, 3)])
def test_what_is_no_object_is_the_payload_where_the_header_is_one(has_header: bool, number: int) -> None:
    refusal = errors.MalformedToken("no_json_object")
    assert step_of(refusal, is_verified=False, has_header=has_header).number == number
