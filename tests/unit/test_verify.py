"""The verify endpoint: what a tenant's developer and a gateway are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jwt_middleware.errors import InsufficientPermissions, ScopeNotGranted
from jwt_middleware.verify import demanded_scopes, identity_answer, require_demanded_scopes

from .making import NOW, Clock, identity


def told(now: float = NOW, **changes: Any) -> dict[str, Any]:
    answer = identity_answer(identity(**changes), Clock(now))
    members = json.loads(answer.body)
    assert answer.status == 200
    assert isinstance(members, dict)
    return members


def fields(**changes: Any) -> dict[str, str]:
    return dict(identity_answer(identity(**changes), Clock()).headers)


def test_the_body_tells_what_the_token_gives() -> None:
    assert told(scopes=frozenset({"write", "read"})) == {
        "active": True,
        "sub": "user_123",
        "iss": "acme",
        "aud": "shop",
        "scope": ["read", "write"],
        "iat": NOW - 10,
        "exp": NOW + 600,
        "expires_in": 600,
        "tenant": "acme",
    }


def test_a_token_id_is_told_where_the_token_has_one() -> None:
    assert told(jwt_id="t1")["jti"] == "t1"


def test_the_end_of_a_key_that_is_being_rotated_out_is_told() -> None:
    assert told(key_expires_at=NOW + 5)["key_expires_at"] == NOW + 5


@pytest.mark.parametrize(("now", "left"), [(NOW + 599.5, 0), (NOW + 600, 0), (NOW + 700, 0), (NOW + 1, 599)])
def test_the_seconds_that_are_left_are_whole_and_never_negative(now: float, left: int) -> None:
    assert told(now)["expires_in"] == left


def test_a_gateway_gets_the_same_in_headers() -> None:
    assert {name: value for name, value in fields().items() if name.startswith("x-auth-")} == {
        "x-auth-subject": "user_123",
        "x-auth-tenant": "acme",
        "x-auth-application": "shop",
        "x-auth-scope": "read write",
    }


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        ("jörg", "j%C3%B6rg"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("!~\"'(),/:;<=>?@[]{}|\\^`", "!~\"'(),/:;<=>?@[]{}|\\^`"),
        ("\u200b", "%E2%80%8B"),
    ],
    ids=ascii,
)
def test_what_is_not_visible_ascii_is_percent_encoded(subject: str, value: str) -> None:
    assert fields(subject=subject)["x-auth-subject"] == value


def test_scopes_are_encoded_one_by_one_and_joined_by_one_space() -> None:
    assert fields(scopes=frozenset({"a\u00a0b", "c"}))["x-auth-scope"] == "a%C2%A0b c"


@pytest.mark.parametrize(
    ("query", "scopes"),
    [
        ("", ()),
        ("scope=", ()),
        ("scope=read", ("read",)),
        ("scope=a%20b", ("a", "b")),
        ("scope=a+b", ("a", "b")),
        ("scope=b%20a%20b", ("b", "a")),
        ("scope=a&scope=b", ("a", "b")),
        ("x=1&scope=a&y=2", ("a",)),
        ("scopes=a", ()),
        ("scope=a%09b", ("a\tb",)),
    ],
)
def test_the_query_may_demand_scopes(query: str, scopes: tuple[str, ...]) -> None:
    assert demanded_scopes(query) == scopes


def test_demanded_scopes_that_are_granted_pass() -> None:
    require_demanded_scopes(identity(), "scope=read%20write")
    require_demanded_scopes(identity(), "")


def test_a_demanded_scope_that_is_lacking_is_refused_with_all_that_were_demanded() -> None:
    with pytest.raises(InsufficientPermissions) as caught:
        require_demanded_scopes(identity(), "scope=read%20admin")
    assert caught.value.required_scopes == ("read", "admin")


def test_a_demanded_scope_above_the_ceiling_is_told_as_such() -> None:
    with pytest.raises(ScopeNotGranted):
        require_demanded_scopes(identity(_withheld=frozenset({"admin"})), "scope=admin")


ODD_SCOPES = ["scope=%22", "scope=a%22b%20read", "scope=%0d%0aset-cookie:x", "scope=%C3%B6"]


@pytest.mark.parametrize("query", ODD_SCOPES)
def test_a_demanded_scope_that_would_break_the_challenge_is_refused_and_not_repeated(query: str) -> None:
    with pytest.raises(InsufficientPermissions) as caught:
        require_demanded_scopes(identity(scopes=frozenset({"read"})), query)
    assert set(caught.value.required_scopes) <= {"read"}


@pytest.mark.parametrize("query", ["scope=%22", "scope=a%22b%20read", "scope=%C3%B6"])
def test_a_demanded_scope_that_is_granted_passes_whatever_its_characters(query: str) -> None:
    require_demanded_scopes(identity(scopes=frozenset({"read", '"', 'a"b', "ö"})), query)
