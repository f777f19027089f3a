"""Changes of a tenant: from what it is to what it shall be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import Application, ConfigurationError, Key, Tenant
from jwt_middleware.tenants import changes

NOW = 1_800_000_000.0
OLD, OLDER, NEW = (Key.secret(letter * 32, kid=letter) for letter in "onw")
ACME = Tenant(
    "acme",
    keys=[OLD, OLDER],
    applications=["shop", Application("kiosk", scopes=["read"])],
    issuers=["https://idp.example", "acme"],
    active=False,
    scope_claim="scp",
    audience_claim="client_id",
    max_lifetime=600,
    token_types=["access"],
)


class FetchedKeys:
    """A source of keys of the provider's own."""

    def awaited(self, algorithm: str, key_id: str | None) -> None:
        return None

    def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        return ()


FETCHED = Tenant("fetched", keys=FetchedKeys(), applications=["shop"])


def ends(tenant: Tenant) -> dict[str | None, float | None]:
    return {key.key_id: key.not_after for key in tenant.keys}


def scopes(tenant: Tenant) -> dict[str, tuple[frozenset[str] | None, bool]]:
    return {each.id: (each.scopes, each.active) for each in tenant.applications}


def test_a_tenant_changed_in_nothing_is_alike() -> None:
    assert changes.are_alike(changes.changed(ACME), ACME)
    assert changes.are_alike(changes.changed(FETCHED), FETCHED)


@pytest.mark.parametrize(
    "values",
    [
        {"keys": [OLD]},
        {"keys": FetchedKeys()},
        {"applications": ["shop"]},
        {"issuers": None},
        {"active": True},
        {"scope_claim": "scope"},
        {"audience_claim": "aud"},
        {"max_lifetime": None},
        {"token_types": None},
    ],
)
def test_a_tenant_changed_in_one_thing_differs_in_that_and_in_nothing_else(values: dict[str, Any]) -> None:
    changed = changes.changed(ACME, **values)
    assert not changes.are_alike(changed, ACME)
    [name] = values
    restored = {name: ACME.keys if name == "keys" else getattr(ACME, name)}
    assert changes.are_alike(changes.changed(changed, **restored), ACME)


def test_a_tenant_whose_issuer_is_its_id_stays_one() -> None:
    plain = Tenant("plain", keys=[OLD], applications=["shop"])
    assert changes.changed(plain, active=False).issuers == ("plain",)


def test_order_makes_no_difference() -> None:
    turned = changes.changed(
        ACME, keys=ACME.keys[::-1], applications=ACME.applications[::-1], issuers=ACME.issuers[::-1]
    )
    assert changes.are_alike(turned, ACME)


# Applications


def test_an_application_is_added() -> None:
    assert scopes(changes.with_application(ACME, Application("new", scopes=["a"])))["new"] == (frozenset({"a"}), True)


def test_an_application_that_is_there_already_is_not_added_again() -> None:
    assert changes.with_application(ACME, Application("kiosk", scopes=["read"])) is ACME


def test_another_application_of_the_same_id_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'kiosk' stands there 2 times"):
        changes.with_application(ACME, Application("kiosk", scopes=["write"]))


@pytest.mark.parametrize("ceiling", [["write"], [], None])
def test_an_application_is_limited(ceiling: list[str] | None) -> None:
    limited = scopes(changes.with_scopes(ACME, "kiosk", ceiling))
    assert limited == {"shop": (None, True), "kiosk": (None if ceiling is None else frozenset(ceiling), True)}


def test_an_application_is_suspended_and_resumed() -> None:
    suspended = changes.with_application_active(ACME, "kiosk", False)
    assert scopes(suspended) == {"shop": (None, True), "kiosk": ({"read"}, False)}
    assert changes.are_alike(changes.with_application_active(suspended, "kiosk", True), ACME)


def test_an_application_is_removed_and_the_others_stay() -> None:
    assert scopes(changes.without_application(ACME, "kiosk")) == {"shop": (None, True)}
    assert changes.without_application(ACME, "nothing") is ACME


def test_a_suspended_application_that_is_limited_stays_suspended() -> None:
    suspended = changes.with_application_active(ACME, "kiosk", False)
    assert scopes(changes.with_scopes(suspended, "kiosk", ["a"]))["kiosk"] == (frozenset({"a"}), False)


@pytest.mark.parametrize(
    "change",
    [
        lambda tenant: changes.with_scopes(tenant, "nothing", []),
        lambda tenant: changes.with_application_active(tenant, "nothing", False),
    ],
)
def test_an_application_that_is_not_there_is_told_with_those_that_are(change: Callable[[Tenant], Tenant]) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no 'nothing'\n.*there are: 'shop', 'kiosk'"):
        change(ACME)


# Keys


@pytest.mark.parametrize("grace", [0, 60, 60.5])
def test_a_rotated_secret_stands_first_and_the_others_end_after_the_grace(grace: float) -> None:
    rotated = changes.rotated(ACME, NEW, grace, NOW)
    assert rotated.keys[0] == NEW
    assert ends(rotated) == {"w": None, "o": NOW + grace, "n": NOW + grace}


def test_a_secret_rotated_without_grace_ends_nothing() -> None:
    assert ends(changes.rotated(ACME, NEW, None, NOW)) == {"w": None, "o": None, "n": None}


def test_no_key_lives_longer_because_of_a_rotation() -> None:
    ending = changes.without_key(ACME, "o", None, NOW + 30)
    assert ends(changes.rotated(ending, NEW, 60, NOW)) == {"w": None, "o": NOW + 30, "n": NOW + 60}


def test_what_had_ended_before_is_forgotten() -> None:
    once = changes.rotated(ACME, NEW, 0, NOW)
    assert ends(changes.rotated(once, Key.secret("x" * 32), 60, NOW)) == {None: None, "w": NOW + 60}


def test_rotating_to_a_key_that_is_there_adds_none() -> None:
    once = changes.rotated(ACME, NEW, 60, NOW)
    twice = changes.rotated(once, NEW, 60, NOW + 10)
    assert changes.are_alike(once, twice)


def test_rotating_to_a_key_that_ends_does_not_lengthen_its_life() -> None:
    ending = changes.without_key(ACME, "o", None, NOW + 30)
    assert ends(changes.rotated(ending, OLD, 0, NOW)) == {"o": NOW + 30, "n": NOW}


def test_another_secret_of_the_same_kid_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="2 HS256 keys with the kid 'o'"):
        changes.rotated(ACME, Key.secret("y" * 32, kid="o"), 60, NOW)


@pytest.mark.parametrize("grace", [-1, float("nan"), float("inf"), True, "60", 1e11])
def test_a_grace_that_is_no_number_of_seconds_is_refused(grace: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"grace: .* is not a number of seconds"):
        changes.rotated(ACME, NEW, grace, NOW)


@pytest.mark.parametrize("now", [float("nan"), -1, None])
def test_a_moment_that_is_none_forgets_no_key(now: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"now: .* is not a number of seconds"):
        changes.rotated(ACME, NEW, None, now)


def test_a_key_is_added_once() -> None:
    once = changes.with_key(ACME, NEW)
    assert ends(once) == {"o": None, "n": None, "w": None}
    assert changes.with_key(once, NEW) is once
    assert changes.with_key(once, Key.secret("w" * 32, kid="w", not_after=NOW)) is once


def test_a_key_is_retired() -> None:
    assert ends(changes.without_key(ACME, "o", None, NOW)) == {"o": NOW, "n": None}


def test_a_key_that_is_retired_again_keeps_the_earlier_end() -> None:
    once = changes.without_key(ACME, "o", None, NOW)
    assert ends(changes.without_key(once, "o", None, NOW + 60)) == {"o": NOW, "n": None}
    assert ends(changes.without_key(once, "o", None, NOW - 60)) == {"o": NOW - 60, "n": None}


def test_keys_without_kid_are_retired_together_and_by_algorithm() -> None:
    keys = [Key.secret("a" * 64), Key.secret("b" * 64), Key.secret("c" * 64, algorithm="HS512"), OLD]
    tenant = Tenant("acme", keys=keys, applications=["shop"])
    retired = changes.without_key(tenant, None, None, NOW)
    assert [key.not_after for key in retired.keys] == [NOW, NOW, NOW, None]
    retired = changes.without_key(tenant, None, "HS256", NOW)
    assert [key.not_after for key in retired.keys] == [NOW, NOW, None, None]


@pytest.mark.parametrize(
    ("kid", "algorithm", "words"),
    [("x", None, "there is no 'x'"), (None, None, "none without kid"), ("o", "HS384", "there is no 'o'")],
)
def test_a_key_that_is_not_there_is_told_with_those_that_are(
    kid: str | None, algorithm: str | None, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{words}\\n.*there are: 'o', 'n'"):
        changes.without_key(ACME, kid, algorithm, NOW)


@pytest.mark.parametrize("at", [-1, float("nan"), "now"])
def test_an_end_that_is_no_time_is_refused(at: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"at: .* is not a number of seconds"):
        changes.without_key(ACME, "o", None, at)


@pytest.mark.parametrize(
    "change",
    [
        lambda tenant: changes.with_key(tenant, NEW),
        lambda tenant: changes.rotated(tenant, NEW, 0, NOW),
        lambda tenant: changes.without_key(tenant, "o", None, NOW),
    ],
)
def test_keys_that_are_fetched_are_not_changed_here(change: Callable[[Tenant], Tenant]) -> None:
    with pytest.raises(ConfigurationError, match="fetched by URL"):
        change(FETCHED)


def test_the_next_secret_is_for_the_algorithm_of_the_newest() -> None:
    longer = Key.secret("x" * 64, algorithm="HS512")
    assert changes.algorithm_of_secrets(Tenant("acme", keys=[longer, OLD], applications=[])) == "HS512"
    assert changes.algorithm_of_secrets(Tenant("acme", keys=[], applications=[])) == "HS256"


def test_the_next_key_has_an_id_with_the_day_where_keys_have_ids() -> None:
    assert str(changes.next_key_id(ACME, NOW)).startswith("2027-01-15-")
    assert changes.next_key_id(ACME, NOW) != changes.next_key_id(ACME, NOW)
    unnamed = Tenant("acme", keys=[Key.secret("x" * 32)], applications=[])
    assert changes.next_key_id(unnamed, NOW) is None


# Many at once


def outcomes(*tenants: Tenant, **known: Tenant) -> list[str]:
    owners = {issuer: tenant.id for tenant in known.values() for issuer in tenant.issuers}
    added = changes.added_together(tenants, known, owners, lambda tenant: None)
    return [str(one.problem.problems[0].what) if one.problem else "new" if one.is_new else "there" for one in added]


def of(name: str, *issuers: str) -> Tenant:
    return Tenant(name, keys=[OLD], applications=["shop"], issuers=issuers or None)


def test_of_many_each_is_new_there_already_or_in_the_way_of_those_before_it() -> None:
    there = of("acme", "acme", "https://acme.example")
    assert outcomes(there, of("globex"), of("globex"), acme=there) == ["there", "new", "there"]
    assert outcomes(of("acme"), acme=there) == ["there is another tenant of this id"]
    assert outcomes(of("thief", "https://acme.example"), acme=there) == ["belongs to 'acme'"]
    assert outcomes(of("globex", "x"), of("thief", "x"), of("globex", "y")) == [
        "new",
        "belongs to 'globex'",
        "there is another tenant of this id",
    ]


def test_one_that_cannot_be_stored_keeps_nothing_from_the_others() -> None:
    def check(tenant: Tenant) -> None:
        if tenant.has_issuer("x"):
            raise ConfigurationError([])

    added = changes.added_together([of("first", "x"), of("second", "y"), of("first", "z")], {}, {}, check)
    assert [one.is_new for one in added] == [False, True, True]
