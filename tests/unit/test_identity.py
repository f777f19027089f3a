"""Whom a token authenticates: an immutable value that holds no token."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import pytest

from jwt_middleware import Authenticator, Identity
from jwt_middleware.identity import fingerprint

from . import making
from .making import NOW, identity, settings, token


def authenticated(**claims: Any) -> Identity:
    return Authenticator(settings()).authenticate(token(**claims))


def test_an_identity_has_what_the_token_says() -> None:
    me = authenticated(jti="t1", scope="write read")
    assert (me.subject, me.tenant_id, me.application_id, me.issuer) == ("user_123", "acme", "shop", "acme")
    assert (me.issued_at, me.expires_at) == (NOW - 10, NOW + 600)
    assert (me.scopes, me.token_id, me.jwt_id) == (frozenset({"read", "write"}), "t1", "t1")


@pytest.mark.parametrize("name", ["subject", "tenant_id", "scopes", "expires_at", "anything"])
def test_an_identity_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(identity(), name, "someone else")


def test_a_token_without_jti_is_named_by_the_fingerprint_of_header_and_payload() -> None:
    text = token()
    me = Authenticator(settings()).authenticate(text)
    assert me.token_id == making.fingerprint(text)
    assert me.token_id == me.token_id
    assert me.jwt_id is None


def test_a_fingerprint_is_sha_256() -> None:
    assert fingerprint(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_claims_are_all_claims_of_the_token() -> None:
    claims = authenticated(jti="t1", level=7, nested={"a": [1, 2]}).claims
    assert claims == {**making.claims(), "jti": "t1", "level": 7, "nested": {"a": [1, 2]}}


def test_changing_claims_changes_nobody_elses() -> None:
    authenticator, text = Authenticator(settings()), token(roles=["user"])
    first = authenticator.authenticate(text)
    first.claims["roles"].append("admin")
    assert authenticator.authenticate(text).claims["roles"] == ["user"]


def test_claims_are_decoded_once() -> None:
    me = authenticated()
    assert me.claims is me.claims


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("acme", "a/b"), ("acme/a", "b")),
        (("a", "%2F"), ("a", "/")),
        (("a", "b c"), ("a", "b%20c")),
        (("a", "ä"), ("a", "a\u0308")),
    ],
    ids=ascii,
)
def test_different_pairs_of_tenant_and_subject_have_different_principals(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    principals = {identity(tenant_id=tenant, subject=subject).principal for tenant, subject in (one, other)}
    assert len(principals) == 2


@pytest.mark.parametrize(
    ("subject", "principal"),
    [
        ("user_123", "acme/user_123"),
        ("a.b~c-d", "acme/a.b~c-d"),
        ("auth0|5", "acme/auth0%7C5"),
        ("jörg@acme", "acme/j%C3%B6rg%40acme"),
        ("a/b", "acme/a%2Fb"),
    ],
)
def test_a_principal_is_tenant_and_subject_percent_encoded(subject: str, principal: str) -> None:
    assert identity(subject=subject).principal == principal


def test_has_scopes_asks_for_all_of_them() -> None:
    me = identity(scopes=frozenset({"read", "write"}))
    assert me.has_scopes("read", "write")
    assert me.has_scopes()
    assert not me.has_scopes("read", "admin")


def test_identities_are_equal_by_tenant_application_subject_and_token() -> None:
    one = identity(jwt_id="t1")
    same = identity(jwt_id="t1", scopes=frozenset())
    assert one == same
    assert operator.ne(one, same) is False
    assert hash(one) == hash(same)


@pytest.mark.parametrize("change", ["tenant_id", "application_id", "subject", "jwt_id"])
def test_identities_that_differ_in_one_of_these_are_not_equal(change: str) -> None:
    one, other = identity(jwt_id="t1"), identity(**{"jwt_id": "t1", change: "another"})
    assert one != other
    assert operator.eq(one, other) is False


def test_an_identity_equals_nothing_else() -> None:
    assert identity(jwt_id="t1") != "t1"
    assert operator.eq(identity(jwt_id="t1"), "t1") is False


def test_repr_shows_whom_and_no_token() -> None:
    text = token(jti="t1", secret_claim="hush")
    shown = repr(Authenticator(settings()).authenticate(text))
    assert shown == ("Identity(subject='user_123', tenant_id='acme', application_id='shop', scopes=['read', 'write'])")
    assert not any(part in shown for part in text.split("."))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_holds_no_part_of_the_token(protocol: int) -> None:
    text = token()
    pickled = pickle.dumps(Authenticator(settings()).authenticate(text), protocol)
    assert not any(part.encode() in pickled for part in text.split("."))


def again(me: Identity) -> Any:
    return pickle.loads(pickle.dumps(me))  # noqa: S301


@pytest.mark.parametrize("duplicate", [again, copy.copy, copy.deepcopy], ids=["pickled", "copied", "deeply copied"])
@pytest.mark.parametrize("jti", ["t1", making.ABSENT], ids=["jti", "no jti"])
def test_a_duplicate_is_the_same_identity(duplicate: Any, jti: object) -> None:
    me = authenticated(jti=jti, level=7)
    other = duplicate(me)
    assert other == me
    assert (other.token_id, other.jwt_id, other.claims) == (me.token_id, me.jwt_id, me.claims)
    assert (other.scopes, other.issuer, other.principal) == (me.scopes, me.issuer, me.principal)
