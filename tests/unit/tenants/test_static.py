"""Tenants that are known when the process starts."""

from __future__ import annotations

from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Key, StaticTenants

from ..making import OTHER_SECRET, SECRET, tenant


def other(id: str = "globex", **changes: Any) -> Any:
    return tenant(id, **{"keys": [Key.secret(OTHER_SECRET)], **changes})


def refusal(*tenants: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        StaticTenants(tenants)
    return str(caught.value)


def test_a_tenant_is_found_by_each_of_its_issuers_exactly() -> None:
    acme, globex = tenant(issuers=["acme", "https://acme.example/"]), other()
    tenants = StaticTenants([acme, globex])
    assert tenants.resolve("acme") is tenants.resolve("https://acme.example/") is acme
    assert tenants.resolve("globex") is globex
    assert [tenants.resolve(issuer) for issuer in ("Acme", "acme ", "https://acme.example", "")] == [None] * 4


def test_an_id_that_is_no_issuer_finds_nobody() -> None:
    assert StaticTenants([tenant(issuers=["https://acme.example/"])]).resolve("acme") is None


def test_tenants_are_counted_once_whatever_their_issuers() -> None:
    assert len(StaticTenants([tenant(issuers=["acme", "https://acme.example/"]), other()])) == 2
    assert len(StaticTenants([])) == 0


def test_repr_shows_the_count_and_nothing_of_the_tenants() -> None:
    assert repr(StaticTenants([tenant()])) == "StaticTenants(1 tenants)"


def test_an_id_stands_there_once() -> None:
    assert "tenant 'acme': stands there twice" in refusal(tenant(), other("acme", issuers=["elsewhere"]))


def test_an_issuer_belongs_to_one_tenant() -> None:
    message = refusal(tenant(issuers=["acme", "shared"]), other(issuers=["shared"]))
    assert "issuer 'shared': belongs to 'acme' and 'globex'" in message


def test_one_tenant_may_name_an_issuer_twice() -> None:
    assert len(StaticTenants([tenant(issuers=["acme", "acme"])])) == 1


def test_two_tenants_do_not_share_a_secret_and_it_is_not_shown() -> None:
    message = refusal(tenant(), tenant("globex", keys=[Key.secret(SECRET, kid="k2", algorithm="HS512")]))
    assert "tenants 'acme' and 'globex': share a secret" in message
    assert "acme's own" not in message


def test_one_tenant_may_use_a_secret_twice() -> None:
    keys = [Key.secret(SECRET, kid="old"), Key.secret(SECRET, kid="new")]
    assert len(StaticTenants([tenant(keys=keys)])) == 1


@pytest.mark.parametrize("thing", ["acme", {"id": "acme"}, None, 7])
def test_what_is_no_tenant_is_named_by_its_kind(thing: object) -> None:
    assert f"{type(thing).__name__} instead of Tenant" in refusal(tenant(), thing)


def test_every_id_and_issuer_that_stands_twice_is_told_at_once() -> None:
    message = refusal(tenant(), other("acme", issuers=["acme", "a"]), other(issuers=["acme", "a"]))
    assert "tenant 'acme': stands there twice" in message
    assert "issuer 'acme': belongs to" in message
    assert "issuer 'a': belongs to" in message
