"""`jwt-middleware tenant ...`, over a real store."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jwt_middleware import JWKS, Application, Key, Tenant
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tenants.refresh_links import RefreshLinks
from jwt_middleware.tenants.sql import SQLTenants
from tests.cli.calling import answered, called, in_new_process, on_a_terminal, program

from ..keys.making import Signer

SIGNER = Signer("ES256", "of-acme")
STRANGE = "<script>\u202e[red]x[bold]"


def stored(store: SQLTenants, tenant_id: str = "acme") -> Tenant:
    tenant = store.tenant(tenant_id)
    assert tenant is not None
    return tenant


def secrets_of(store: SQLTenants, tenant_id: str = "acme") -> list[str]:
    return [key.material.decode() for key in stored(store, tenant_id).keys]


# Add


def test_a_tenant_is_added_with_a_secret_that_is_all_of_stdout(store: SQLTenants) -> None:
    result = called("tenant", "add", "globex", "--application", "shop", "--application", "reports=read,export")
    assert result.exit_code == 0
    [secret] = secrets_of(store, "globex")
    assert result.stdout == f"{secret}\n"
    assert secret not in result.stderr
    assert "shown this once" in result.stderr
    tenant = stored(store, "globex")
    assert tenant.applications == (Application("shop"), Application("reports", scopes=["read", "export"]))
    assert tenant.issuers == ("globex",)
    assert tenant.keys[0].key_id is None


def test_every_tenant_gets_a_secret_of_its_own(store: SQLTenants) -> None:
    first, second = (answered("tenant", "add", name, "--application", "shop")["secret"] for name in "ab")
    assert first != second


def test_a_first_key_may_have_an_id_and_another_algorithm(store: SQLTenants) -> None:
    answer = answered("tenant", "add", "globex", "--kid", "first", "--algorithm", "HS512", "--application", "shop")
    assert stored(store, "globex").keys == (Key.secret(answer["secret"], kid="first", algorithm="HS512"),)
    [key] = answer["tenant"]["keys"]
    assert key == {"kid": "first", "algorithm": "HS512", "kind": "secret", "not_after": None, "accepted": True}


def test_a_tenant_may_have_claims_and_limits_of_its_own(store: SQLTenants) -> None:
    options = ["--issuer", "https://idp.example/a", "--issuer", "https://idp.example/b", "--scope-claim", "scp"]
    options += ["--audience-claim", "client_id", "--max-lifetime", "1h", "--token-type", "access"]
    answer = answered("tenant", "add", "idp", "--application", "portal", *options)["tenant"]
    tenant = stored(store, "idp")
    assert answer["issuers"] == [*tenant.issuers] == ["https://idp.example/a", "https://idp.example/b"]
    assert (tenant.scope_claim, tenant.audience_claim, tenant.max_lifetime) == ("scp", "client_id", 3600)
    assert answer["token_types"] == ["access"] == sorted(tenant.token_types or ())
    shown = called("tenant", "show", "idp").stdout
    assert 'claims       scopes in "scp", application in "client_id"' in shown
    assert "lifetime     3600 s at most" in shown
    assert 'token types  "access"' in shown


@pytest.mark.parametrize(("option", "is_discovered"), [("--jwks", False), ("--discover", True)])
def test_a_tenant_whose_keys_are_fetched_gets_no_secret(option: str, is_discovered: bool, store: SQLTenants) -> None:
    url = "https://idp.example/keys"
    result = called("tenant", "add", "idp", option, url, "--application", "portal")
    assert (result.exit_code, result.stdout) == (0, '"idp" was added\n')
    source = stored(store, "idp").key_source
    assert isinstance(source, JWKS)
    assert (source.url, source.is_discovered) == (url, is_discovered)
    assert answered("tenant", "show", "idp")["keys_from"] == {"url": url, "discovered": is_discovered}
    assert f"keys from  {url}" in called("tenant", "show", "idp").stdout
    assert f"from {url}" in called("tenant", "list").stdout


@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_a_tenant_with_a_public_key_gets_no_secret(form: str, store: SQLTenants) -> None:
    Path("key").write_bytes(SIGNER.pem if form == "pem" else json.dumps(SIGNER.jwk()).encode())
    answer = answered("tenant", "add", "idp", "--public-key", "key", "--algorithm", "ES256", "--kid", "1")
    assert answer["secret"] is None
    assert stored(store, "idp").keys == (Key.public(SIGNER.pem, algorithm="ES256", kid="1"),)
    assert answer["tenant"]["keys"][0]["kind"] == "public"


def test_a_tenant_without_an_application_is_added_with_a_remark(folder: Path) -> None:
    result = called("tenant", "add", "acme")
    assert result.exit_code == 0
    assert "It has no application yet, so no token is accepted" in result.stderr
    assert "No application: no token is accepted." in called("tenant", "show", "acme").stdout


def test_a_tenant_that_is_there_stays_as_it_is(store: SQLTenants) -> None:
    before = store.audit()
    result = called("tenant", "add", "acme", "--application", "other")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'there is a "acme" already, which stays as it is' in result.stderr
    assert store.audit() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a/b",), "id: has a slash"),
        (("",), "id: not text of 1 to 256 plain characters"),
        (("new", "--issuer", "acme"), "issuer 'acme': belongs to 'acme'"),
        (("new", "--application", "shop="), "ends in =\n    -> name scopes after it"),
        (("new", "--application", "shop=,"), "ends in ="),
        (("new", "--application", "a", "--application", "a"), "'a' stands there 2 times"),
        (("new", "--algorithm", "RS256"), '"RS256" does not take a secret'),
        (("new", "--jwks", "http://idp.example/"), "https"),
        (("new", "--jwks", "https://a/", "--discover", "https://b/"), "--jwks and --discover: say where its keys are"),
        (("new", "--jwks", "https://a/", "--kid", "1"), "--kid, --algorithm: stand in the set that --jwks names"),
        (("new", "--discover", "https://a/", "--algorithm", "RS256"), "stand in the set that --discover names"),
        (("new", "--public-key", "key"), "--algorithm: missing"),
        (("new", "--public-key", "none", "--algorithm", "ES256"), "none cannot be read: No such file"),
        (("new", "--max-lifetime", "soon"), "--max-lifetime: not a duration"),
    ],
)
def test_a_tenant_that_cannot_be_is_refused(arguments: tuple[str, ...], words: str, store: SQLTenants) -> None:
    result = called("tenant", "add", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(store.tenants()) == 1


# List and show


def test_tenants_are_listed_in_pages_and_by_prefix(folder: Path) -> None:
    for name in ("a1", "a2", "b1"):
        called("tenant", "add", name, "--application", "shop")
    first = answered("tenant", "list", "--limit", "2")
    assert ([one["id"] for one in first["tenants"]], first["next"]) == (["a1", "a2"], 2)
    second = answered("tenant", "list", "--limit", "2", "--offset", "2")
    assert ([one["id"] for one in second["tenants"]], second["next"]) == (["b1"], None)
    whole = answered("tenant", "list", "--limit", "2", "--prefix", "a")
    assert ([one["id"] for one in whole["tenants"]], whole["next"]) == (["a1", "a2"], None)
    assert called("tenant", "list", "--limit", "2").stderr == "There are more: --offset 2\n"
    assert called("tenant", "list", "--limit", "3").stderr == ""


def test_a_list_shows_state_applications_and_keys(store: SQLTenants) -> None:
    called("secret", "rotate", "acme")
    called("tenant", "suspend", "acme")
    called("tenant", "add", "bare")
    store.retire_key("bare", None)
    rows = [re.split(r" *│ *", line.strip("│ ")) for line in called("tenant", "list").stdout.splitlines()]
    assert ["acme", "suspended", '"shop"', "2 HS256, 1 of them ending"] in rows
    assert ["bare", "active", "none", "0"] in rows


def test_an_empty_list_says_so(folder: Path) -> None:
    assert "There is no tenant: jwt-middleware tenant add" in called("tenant", "list").stderr
    assert "There is no such tenant." in called("tenant", "list", "--prefix", "x").stderr


def test_show_has_everything_but_the_secret(store: SQLTenants) -> None:
    store.add_application("acme", Application("reports", scopes=["read", "export"]))
    store.rotate_secret("acme", kid="second", grace=0)
    result = called("tenant", "show", "acme")
    assert result.exit_code == 0
    for words in ('tenant   "acme", active', 'issuers  "acme"', '"export", "read"', "second", "ended 20", "tenant.add"):
        assert words in result.stdout
    answer = answered("tenant", "show", "acme")
    assert answer["applications"][1] == {"id": "reports", "active": True, "scopes": ["export", "read"]}
    assert [(key["kid"], key["accepted"]) for key in answer["keys"]] == [("second", True), (None, False)]
    assert [entry["action"] for entry in answer["audit"]] == ["secret.rotate", "application.add", "tenant.add"]


@pytest.mark.parametrize(
    "command",
    [
        ("tenant", "list"),
        ("tenant", "show", "acme"),
        ("tenant", "suspend", "acme"),
        ("tenant", "resume", "acme"),
        ("application", "add", "acme", "new"),
        ("application", "suspend", "acme", "shop"),
        ("secret", "list", "acme"),
        ("secret", "retire", "acme", "--without-kid"),
        ("tenant", "link", "acme"),
        ("audit",),
        ("tenant", "remove", "acme", "--yes"),
    ],
    ids=" ".join,
)
def test_no_command_shows_a_secret_again(command: tuple[str, ...], store: SQLTenants) -> None:
    [secret] = secrets_of(store)
    for more in ((), ("--json",)):
        assert secret not in called(*command, *more).output


def test_tables_of_the_revision_before_show_all_but_the_audit(folder: Path) -> None:
    upgrade("sqlite:///before.db", revision="0002")
    called("tenant", "add", "acme", "--store", "sqlite:///before.db")
    result = called("tenant", "show", "acme", "--store", "sqlite:///before.db")
    assert result.exit_code == 0
    assert 'tenant   "acme", active' in result.stdout
    assert "its tables are of a revision without it" in result.stderr


def test_nothing_in_a_name_acts_on_the_terminal(store: SQLTenants) -> None:
    store.add_tenant(Tenant(STRANGE, keys=[Key.secret("x" * 32, kid=STRANGE)], applications=[STRANGE]))
    for command in (("tenant", "list"), ("tenant", "show", STRANGE), ("audit",), ("tenant", "suspend", STRANGE)):
        output = called(*command).output
        assert "\u202e" not in output
        assert "[red]x[bold]" in output


# A tenant that is not there

ON_A_TENANT = [
    ("tenant", "show"),
    ("tenant", "suspend"),
    ("tenant", "resume"),
    ("tenant", "remove"),
    ("tenant", "link"),
    ("application", "add"),
    ("application", "suspend"),
    ("secret", "rotate"),
    ("secret", "list"),
    ("secret", "retire"),
]
FURTHER = {"application": ("shop",), "retire": ("1",), "remove": ("--yes",)}


@pytest.mark.parametrize("command", ON_A_TENANT, ids=" ".join)
def test_a_tenant_that_is_not_there_is_said_with_those_like_it(command: tuple[str, str], store: SQLTenants) -> None:
    before = store.audit()
    further = [word for name in command for word in FURTHER.get(name, ())]
    result = called(*command, "amce", *further)
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'tenant: there is no "amce"\n    -> did you mean "acme"?' in result.stderr
    assert store.audit() == before


def test_names_like_it_are_found_among_those_of_the_same_beginning(
    store: SQLTenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jwt_middleware.cli.lookup.LOOKED_THROUGH", 1)
    store.add_tenant(Tenant("zebra", keys=[], applications=[]))
    assert 'did you mean "zebra"?' in called("tenant", "show", "zebr").stderr


def test_an_issuer_instead_of_an_id_is_recognised(store: SQLTenants) -> None:
    store.add_tenant(Tenant("idp", keys=[], applications=[], issuers=["https://idp.example"]))
    assert 'that is an issuer of "idp"' in called("tenant", "show", "https://idp.example").stderr


def test_without_any_like_it_there_is_a_place_to_look(store: SQLTenants) -> None:
    assert "look for it: jwt-middleware tenant list" in called("tenant", "show", "xyz").stderr


def test_a_broken_tenant_does_not_hide_that_there_is_none(store: SQLTenants) -> None:
    with store.transaction() as desk:
        desk.connection.exec_driver_sql("UPDATE jwt_middleware_keys SET material = 'broken'")
    result = called("tenant", "show", "acm")
    assert 'there is no "acm"\n    -> look for it' in result.stderr


# Suspend, resume, remove


def test_a_tenant_is_suspended_and_resumed_and_it_is_said_when_it_was_so_before(store: SQLTenants) -> None:
    for word, active, state in (("suspend", False, "suspended"), ("resume", True, "active")):
        first, again = called("tenant", word, "acme"), called("tenant", word, "acme")
        assert (first.exit_code, first.stdout) == (0, f'"acme" is {state}\n')
        assert "30 seconds" in first.stderr
        assert (again.stdout, again.stderr) == (f'"acme" is {state}: it was so before\n', "")
        assert stored(store).active is active
    assert answered("tenant", "suspend", "acme")["changed"] is True
    answer = answered("tenant", "suspend", "acme")
    assert (answer["changed"], answer["tenant"]["active"]) == (False, False)


def test_a_tenant_is_removed(store: SQLTenants) -> None:
    result = called("tenant", "remove", "acme", "--yes")
    assert (result.exit_code, result.stdout) == (0, '"acme" was removed\n')
    assert store.tenants() == []
    called("tenant", "add", "acme")
    assert answered("tenant", "remove", "acme", "--yes") == {"removed": "acme"}


def test_a_tenant_that_cannot_be_read_can_be_removed(store: SQLTenants) -> None:
    with store.transaction() as desk:
        desk.connection.exec_driver_sql("UPDATE jwt_middleware_keys SET material = 'broken'")
    assert called("tenant", "remove", "acme", "--yes").exit_code == 0
    assert store.tenants() == []


@pytest.mark.parametrize("command", [("tenant", "remove", "acme"), ("application", "remove", "acme", "shop")])
def test_nothing_is_removed_unasked(command: tuple[str, ...], store: SQLTenants) -> None:
    result = called(*command, input="y\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no terminal to ask on" in result.stderr
    assert stored(store).applications == (Application("shop"),)


def test_who_says_no_removes_nothing(store: SQLTenants) -> None:
    status, screen = on_a_terminal("tenant", "remove", "acme", prompt="[y/N]: ", typed="n")
    assert status == 1
    assert 'Remove "acme" (applications: "shop") with its keys, for good?' in " ".join(screen.split())
    assert "Nothing was done." in screen
    assert len(store.tenants()) == 1


def test_who_says_yes_removes(store: SQLTenants) -> None:
    status, _ = on_a_terminal("tenant", "remove", "acme", prompt="[y/N]: ", typed="y")
    assert status == 0
    assert store.tenants() == []


# Links


def test_a_link_is_an_address_of_the_console_and_all_of_stdout(store: SQLTenants) -> None:
    result = called("tenant", "link", "acme", "--base-url", "https://console.example/here/")
    assert result.exit_code == 0
    address, _, token = result.stdout.strip().rpartition("/")
    assert address == "https://console.example/here/refresh"
    assert token not in result.stderr
    assert RefreshLinks(store).find(token).tenant.id == "acme"


def test_without_an_address_it_is_the_token(store: SQLTenants) -> None:
    result = called("tenant", "link", "acme")
    assert RefreshLinks(store).find(result.stdout.strip()).tenant.id == "acme"
    assert "https://console.example/refresh/TOKEN; see --base-url" in result.stderr


def test_a_link_ends_when_it_is_said_to(store: SQLTenants) -> None:
    usual, long = answered("tenant", "link", "acme"), answered("tenant", "link", "acme", "--expires-in", "24h")
    assert long["expires_at"] - usual["expires_at"] == pytest.approx(86_400 - 1800, abs=60)
    assert RefreshLinks(store).find(long["token"]).expires_at == pytest.approx(long["expires_at"], abs=5)
    assert (long["tenant"], long["url"]) == ("acme", None)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--base-url", "http://console.example"), "plain http is for this machine only"),
        (("--base-url", "console.example"), "console URL: it is no web address"),
        (("--expires-in", "0"), "--expires-in: no time at all"),
    ],
)
def test_a_link_that_nobody_should_get_is_not_made(option: tuple[str, str], words: str, store: SQLTenants) -> None:
    earlier = answered("tenant", "link", "acme")["token"]
    result = called("tenant", "link", "acme", *option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert RefreshLinks(store).find(earlier)


def test_a_tenant_with_keys_of_its_own_gets_no_link(store: SQLTenants) -> None:
    store.add_tenant(Tenant("idp", keys=JWKS("https://idp.example/keys"), applications=[]))
    result = called("tenant", "link", "idp")
    assert result.exit_code == 2
    assert "they are fetched by URL" in result.stderr


# As a process


def test_it_all_works_as_processes(empty_folder: Path) -> None:
    ran = [
        in_new_process(*program(*command.split()))
        for command in (
            "init",
            "tenant add acme --application shop",
            "secret rotate acme --grace 1h",
            "tenant show acme --json",
            "tenant show amce",
        )
    ]
    assert [each.returncode for each in ran] == [0, 0, 0, 0, 2]
    _, added, rotated, shown, unknown = ran
    assert added.stdout != rotated.stdout
    assert len(json.loads(shown.stdout)["keys"]) == 2
    assert all(secret.strip() not in shown.stdout for secret in (added.stdout, rotated.stdout))
    assert 'did you mean "acme"?' in unknown.stderr
