"""Tenants and applications: values checked when built."""

from __future__ import annotations

from typing import Any

import pytest

from jwt_middleware import JWKS, Application, ConfigurationError, Key, Rule, Tenant

from ..making import OTHER_SECRET, SECRET, tenant


def refused(**changes: Any) -> list[str]:
    """Where the problems of such a tenant are."""
    with pytest.raises(ConfigurationError) as caught:
        tenant(**changes)
    return [problem.where for problem in caught.value.problems]


def test_a_tenants_only_issuer_is_its_id_unless_told_otherwise() -> None:
    assert tenant("acme").issuers == ("acme",)
    assert tenant("acme", issuers=["https://a.example/", "acme"]).issuers == ("https://a.example/", "acme")


def test_a_tenant_has_the_usual_claims_and_the_limits_of_the_settings_unless_told_otherwise() -> None:
    usual = tenant()
    assert (usual.active, usual.scope_claim, usual.audience_claim) == (True, "scope", "aud")
    assert (usual.max_lifetime, usual.token_types) == (None, None)
    other = tenant(active=False, scope_claim="scp", audience_claim="client_id", max_lifetime=60, token_types=["at+JWT"])
    assert (other.active, other.scope_claim, other.audience_claim) == (False, "scp", "client_id")
    assert other.max_lifetime == 60
    assert other.token_types is not None
    assert "at+jwt" in other.token_types


def test_plain_text_is_an_application_without_a_ceiling() -> None:
    assert tenant(applications=["shop"]).applications == (Application("shop"),)
    assert Application("shop").scopes is None
    assert Application("shop").active is True


@pytest.mark.parametrize("count", [1, 8, 9, 500])
def test_an_application_is_found_by_its_id_active_or_not(count: int) -> None:
    of = tenant(applications=[*(f"app-{number}" for number in range(count)), Application("old", active=False)])
    assert of.application("app-0") == Application("app-0")
    assert of.application(f"app-{count - 1}") == Application(f"app-{count - 1}")
    assert of.application("old") == Application("old", active=False)
    assert of.application("App-0") is None


@pytest.mark.parametrize("id", ["", "x" * 257, "a\nb", 7, None, "\ud800"], ids=ascii)
def test_an_id_is_a_short_plain_string(id: Any) -> None:
    assert refused(id=id) == ["id"]


@pytest.mark.parametrize("id", ["a/b", "/", "a%2fb", "a%2Fb", "https://acme.example"])
def test_an_id_has_no_slash_because_that_separates_tenant_and_subject(id: str) -> None:
    assert refused(id=id) == ["id"]


@pytest.mark.parametrize("issuers", [[""], ["acme", "x" * 257], [7], ["a\nb"], [None], "acme", 7, b"acme"], ids=ascii)
def test_issuers_are_a_list_of_short_plain_strings(issuers: Any) -> None:
    assert refused(issuers=issuers) == ["issuers"]


@pytest.mark.parametrize("given", ["secret", b"secret", 7, None, ["secret"], [None], JWKS])
def test_keys_are_a_list_of_keys(given: Any) -> None:
    assert refused(keys=given) == ["keys"]


def test_what_is_no_key_is_not_shown_because_it_may_be_a_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        tenant(keys=["hunter2-hunter2-hunter2"])
    assert "hunter2" not in str(caught.value)


def test_more_than_eight_keys_need_ids() -> None:
    anonymous = [Key.secret(f"{number:032}") for number in range(9)]
    assert len(tenant(keys=anonymous[:8]).keys) == 8
    assert refused(keys=anonymous) == ["keys"]
    named = [Key.secret(f"{number:032}", kid=str(number)) for number in range(9)]
    assert len(tenant(keys=[*named, *anonymous[:8]]).keys) == 17


def test_a_key_id_stands_once_for_each_algorithm() -> None:
    one = Key.secret(SECRET, kid="k1")
    assert refused(keys=[one, Key.secret(OTHER_SECRET, kid="k1")]) == ["keys"]
    assert len(tenant(keys=[one, Key.secret(OTHER_SECRET, kid="k1", algorithm="HS512")]).keys) == 2


def test_a_tenant_may_have_no_keys_yet() -> None:
    assert tenant(keys=[]).keys == ()


@pytest.mark.parametrize("given", ["shop", 7, None, b"shop"])
def test_applications_are_a_list(given: Any) -> None:
    assert refused(applications=given) == ["applications"]


def test_lists_may_be_any_iterables_that_can_be_gone_through_once() -> None:
    acme = tenant(
        keys=iter([Key.secret(SECRET)]), applications=iter(["shop"]), issuers=iter(["acme"]), token_types=iter(["JWT"])
    )
    assert (acme.keys, acme.issuers) == ((Key.secret(SECRET),), ("acme",))
    assert acme.applications == (Application("shop"),)


@pytest.mark.parametrize("given", [[["shop"]], [{"id": "shop"}]])
def test_an_application_in_the_list_is_text_or_an_application(given: Any) -> None:
    assert refused(applications=given) == ["applications"]


@pytest.mark.parametrize("given", [[""], ["a\nb"], [7], [None]], ids=ascii)
def test_an_application_in_the_list_has_a_usable_id(given: Any) -> None:
    assert refused(applications=given) == ["applications: id"]


def test_an_application_stands_there_once() -> None:
    assert refused(applications=["shop", "admin", Application("shop", scopes=["read"])]) == ["applications"]


@pytest.mark.parametrize("name", ["scope_claim", "audience_claim"])
@pytest.mark.parametrize("claim", ["", 7, None, "a\nb"], ids=ascii)
def test_a_claim_has_a_name(name: str, claim: Any) -> None:
    assert refused(**{name: claim}) == [name]


@pytest.mark.parametrize("lifetime", [0, -1, True, "60", float("nan"), float("inf")])
def test_a_lifetime_is_a_number_of_seconds_above_0(lifetime: Any) -> None:
    assert refused(max_lifetime=lifetime) == ["max_lifetime"]


@pytest.mark.parametrize("active", ["false", 0, None])
def test_active_is_true_or_false_because_a_text_would_count_as_true(active: Any) -> None:
    assert refused(active=active) == ["active"]
    with pytest.raises(ConfigurationError, match="neither True nor False"):
        Application("shop", active=active)


@pytest.mark.parametrize("types", ["JWT", 7, [7], ["JWT", None], [""], ["a\n"]])
def test_token_types_are_a_list_of_names(types: Any) -> None:
    assert refused(token_types=types) == ["token_types"]


def test_every_problem_is_told_at_once_with_the_tenant_and_the_fixes() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Tenant("a/b", keys=["x"], applications=["shop", "shop"], active="no", max_lifetime=0)  # type: ignore[list-item, arg-type]
    places = [problem.where for problem in caught.value.problems]
    assert places == ["id", "keys", "applications", "active", "max_lifetime"]
    assert "tenant 'a/b' cannot be used" in str(caught.value)
    assert "build keys with Key.secret" in str(caught.value)


def test_repr_shows_no_secret() -> None:
    assert repr(tenant()) == (
        "Tenant('acme', issuers=['acme'], keys=[Key(algorithm='HS256', kid=None, not_after=None)], active=True)"
    )


@pytest.mark.parametrize("id", ["", "x" * 257, 7, None, "a\x00"], ids=ascii)
def test_an_application_id_is_a_short_plain_string(id: Any) -> None:
    with pytest.raises(ConfigurationError, match="id: not text of 1 to 256 plain characters"):
        Application(id)


@pytest.mark.parametrize("scopes", ["read write", b"read", 7, True])
def test_a_ceiling_is_a_list(scopes: Any) -> None:
    with pytest.raises(ConfigurationError, match="scopes: not a list"):
        Application("shop", scopes=scopes)


@pytest.mark.parametrize("scope", ["", "a b", "a\nb", 7, None], ids=ascii)
def test_a_ceiling_has_scope_names(scope: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a scope name"):
        Application("shop", scopes=["read", scope])


def test_applications_are_equal_by_what_they_say() -> None:
    one = Application("shop", scopes=["read", "write"])
    assert one == Application("shop", scopes=("write", "read"))
    assert hash(one) == hash(Application("shop", scopes=("write", "read")))
    others = [Application("shop"), Application("shop", scopes=[]), Application("shop", active=False), "shop"]
    assert all(one != other for other in others)
    assert Application("shop") != Application("shop", scopes=[])


def test_repr_of_an_application_shows_what_was_written() -> None:
    assert repr(Application("shop", scopes=["write", "read"], active=False)) == (
        "Application('shop', scopes=['read', 'write'], active=False)"
    )
    assert repr(Application("shop")) == "Application('shop', scopes=None, active=True)"


def test_a_tenant_without_any_issuer_is_refused_because_nobody_could_be_one_of_its_users() -> None:
    assert refused(issuers=[]) == ["issuers"]


VALUES: list[tuple[Any, str]] = [
    (tenant(), "active"),
    (tenant(), "keys"),
    (Application("shop"), "scopes"),
    (Rule("/a"), "access"),
    (Key.secret(SECRET), "not_after"),
    (tenant(), "anything"),
]


@pytest.mark.parametrize(("value", "name"), VALUES, ids=[f"{type(value).__name__}.{name}" for value, name in VALUES])
def test_what_decides_about_requests_cannot_be_changed_behind_the_checks(value: Any, name: str) -> None:
    before = getattr(value, name, None)
    with pytest.raises(AttributeError):
        setattr(value, name, True)
    with pytest.raises(AttributeError):
        delattr(value, name)
    assert getattr(value, name, None) == before
