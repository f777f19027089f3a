"""`jwt-middleware secret rotate`, `list` and `retire`, over a real store."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from jwt_middleware import JWKS, Key, Tenant
from jwt_middleware.tenants.sql import SQLTenants
from tests.cli.calling import answered, called

from ..keys.making import Signer

DAY = 86_400


def keys(store: SQLTenants, tenant_id: str = "acme") -> tuple[Key, ...]:
    tenant = store.tenant(tenant_id)
    assert tenant is not None
    return tenant.keys


def end(key: Key) -> float:
    """Seconds from now."""
    assert key.not_after is not None
    return key.not_after - time.time()


def test_the_new_secret_is_all_of_stdout_and_the_old_one_goes_on_for_a_day(store: SQLTenants) -> None:
    [old] = keys(store)
    result = called("secret", "rotate", "acme")
    assert result.exit_code == 0
    new, before = keys(store)
    assert result.stdout == f"{new.material.decode()}\n"
    assert result.stdout.strip() not in result.stderr
    assert before.material == old.material
    assert end(before) == pytest.approx(DAY, abs=60)
    assert new.not_after is None
    assert re.search(r"the old one: accepted until \d{4}-\d\d-\d\d", result.stderr)


@pytest.mark.parametrize(("grace", "seconds"), [("30m", 1800), ("7d", 7 * DAY), ("90", 90), ("0", 0)])
def test_the_old_one_goes_on_as_long_as_it_is_said_to(grace: str, seconds: float, store: SQLTenants) -> None:
    assert called("secret", "rotate", "acme", "--grace", grace).exit_code == 0
    assert end(keys(store)[1]) == pytest.approx(seconds, abs=60)


def test_a_compromised_one_stops_now(store: SQLTenants) -> None:
    result = called("secret", "rotate", "acme", "--compromised")
    assert result.exit_code == 0
    assert [key.is_usable(time.time()) for key in keys(store)] == [True, False]
    assert "the old one: ended" in result.stderr
    assert "30 seconds" in result.stderr


def test_compromised_leaves_none_of_the_older_ones_either(store: SQLTenants) -> None:
    for arguments in ((), ("--grace", "7d"), ("--compromised",)):
        called("secret", "rotate", "acme", *arguments)
    assert [key.is_usable(time.time()) for key in keys(store)] == [True, False, False, False]


def test_a_leak_and_a_grace_contradict_each_other(store: SQLTenants) -> None:
    result = called("secret", "rotate", "acme", "--compromised", "--grace", "24h")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "leave --grace out" in result.stderr
    assert len(keys(store)) == 1


def test_keys_that_have_ids_get_new_ones(store: SQLTenants) -> None:
    assert answered("secret", "rotate", "acme", "--kid", "second")["kid"] == "second"
    third = answered("secret", "rotate", "acme")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-[0-9a-f]{6}", third["kid"])
    assert keys(store)[0] == Key.secret(third["secret"], kid=third["kid"])
    assert [key["kid"] for key in third["others"]] == ["second", None]
    result = called("secret", "rotate", "acme", "--kid", "fourth")
    assert 'Its tokens name it: kid "fourth".' in result.stderr
    assert 'the old one, kid "second": accepted until' in result.stderr


def test_the_algorithm_stays_unless_it_is_said(store: SQLTenants) -> None:
    assert answered("secret", "rotate", "acme", "--algorithm", "HS512")["algorithm"] == "HS512"
    assert answered("secret", "rotate", "acme")["algorithm"] == "HS512"
    assert [key.algorithm for key in keys(store)] == ["HS512", "HS512", "HS256"]


@pytest.mark.parametrize(
    "own", [JWKS("https://idp.example/keys"), [Key.public(Signer("ES256").pem, algorithm="ES256")]], ids=["url", "key"]
)
def test_a_tenant_with_keys_of_its_own_gets_no_secret(own: Any, store: SQLTenants) -> None:
    store.add_tenant(Tenant("idp", keys=own, applications=[]))
    result = called("secret", "rotate", "idp")
    assert (result.exit_code, result.stdout) == (2, "")
    assert '"idp" has no secret: it signs with keys of its own' in result.stderr


def test_keys_are_listed_with_their_end_and_without_their_secret(store: SQLTenants) -> None:
    called("secret", "rotate", "acme", "--kid", "second", "--grace", "1h")
    result = called("secret", "list", "acme")
    assert re.search(r"second +│ HS256 +│ secret │ accepted +│", result.stdout)
    assert re.search(r"\(none\) +│ HS256 +│ secret │ accepted until \d{4}", result.stdout)
    answer = answered("secret", "list", "acme")
    assert [key["kid"] for key in answer["keys"]] == ["second", None]
    assert (answer["tenant"], answer["keys_from"]) == ("acme", None)
    for key in keys(store):
        assert key.material.decode() not in result.output + str(answer)


def test_a_tenant_without_keys_is_said_to_have_none(store: SQLTenants) -> None:
    store.add_tenant(Tenant("bare", keys=[], applications=[]))
    assert called("secret", "list", "bare").stdout == "No key: no token is accepted.\n"


def test_keys_that_are_fetched_are_listed_by_their_address(store: SQLTenants) -> None:
    store.add_tenant(Tenant("idp", keys=JWKS("https://idp.example/keys"), applications=[]))
    assert called("secret", "list", "idp").stdout == "Its keys are fetched from https://idp.example/keys\n"
    assert answered("secret", "list", "idp")["keys_from"] == {"url": "https://idp.example/keys", "discovered": False}


def test_a_key_is_retired_now(store: SQLTenants) -> None:
    called("secret", "rotate", "acme", "--kid", "second")
    result = called("secret", "retire", "acme", "second")
    assert result.exit_code == 0
    assert re.fullmatch(r'"second": ended \d{4}.*\n', result.stdout)
    assert not keys(store)[0].is_usable(time.time())
    assert "no key left" not in result.stderr
    again = called("secret", "retire", "acme", "second")
    assert "it was so before" in again.stdout


def test_a_key_is_retired_later_and_no_later_for_being_retired_again(store: SQLTenants) -> None:
    assert answered("secret", "retire", "acme", "--without-kid", "--grace", "1h")["changed"] is True
    assert answered("secret", "retire", "acme", "--without-kid", "--grace", "2h")["changed"] is False
    assert end(keys(store)[0]) == pytest.approx(3600, abs=60)
    assert "accepted until" in called("secret", "retire", "acme", "--without-kid", "--grace", "2h").stdout


def test_retiring_the_last_key_is_said(store: SQLTenants) -> None:
    result = called("secret", "retire", "acme", "--without-kid")
    assert result.stdout.startswith("what has no kid: ended")
    assert 'Then "acme" has no key left: jwt-middleware secret rotate gives it one.' in result.stderr


@pytest.mark.parametrize("which", [(), ("second", "--without-kid")])
def test_which_key_is_retired_has_to_be_said(which: tuple[str, ...], store: SQLTenants) -> None:
    result = called("secret", "retire", "acme", *which)
    assert result.exit_code == 2
    assert "KID: not exactly one key" in result.stderr
    assert keys(store)[0].not_after is None


def test_a_key_that_is_not_there_is_said_with_those_that_are(store: SQLTenants) -> None:
    called("secret", "rotate", "acme", "--kid", "second")
    result = called("secret", "retire", "acme", "first")
    assert result.exit_code == 2
    assert "there is no 'first'" in result.stderr
    assert "'second'" in result.stderr
