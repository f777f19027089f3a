"""`jwt-middleware application ...`, over a real store."""

from __future__ import annotations

import pytest

from jwt_middleware import Application
from jwt_middleware.tenants.sql import SQLTenants
from tests.cli.calling import answered, called


def applications(store: SQLTenants) -> tuple[Application, ...]:
    tenant = store.tenant("acme")
    assert tenant is not None
    return tenant.applications


def said(*arguments: str) -> str:
    result = called("application", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_application_is_added_with_or_without_a_ceiling(store: SQLTenants) -> None:
    assert said("add", "acme", "plain") == '"plain" is active, all scopes\n'
    assert said("add", "acme", "kiosk", "--scope", "read", "--scope", "a,b") == (
        '"kiosk" is active, scopes at most: "a,b", "read"\n'
    )
    assert applications(store)[1:] == (Application("plain"), Application("kiosk", scopes=["read", "a,b"]))


def test_adding_it_again_changes_nothing_and_another_of_its_name_is_refused(store: SQLTenants) -> None:
    assert said("add", "acme", "shop") == '"shop" is active, all scopes: it was so before\n'
    result = called("application", "add", "acme", "shop", "--scope", "read")
    assert result.exit_code == 2
    assert "'shop' stands there 2 times" in result.stderr
    assert applications(store) == (Application("shop"),)


@pytest.mark.parametrize("scope", ["two words", ""])
def test_an_application_that_cannot_be_is_refused(scope: str, store: SQLTenants) -> None:
    result = called("application", "add", "acme", "new", "--scope", scope)
    assert result.exit_code == 2
    assert "is not a scope name" in result.stderr


def test_a_ceiling_is_set_raised_and_taken_away(store: SQLTenants) -> None:
    assert said("limit", "acme", "shop", "--scope", "read") == '"shop" is active, scopes at most: "read"\n'
    assert applications(store) == (Application("shop", scopes=["read"]),)
    assert said("limit", "acme", "shop", "--nothing") == '"shop" is active, scopes at most: none\n'
    assert applications(store) == (Application("shop", scopes=[]),)
    assert said("limit", "acme", "shop", "--unlimited") == '"shop" is active, all scopes\n'
    assert applications(store) == (Application("shop"),)


@pytest.mark.parametrize("options", [(), ("--unlimited", "--nothing"), ("--scope", "read", "--unlimited")])
def test_a_ceiling_has_to_be_said_and_only_once(options: tuple[str, ...], store: SQLTenants) -> None:
    result = called("application", "limit", "acme", "shop", *options)
    assert result.exit_code == 2
    assert "give --scope (any number), --unlimited or --nothing" in result.stderr
    assert applications(store) == (Application("shop"),)


def test_an_application_is_suspended_and_resumed(store: SQLTenants) -> None:
    assert said("suspend", "acme", "shop") == '"shop" is suspended, all scopes\n'
    assert said("suspend", "acme", "shop") == '"shop" is suspended, all scopes: it was so before\n'
    assert applications(store) == (Application("shop", active=False),)
    assert said("resume", "acme", "shop") == '"shop" is active, all scopes\n'
    assert applications(store) == (Application("shop"),)


def test_an_application_is_removed(store: SQLTenants) -> None:
    assert said("remove", "acme", "shop", "--yes") == '"shop" was removed\n'
    assert applications(store) == ()


@pytest.mark.parametrize("command", ["limit", "suspend", "resume", "remove"])
def test_an_application_that_is_not_there_is_said_with_those_that_are(command: str, store: SQLTenants) -> None:
    further = {"limit": ["--unlimited"], "remove": ["--yes"]}.get(command, [])
    result = called("application", command, "acme", "shpo", *further)
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'application: "acme" has no "shpo"\n    -> it has: "shop"' in result.stderr


def test_as_json_it_is_the_tenant_and_whether_it_changed(store: SQLTenants) -> None:
    answer = answered("application", "suspend", "acme", "shop")
    assert answer["changed"] is True
    assert answer["tenant"]["applications"] == [{"id": "shop", "active": False, "scopes": None}]
    assert answered("application", "suspend", "acme", "shop")["changed"] is False
