"""Links by which tenants refresh their secrets: once, for a while, and never so that somebody is locked out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from jwt_middleware import JWKS, ConfigurationError, Key, SQLTenants, Tenant
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tenants.refresh_links import (
    CONFIRMED_WITHIN,
    VALID_FOR,
    LinkUnusable,
    RefreshLinks,
    refresh_url,
)
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.testing import Clock

from .databases import Database

OLD = Key.secret("the secret that acme has had for a long time")
PUBLIC = Key.public(
    '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',  # RFC 8037 appendix A.2
    algorithm="EdDSA",
)
STORE_KEY = fresh_secret("HS256")


@pytest.fixture
def tenants(database: Database, clock: Clock) -> Iterator[SQLTenants]:
    store = SQLTenants(database.url, store_key=STORE_KEY, store_timeout=5, clock=clock)
    store.add_tenant(Tenant("acme", keys=[OLD], applications=["shop"]))
    yield store
    store.close()


@pytest.fixture
def links(tenants: SQLTenants, clock: Clock) -> RefreshLinks:
    return RefreshLinks(tenants.acting_as("a test"), clock=clock)


def acme(tenants: SQLTenants) -> Tenant:
    found = tenants.tenant("acme")
    assert found is not None
    return found


def usable(tenants: SQLTenants, now: float) -> list[bytes]:
    return [key.material for key in acme(tenants).keys if key.is_usable(now)]


def reason(call: Any, *arguments: Any) -> str:
    with pytest.raises(LinkUnusable) as caught:
        call(*arguments)
    return caught.value.reason


def test_a_link_can_be_looked_at_any_number_of_times(links: RefreshLinks, tenants: SQLTenants) -> None:
    token = links.make("acme")
    before = acme(tenants).keys, tenants.audit()
    for _ in range(3):
        link = links.find(token)
        assert (link.tenant.id, link.awaits_confirmation) == ("acme", False)
    assert (acme(tenants).keys, tenants.audit()) == before


def test_a_refresh_gives_a_new_secret_and_the_old_one_ends_with_the_grace(
    links: RefreshLinks, tenants: SQLTenants, clock: Clock
) -> None:
    refreshed = links.refresh(links.make("acme"), 3600)
    new = refreshed.secret.encode()
    assert usable(tenants, clock.now) == [new, OLD.material]
    assert usable(tenants, clock.now + 3600) == [new]
    assert refreshed.key.key_id is None


def test_tenants_whose_keys_have_ids_get_one_with_an_id(links: RefreshLinks, tenants: SQLTenants) -> None:
    tenants.rotate_secret("acme", kid="first", algorithm="HS512")
    key = links.refresh(links.make("acme"), 0).key
    assert key.key_id not in (None, "first")
    assert key.algorithm == "HS512"


def test_after_a_leak_the_old_secret_ends_when_the_new_one_is_confirmed_and_not_before(
    links: RefreshLinks, tenants: SQLTenants, clock: Clock
) -> None:
    token = links.make("acme")
    new = links.refresh(token, None).secret.encode()
    clock.now += VALID_FOR
    assert usable(tenants, clock.now) == [new, OLD.material]
    assert links.find(token).awaits_confirmation
    assert reason(links.refresh, token, 0) == "used"
    links.confirm(token)
    assert usable(tenants, clock.now) == [new]
    assert reason(links.confirm, token) == reason(links.find, token) == "used"


def test_a_leak_is_confirmed_within_a_day(links: RefreshLinks, clock: Clock) -> None:
    token = links.make("acme")
    links.refresh(token, None)
    clock.now += CONFIRMED_WITHIN
    assert reason(links.confirm, token) == "expired"


def test_what_was_not_refreshed_cannot_be_confirmed(links: RefreshLinks, tenants: SQLTenants) -> None:
    assert reason(links.confirm, links.make("acme")) == "unknown"
    assert [key.not_after for key in acme(tenants).keys] == [None]


def test_a_new_secret_that_somebody_has_taken_away_cannot_be_confirmed(
    links: RefreshLinks, tenants: SQLTenants, clock: Clock
) -> None:
    token = links.make("acme")
    links.refresh(token, None)
    tenants.replace_tenant(Tenant("acme", keys=[OLD], applications=["shop"]))
    assert reason(links.confirm, token) == "used"
    assert usable(tenants, clock.now) == [OLD.material]


@pytest.mark.parametrize("grace", [0, 60])
def test_a_link_serves_once(grace: float, links: RefreshLinks, tenants: SQLTenants) -> None:
    token = links.make("acme")
    links.refresh(token, grace)
    keys = acme(tenants).keys
    assert reason(links.refresh, token, grace) == reason(links.find, token) == reason(links.confirm, token) == "used"
    assert acme(tenants).keys == keys


def test_of_many_that_use_a_link_at_once_one_does(links: RefreshLinks, tenants: SQLTenants) -> None:
    token = links.make("acme")

    def use(_: int) -> str:
        with suppress(LinkUnusable):
            return links.refresh(token, 60).secret
        return ""

    with ThreadPoolExecutor(8) as threads:
        secrets = [secret for secret in threads.map(use, range(8)) if secret]
    assert len(secrets) == 1
    assert len(acme(tenants).keys) == 2


def test_a_link_ends_in_time(links: RefreshLinks, tenants: SQLTenants, clock: Clock) -> None:
    token = links.make("acme", expires_in=60)
    clock.now += 60
    assert reason(links.find, token) == reason(links.refresh, token, 0) == "expired"
    assert acme(tenants).keys == (OLD,)


def test_a_later_link_ends_an_earlier_one(links: RefreshLinks) -> None:
    earlier = links.make("acme")
    later = links.make("acme")
    assert reason(links.find, earlier) == "unknown"
    assert links.find(later).tenant.id == "acme"


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "\ud800", "'; DROP TABLE jwt_middleware_links; --", "x\0"])
def test_a_token_that_nobody_made_is_unknown(token: str, links: RefreshLinks) -> None:
    links.make("acme")
    assert reason(links.find, token) == reason(links.refresh, token, 0) == reason(links.confirm, token) == "unknown"


def test_neither_token_nor_secret_is_in_the_database(
    links: RefreshLinks, tenants: SQLTenants, database: Database
) -> None:
    token = links.make("acme")
    secret = links.refresh(token, None).secret
    tables = ("links", "audit", "keys", "meta")
    content = "".join(str(database.run(f"SELECT * FROM jwt_middleware_{table}")) for table in tables)  # noqa: S608
    assert token not in content
    assert secret not in content
    links.confirm(token)


def test_a_tenant_that_there_is_not_gets_no_link(links: RefreshLinks) -> None:
    with pytest.raises(ConfigurationError, match="there is none with this id"):
        links.make("globex")


def test_a_tenant_whose_keys_are_fetched_gets_no_link(links: RefreshLinks, tenants: SQLTenants) -> None:
    tenants.add_tenant(Tenant("idp", keys=JWKS("https://idp.example/jwks.json"), applications=["shop"]))
    with pytest.raises(ConfigurationError, match="fetched by URL"):
        links.make("idp")


def test_a_tenant_with_public_keys_gets_no_link_and_has_none(links: RefreshLinks, tenants: SQLTenants) -> None:
    token = links.make("acme")
    tenants.replace_tenant(Tenant("acme", keys=[PUBLIC], applications=["shop"]))
    assert reason(links.find, token) == reason(links.refresh, token, 0) == "unknown"
    with pytest.raises(ConfigurationError, match="they are public keys"):
        links.make("acme")
    assert acme(tenants).keys == (PUBLIC,)


@pytest.mark.parametrize(
    ("console", "address"),
    [
        ("https://api.example.com/console", "https://api.example.com/console/refresh/T"),
        ("https://api.example.com:8443/", "https://api.example.com:8443/refresh/T"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/refresh/T"),
        ("http://[::1]:8000/console/", "http://[::1]:8000/console/refresh/T"),
        ("http://localhost", "http://localhost/refresh/T"),
    ],
)
def test_the_address_of_a_link_is_below_that_of_the_console(console: str, address: str) -> None:
    assert refresh_url(console, "T") == address


@pytest.mark.parametrize(
    "console",
    [
        *("", "console", "/console", "ftp://api.example.com", "https://", "https://[", "https://x:y"),
        *("https://api.example.com/?a=b", "https://api.example.com/#a", "https://user@api.example.com"),
        *("https://api.example.com/a b", "https://api.example.com/\n", "https://b\u00fccher.example", "https:\\\\x\\"),
        *("http://api.example.com", "http://10.0.0.1:8000", "http://localhost.example.com"),
    ],
)
def test_an_address_that_tenants_cannot_use_safely_is_refused(console: str) -> None:
    with pytest.raises(ConfigurationError, match="console URL"):
        refresh_url(console, "T")


def test_a_link_goes_with_its_tenant(links: RefreshLinks, tenants: SQLTenants, database: Database) -> None:
    token = links.make("acme")
    tenants.remove("acme")
    assert reason(links.find, token) == "unknown"
    assert database.count("links") == 0


def test_tables_without_links_are_told_with_the_command(empty_database: Database) -> None:
    upgrade(empty_database.url, revision="0002")
    store = SQLTenants(empty_database.url, store_key=STORE_KEY, store_timeout=5)
    store.add_tenant(Tenant("acme", keys=[OLD], applications=["shop"]))
    with pytest.raises(ConfigurationError, match="upgrade"):
        RefreshLinks(store).make("acme")
    with pytest.raises(ConfigurationError, match="upgrade"):
        store.audit()
    store.note("nothing")
    store.remove("acme")
    store.close()


# Audit


def actions(tenants: SQLTenants, **chosen: Any) -> list[tuple[str, str, str | None]]:
    return [(entry.actor, entry.action, entry.tenant_id) for entry in reversed(tenants.audit(**chosen))]


def test_every_change_is_written_down_once_with_who_did_it(tenants: SQLTenants, clock: Clock) -> None:
    admin = tenants.acting_as("ada@desk")
    for _ in range(2):
        admin.suspend("acme")
        admin.resume("acme")
        admin.add_application("acme", "kiosk")
        admin.limit_application("acme", "kiosk", ["read"])
        admin.suspend_application("acme", "kiosk")
        admin.resume_application("acme", "kiosk")
        admin.limit_application("acme", "kiosk", None)
    for _ in range(2):
        admin.remove_application("acme", "kiosk")
    admin.rotate_secret("acme", kid="2", grace=60)
    admin.retire_key("acme", None)
    admin.note("token.make", "acme", subject="user_123")
    admin.remove("acme")
    admin.remove("acme")
    twice = ["suspend", "resume"], ["limit", "suspend", "resume", "limit"]
    expected = [
        ("program", "tenant.add"),
        *[("ada@desk", f"tenant.{action}") for action in twice[0]],
        ("ada@desk", "application.add"),
        *[("ada@desk", f"application.{action}") for action in twice[1]],
        *[("ada@desk", f"tenant.{action}") for action in twice[0]],
        *[("ada@desk", f"application.{action}") for action in twice[1]],
        ("ada@desk", "application.remove"),
        *[("ada@desk", action) for action in ("secret.rotate", "key.retire", "token.make", "tenant.remove")],
    ]
    assert actions(tenants) == [(*entry, "acme") for entry in expected]


def test_the_audit_is_read_in_pages_and_by_tenant(tenants: SQLTenants, clock: Clock) -> None:
    tenants.add_tenant(Tenant("globex", keys=[], applications=[]))
    clock.now += 1
    tenants.suspend("globex")
    newest, second, first = tenants.audit()
    assert (newest.action, newest.at, newest.details) == ("tenant.suspend", clock.now, {})
    assert tenants.audit("globex") == [newest, second]
    assert tenants.audit(limit=1) == [newest]
    assert tenants.audit(before=newest.number, limit=1) == [second]
    assert tenants.audit(before=first.number) == []


def test_a_change_that_was_refused_is_not_written_down(tenants: SQLTenants) -> None:
    before = tenants.audit()
    with pytest.raises(ConfigurationError):
        tenants.limit_application("acme", "there is none", ["read"])
    assert tenants.audit() == before


@pytest.mark.parametrize("change", ["UPDATE jwt_middleware_audit SET actor = 'x'", "DELETE FROM jwt_middleware_audit"])
def test_the_database_refuses_to_change_what_was_written_down(
    change: str, tenants: SQLTenants, database: Database
) -> None:
    before = tenants.audit()
    with pytest.raises(Exception, match="append-only"):
        database.run(change)
    assert tenants.audit() == before
