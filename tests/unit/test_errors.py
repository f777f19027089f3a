"""The errors as data. Their texts are pinned in test_error_texts.py."""

from __future__ import annotations

import pickle

import pytest

from jwt_middleware import errors
from jwt_middleware.errors import (
    AuthenticationError,
    ConfigurationError,
    InsufficientPermissions,
    InvalidClaim,
    InvalidToken,
    LifetimeTooLong,
    Problem,
    ScopeNotGranted,
    TemporarilyUnavailable,
)


def test_a_refusal_carries_the_reason_of_its_class() -> None:
    assert errors.Revoked().reason == "revoked"
    assert str(errors.Revoked()) == "revoked"


def test_a_refusal_may_carry_a_more_precise_reason_and_claim() -> None:
    refusal = InvalidClaim("too_long", claim="sub")
    assert (refusal.reason, refusal.claim, str(refusal)) == ("too_long", "sub", "too_long")
    assert InvalidClaim().reason == "invalid_claim"


def test_a_validator_tells_the_log_and_only_the_log_why_it_refused() -> None:
    refusal = InvalidToken("subject is on the black list")
    assert refusal.reason == "subject is on the black list"
    assert refusal.description == InvalidToken.description


@pytest.mark.parametrize("kind", ["InvalidSignature", "MissingRequiredClaim", "TokenExpired", "NoCredentials"])
def test_every_401_can_be_caught_as_invalid_token(kind: str) -> None:
    assert issubclass(getattr(errors, kind), InvalidToken)


@pytest.mark.parametrize("kind", [InsufficientPermissions, TemporarilyUnavailable])
def test_403_and_503_say_nothing_about_the_token(kind: type[AuthenticationError]) -> None:
    assert not issubclass(kind, InvalidToken)


def test_a_missing_scope_that_was_withheld_is_a_missing_scope() -> None:
    refusal = ScopeNotGranted(iter(["read", "write"]))
    assert isinstance(refusal, InsufficientPermissions)
    assert refusal.required_scopes == ("read", "write")


@pytest.mark.parametrize("text", ['a "quoted" word', "a back\\slash", "two\nlines", "schön"])
@pytest.mark.parametrize("member", ["description", "solution"])
def test_an_error_of_ones_own_cannot_have_text_that_breaks_a_challenge(member: str, text: str) -> None:
    with pytest.raises(TypeError, match="Banned: texts are plain ASCII"):
        type("Banned", (InvalidToken,), {member: text})


def test_an_error_of_ones_own_with_plain_text_is_fine() -> None:
    banned = type("Banned", (InvalidToken,), {"description": "The subject is banned"})
    assert banned().description == "The subject is banned"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (86_400, "24 hours"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (60, "1 minute"),
        (61, "61 seconds"),
        (30, "30 seconds"),
        (0.5, "0.5 seconds"),
    ],
)
def test_the_lifetime_limit_is_told_in_the_largest_whole_unit(limit: float, words: str) -> None:
    assert LifetimeTooLong(limit).description == f"The lifetime of the access token exceeds the limit of {words}"


def test_a_problem_without_a_fix_is_one_line() -> None:
    assert str(Problem("realm", "is empty")) == "realm: is empty"


def test_a_configuration_error_has_every_problem_with_its_fix_beside_it() -> None:
    error = ConfigurationError([Problem("a", "is wrong", "write b"), Problem("c", "is missing")], "this will not do")
    assert str(error) == "this will not do:\n  - a: is wrong\n    -> write b\n  - c: is missing"


def test_a_configuration_error_can_be_caught_as_a_value_error() -> None:
    assert issubclass(ConfigurationError, ValueError)
    assert not issubclass(ConfigurationError, AuthenticationError)


def test_a_configuration_error_survives_pickling() -> None:
    error = ConfigurationError([Problem("a", "is wrong", "write b")], "this will not do")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.problems, again.title) == (str(error), error.problems, error.title)
