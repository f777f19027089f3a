"""Tokens made by `jwt_middleware.tokens`, read by PyJWT."""

from __future__ import annotations

import secrets

import jwt
import pytest

from jwt_middleware import Application, Key, Tenant
from jwt_middleware.tokens import decoded, guide_claims, header_for, segment, signed

SECRET = secrets.token_urlsafe(64)
ACME = Tenant("acme", keys=[Key.secret(SECRET)], applications=[Application("quest")])


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_another_library_reads_what_was_signed(algorithm: str) -> None:
    claims = {"sub": "Zoë", "iss": "acme", "nested": {"list": [1, 2.5, None, True]}}
    token = signed(claims, Key.secret(SECRET, algorithm=algorithm, kid="new"))
    read = jwt.decode_complete(token, SECRET, [algorithm])
    assert read["payload"] == claims
    assert read["header"] == {"alg": algorithm, "typ": "JWT", "kid": "new"}


def test_a_key_without_id_leaves_kid_out() -> None:
    assert header_for(ACME.keys[0]) == {"alg": "HS256", "typ": "JWT"}


def test_the_claims_are_those_of_the_guide() -> None:
    assert guide_claims(ACME, "quest", "user_123", now=1696134000.9, scopes=["read", "write"]) == {
        "sub": "user_123",
        "iss": "acme",
        "aud": "quest",
        "iat": 1696134000,
        "exp": 1696137600,
        "scope": ["read", "write"],
    }


def test_claims_have_the_names_that_the_tenant_uses() -> None:
    idp = Tenant(
        "idp", keys=[Key.secret(SECRET)], applications=["portal"], audience_claim="client_id", scope_claim="scp"
    )
    claims = guide_claims(idp, "portal", "user_123", now=1000, scopes=["read"], lifetime=60)
    assert claims == {"sub": "user_123", "iss": "idp", "client_id": "portal", "iat": 1000, "exp": 1060, "scp": ["read"]}


def test_without_scopes_there_is_no_scope_claim() -> None:
    assert "scope" not in guide_claims(ACME, "quest", "user_123", now=0)


@pytest.mark.parametrize("content", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_a_segment_is_read_back(content: bytes) -> None:
    assert "=" not in segment(content)
    assert decoded(segment(content)) == content


@pytest.mark.parametrize("text", ["a", '"abcd', "abcd efgh", "ü", "\ud800"])
def test_what_is_no_segment_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decoded(text)
