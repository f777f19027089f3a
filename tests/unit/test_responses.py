"""What the middleware itself answers: status, headers and body."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from jwt_middleware.errors import (
    AuthenticationError,
    InsufficientPermissions,
    InvalidSignature,
    LifetimeTooLong,
    MissingRequiredClaim,
    NoCredentials,
    ScopeNotGranted,
    TemporarilyUnavailable,
    TokenExpired,
)
from jwt_middleware.responses import Answer, challenge, error_members, json_answer, refusal_answer

from .making import settings


def headers(answer: Answer) -> dict[str, str]:
    assert len(dict(answer.headers)) == len(answer.headers)
    return dict(answer.headers)


@pytest.mark.parametrize(
    ("refusal", "value"),
    [
        (NoCredentials(), 'Bearer realm="api"'),
        (
            TokenExpired(),
            'Bearer realm="api", error="invalid_token", error_description="The access token expired"',
        ),
        (
            InvalidSignature("unknown_issuer"),
            'Bearer realm="api", error="invalid_token", '
            'error_description="The signature of the access token could not be verified"',
        ),
        (
            LifetimeTooLong(3600),
            'Bearer realm="api", error="invalid_token", '
            'error_description="The lifetime of the access token exceeds the limit of 1 hour"',
        ),
        (
            InsufficientPermissions(["read", "write"]),
            'Bearer realm="api", error="insufficient_scope", scope="read write"',
        ),
        (ScopeNotGranted(["write"]), 'Bearer realm="api", error="insufficient_scope", scope="write"'),
    ],
)
def test_the_challenge_is_that_of_rfc_6750(refusal: AuthenticationError, value: str) -> None:
    assert challenge(refusal, "api") == value
    assert headers(refusal_answer(refusal, settings()))["www-authenticate"] == value


def test_the_challenge_names_the_realm_of_the_settings() -> None:
    answer = refusal_answer(NoCredentials(), settings(realm="the API of Acme"))
    assert headers(answer)["www-authenticate"] == 'Bearer realm="the API of Acme"'


def test_a_refusal_is_json_that_nobody_may_store() -> None:
    answer = refusal_answer(TokenExpired(), settings())
    assert headers(answer) == {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
        "www-authenticate": challenge(TokenExpired(), "api"),
    }
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "token_expired")


def test_a_store_that_cannot_tell_is_503_without_challenge() -> None:
    answer = refusal_answer(TemporarilyUnavailable("tenant_store_timed_out"), settings())
    assert answer.status == 503
    assert headers(answer)["retry-after"] == "1"
    assert "www-authenticate" not in headers(answer)
    assert b"tenant_store" not in answer.body


@pytest.mark.parametrize("refusal", [NoCredentials(), TokenExpired(), InsufficientPermissions(["x"])])
def test_only_503_says_when_to_come_again(refusal: AuthenticationError) -> None:
    assert "retry-after" not in headers(refusal_answer(refusal, settings()))


def test_the_body_has_code_description_and_solution() -> None:
    assert error_members(NoCredentials(), None) == {
        "error": "invalid_token",
        "error_description": NoCredentials.description,
        "solution": NoCredentials.solution,
    }


def test_the_body_names_claim_scopes_and_documentation_where_they_apply() -> None:
    assert error_members(MissingRequiredClaim(claim="sub"), None)["claim"] == "sub"
    assert error_members(InsufficientPermissions(["read", "write"]), None)["required_scope"] == ["read", "write"]
    assert error_members(TokenExpired(), "https://docs.example/")["error_uri"] == "https://docs.example/"
    assert error_members(TokenExpired(), "https://docs.example/#")["error_uri"] == "https://docs.example/#token_expired"


def test_a_reason_for_the_log_is_not_in_the_answer() -> None:
    known, unknown = (refusal_answer(InvalidSignature(reason), settings()) for reason in ("bad", "unknown_issuer"))
    assert known == unknown


def problem_json(refusal: AuthenticationError, members: Any) -> tuple[str, bytes]:
    return "application/problem+json", json.dumps({"type": "about:blank", "detail": members["solution"]}).encode()


def test_the_provider_may_render_the_body_but_not_status_and_challenge() -> None:
    answer = refusal_answer(TokenExpired(), settings(render_error=problem_json))
    assert json.loads(answer.body) == {"type": "about:blank", "detail": TokenExpired.solution}
    assert answer.status == 401
    assert headers(answer)["content-type"] == "application/problem+json"
    assert headers(answer)["content-length"] == str(len(answer.body))
    assert headers(answer)["www-authenticate"] == challenge(TokenExpired(), "api")
    assert headers(answer)["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_rendered_body_may_be_any_kind_of_bytes(kind: Any) -> None:
    answer = refusal_answer(TokenExpired(), settings(render_error=lambda refusal, members: ("text/plain", kind(b"no"))))
    assert answer.body == b"no"


def raising(refusal: AuthenticationError, members: Any) -> Any:
    raise LookupError("hunter2")


BROKEN: dict[str, Any] = {
    "raises": raising,
    "answers with text": lambda refusal, members: ("text/plain", "no"),
    "answers with None": lambda refusal, members: None,
    "answers with a number": lambda refusal, members: ("text/plain", 5),
    "splits the header": lambda refusal, members: ("text/plain\r\nset-cookie: a=b", b""),
    "has a type that is not ASCII": lambda refusal, members: ("text/schön", b""),
    "has no type": lambda refusal, members: (None, b""),
    "changes the members and raises": lambda refusal, members: members.clear(),
}


@pytest.mark.parametrize("renderer", BROKEN.values(), ids=BROKEN)
def test_where_the_renderer_is_broken_the_default_body_is_sent(renderer: Any, caplog: pytest.LogCaptureFixture) -> None:
    answer = refusal_answer(TokenExpired(), settings(render_error=renderer))
    assert answer == refusal_answer(TokenExpired(), settings())
    [record] = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware", logging.ERROR)
    assert "render_error failed with" in record.getMessage()
    assert "hunter2" not in record.getMessage()


def test_a_good_answer_is_json_that_nobody_may_store() -> None:
    answer = json_answer({"active": True, "sub": "jörg"}, (("x-auth-subject", "x"),))
    assert answer.status == 200
    assert json.loads(answer.body) == {"active": True, "sub": "jörg"}
    assert headers(answer) == {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
        "x-auth-subject": "x",
    }
