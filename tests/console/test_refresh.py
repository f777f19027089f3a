"""A tenant refreshes its secret: shown once, by whoever has the link, and so that nobody is locked out."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

import pytest

from jwt_middleware import Application, Authenticator, ConfigurationError, JWTSettings, Key, Tenant
from jwt_middleware.console import Console
from jwt_middleware.errors import InvalidSignature
from jwt_middleware.tenants.refresh_links import CONFIRMED_WITHIN, VALID_FOR
from jwt_middleware.tokens import guide_claims, signed

from .visiting import OLD, ORIGIN, Visitor, World, acme, secret_on, text, title

HOSTILE = [
    "<script>alert(1)</script>",
    "\"onmouseover='alert(1)'{{7*7}}{% raise %}",
    "\u202egnp.exe\u2066\u200f",
    "x" * 256,
    "&lt;b&gt;",
    "\u4f01\u696d \U0001f600 \u00e9",
]


def accepted(world: World, secret: str) -> bool:
    token = signed(guide_claims(world.tenant(), "shop", "user_123", now=world.clock()), Key.secret(secret))
    try:
        return Authenticator(world.settings).authenticate(token).subject == "user_123"
    except InvalidSignature:
        return False


def test_the_page_says_what_will_happen_and_changes_nothing(world: World, visitor: Visitor) -> None:
    link = world.console.refresh_link("acme")
    before = world.tenant().keys, world.tenants.audit()
    for _ in range(3):
        assert visitor.request("HEAD", link).status_code == 200
        assert visitor.request("GET", link).status_code == 200
    page = visitor.open(link)
    assert title(page) == "Refresh your secret"
    assert (world.tenant().keys, world.tenants.audit()) == before
    for shown in ("acme", "shop", "without key id, HS256, no end is set", "Nothing has been changed yet"):
        assert shown in text(page)
    assert OLD not in page.text


def test_the_page_lists_applications_and_the_keys_that_are_accepted(world: World, visitor: Visitor) -> None:
    now = world.clock()
    keys = [
        Key.secret(OLD, kid="2026-11"),
        Key.secret(OLD + "x", kid="2026-10", not_after=now + 60),
        Key.secret(OLD + "y", kid="2026-09", not_after=now - 60),
    ]
    applications = ["shop", Application("kiosk", active=False)]
    world.tenants.replace_tenant(acme(keys=keys, applications=applications, active=False))
    shown = text(visitor.open(world.console.refresh_link("acme")))
    for fact in ("kiosk (suspended)", "key id 2026-11, HS256, no end", "key id 2026-10, HS256, accepted until"):
        assert fact in shown
    assert "2026-09" not in shown
    assert "This tenant is suspended" in shown


def test_a_tenant_without_applications_and_keys_is_shown_as_that(world: World, visitor: Visitor) -> None:
    world.tenants.add_tenant(Tenant("empty", keys=[], applications=[]))
    visitor.open(world.console.refresh_link("empty"))
    page = visitor.send(old="day")
    assert secret_on(page) == world.usable("empty")[0]
    assert "your-application-id" in text(page)


@pytest.mark.parametrize(("old", "grace"), [("hour", 3600), ("day", 86_400), ("week", 604_800)])
def test_the_new_secret_works_at_once_and_the_old_one_until_the_end_of_the_grace(
    old: str, grace: int, world: World, visitor: Visitor
) -> None:
    visitor.open(world.console.refresh_link("acme"))
    page = visitor.send(old=old)
    secret = secret_on(page)
    assert (page.status_code, secret) == (200, world.usable()[0])
    assert secret is not None
    assert accepted(world, secret)
    assert accepted(world, OLD)
    world.clock.now += grace - 1
    assert accepted(world, OLD)
    world.clock.now += 1
    assert accepted(world, secret)
    assert not accepted(world, OLD)


def test_a_day_is_what_is_chosen_where_nobody_chooses(world: World, visitor: Visitor) -> None:
    page = visitor.open(world.console.refresh_link("acme"))
    assert page.text.count(" checked") == 1
    assert 'value="day" checked' in page.text


def test_a_secret_that_leaked_stops_when_the_tenant_has_saved_the_new_one(world: World, visitor: Visitor) -> None:
    link = world.console.refresh_link("acme")
    visitor.open(link)
    page = visitor.send(old="leaked")
    secret = secret_on(page)
    assert "it still works" in text(page)
    assert world.usable() == [secret, OLD]
    visitor.page = page
    done = visitor.send()
    assert (done.status_code, title(done)) == (200, "The old secret has stopped")
    assert world.usable() == [secret]
    assert secret_on(done) is None
    assert str(secret) not in done.text
    assert title(visitor.open(link)) == "This link has been used"


def test_a_lost_answer_locks_nobody_out_and_the_link_leads_on(world: World, visitor: Visitor) -> None:
    link = world.console.refresh_link("acme")
    visitor.open(link)
    secret = secret_on(visitor.send(old="leaked"))
    world.clock.now += CONFIRMED_WITHIN - 1
    page = visitor.open(link)
    assert (page.status_code, title(page), secret_on(page)) == (200, "Stop the old secret", None)
    assert accepted(world, OLD)
    assert visitor.send().status_code == 200
    assert world.usable() == [secret]


@pytest.mark.parametrize("old", ["day", "leaked"])
def test_a_form_that_is_sent_twice_makes_one_secret_and_shows_it_once(old: str, world: World, visitor: Visitor) -> None:
    visitor.open(world.console.refresh_link("acme"))
    secret = secret_on(visitor.send(old=old))
    again = visitor.send(old=old)
    assert str(secret) not in again.text
    assert secret_on(again) is None
    expected = {"day": (410, "This link has been used"), "leaked": (200, "Stop the old secret")}
    assert (again.status_code, title(again)) == expected[old]
    assert world.usable() == [secret, OLD]


def test_what_was_not_refreshed_cannot_be_confirmed(world: World, visitor: Visitor) -> None:
    visitor.open(world.console.refresh_link("acme"))
    page = visitor.send(step="confirm")
    assert title(page) == "Refresh your secret"
    assert world.usable() == [OLD]


@pytest.mark.parametrize("old", ["", "0", "3600", "hour ", "never", "-1", "<script>"])
def test_only_what_the_form_offers_can_be_chosen(old: str, world: World, visitor: Visitor) -> None:
    visitor.open(world.console.refresh_link("acme"))
    assert visitor.send(old=old).status_code == 400
    assert world.usable() == [OLD]


def test_a_link_that_has_expired_says_so(world: World, visitor: Visitor) -> None:
    link = world.console.refresh_link("acme")
    visitor.open(link)
    world.clock.now += VALID_FOR
    for page in (visitor.send(old="day"), visitor.open(link)):
        assert (page.status_code, title(page)) == (410, "This link has expired")
    assert world.usable() == [OLD]


def test_how_long_a_link_lives_can_be_chosen(world: World, visitor: Visitor) -> None:
    link = world.console.refresh_link("acme", expires_in=60)
    world.clock.now += 60
    assert title(visitor.open(link)) == "This link has expired"


def test_a_later_link_ends_an_earlier_one(world: World, visitor: Visitor) -> None:
    earlier = world.console.refresh_link("acme")
    visitor.open(earlier)
    later = world.console.refresh_link("acme")
    for page in (visitor.send(old="day"), visitor.open(earlier)):
        assert (page.status_code, title(page)) == (404, "This link is not known")
    assert visitor.open(later).status_code == 200
    assert world.usable() == [OLD]


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "%F0%9F", "'; DROP TABLE jwt_middleware_links; --", "é" * 300])
def test_a_forged_link_is_not_known(token: str, world: World, visitor: Visitor) -> None:
    world.console.refresh_link("acme")
    page = visitor.open(f"{ORIGIN}/refresh/{token}")
    assert (page.status_code, title(page)) == (404, "This link is not known")
    visitor.open(f"{ORIGIN}/check")
    visitor.address = f"{ORIGIN}/refresh/{token}"
    assert visitor.send(step="refresh", old="day").status_code == 404
    assert world.usable() == [OLD]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str, world: World, visitor: Visitor) -> None:
    tenant_id = name.replace("/", "|")
    world.tenants.add_tenant(acme(tenant_id, keys=[Key.secret(OLD, kid=name)], applications=[name]))
    pages = [visitor.open(world.console.refresh_link(tenant_id)), visitor.send(old="leaked")]
    visitor.page = pages[-1]
    pages += [visitor.open(visitor.address), visitor.send()]
    assert [page.status_code for page in pages] == [200] * 4
    for page in pages:
        for raw in ("<script>alert", "onmouseover='", "<b>", "\u202e", "\u2066", "\u200f"):
            assert raw not in page.text, raw
    assert r"\u202egnp.exe" in pages[0].text or not name.startswith("\u202e")


def test_who_did_what_is_written_down(world: World, visitor: Visitor) -> None:
    visitor.open(world.console.refresh_link("acme", actor="ada@acme.example"))
    page = visitor.send(old="leaked")
    visitor.page = page
    visitor.send()
    entries = [(entry.actor, entry.action) for entry in reversed(world.tenants.audit("acme"))]
    assert entries[1:] == [
        ("ada@acme.example", "link.make"),
        ("refresh link", "link.refresh"),
        ("refresh link", "link.confirm"),
    ]


def test_neither_link_nor_secret_is_in_the_database_or_a_log(
    world: World, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link = world.console.refresh_link("acme")
    visitor.open(link)
    secret = secret_on(visitor.send(old="day"))
    assert secret is not None
    visitor.send(old="day")
    # The client of the test logs what it does, too.
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    with closing(sqlite3.connect(world.file)) as connection:
        dump = "\n".join(connection.iterdump())
    for hidden_text in (secret, link.rpartition("/")[2]):
        assert hidden_text not in logged
        assert hidden_text not in dump


def test_a_tenant_that_there_is_not_gets_no_link(world: World) -> None:
    with pytest.raises(ConfigurationError, match="there is none with this id"):
        world.console.refresh_link("globex")


@pytest.mark.parametrize("address", ["", "/console", "http://console.example", "https://console.example/?a=b"])
def test_an_address_that_cannot_serve_is_refused_at_the_start(address: str, world: World) -> None:
    with pytest.raises(ConfigurationError, match="console URL"):
        Console(world.settings, base_url=address)


def test_tenants_that_are_in_no_database_are_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="not in a database"):
        Console(JWTSettings([acme()]), base_url=ORIGIN)


def test_a_console_is_shown_without_what_it_knows(world: World) -> None:
    assert repr(world.console) == f"Console('{ORIGIN}')"


def test_below_a_path_every_address_is(world: World) -> None:
    console = Console(world.settings, base_url=f"{ORIGIN}/console/")
    link = console.refresh_link("acme")
    assert link.startswith(f"{ORIGIN}/console/refresh/")
    page = Visitor(console.app).open(link.replace("/console", "", 1))
    assert 'href="/console/static/console.css"' in page.text
    assert 'href="/console/check"' in page.text
    assert 'href="/check"' not in page.text
