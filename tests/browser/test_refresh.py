"""A tenant refreshes its secret in a real browser, and uses it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import httpx2
import pytest
from playwright.sync_api import Page, expect

from ..console.visiting import OLD, acme
from .browsing import PHONE, faults, focused, overflow
from .serving import House
from .walking import MAKE, STOP, heading, refresh, secret_on

Opened = Callable[..., Page]


def test_a_lost_secret_is_refreshed_and_used_and_the_old_one_dies_at_the_end_of_the_grace(
    house: House, page: Page
) -> None:
    secret = refresh(page, house.link(), "In 1 hour")
    assert heading(page) == "Your new secret"
    assert (house.status(secret), house.status(OLD)) == (200, 200)
    house.world.clock.now += 3601
    assert (house.status(secret), house.status(OLD)) == (200, 401)


def test_a_leaked_secret_stops_when_the_new_one_is_saved(house: House, page: Page) -> None:
    secret = refresh(page, house.link(), "It leaked")
    assert (house.status(secret), house.status(OLD)) == (200, 200)
    page.get_by_role("button", name=STOP).click()
    assert heading(page) == "The old secret has stopped"
    assert (house.status(secret), house.status(OLD)) == (200, 401)


def test_a_lost_answer_locks_nobody_out(house: House, page: Page, opened: Opened) -> None:
    link = house.link()
    secret = refresh(page, link, "It leaked")
    later = opened()
    later.goto(link)
    assert heading(later) == "Stop the old secret"
    assert secret not in later.content()
    assert house.status(OLD) == 200
    later.get_by_role("button", name=STOP).click()
    assert (house.status(secret), house.status(OLD)) == (200, 401)


def test_links_that_are_used_expired_forged_or_replaced_say_what_to_do(house: House, page: Page) -> None:
    replaced = house.link()
    used = house.link()
    refresh(page, used)
    expired = house.link(expires_in=60)
    house.world.clock.now += 61
    for link, title in (
        (used, "This link is not known"),  # a later one has ended it
        (expired, "This link has expired"),
        (replaced, "This link is not known"),
        (f"{house.url}/refresh/{'A' * 43}", "This link is not known"),
    ):
        page.goto(link)
        assert heading(page) == title
        assert page.get_by_role("button").count() == 0
        assert "Ask the API provider" in page.content() or "ask the API provider" in page.content()


def test_a_link_serves_once(house: House, page: Page, opened: Opened) -> None:
    link = house.link()
    secret = refresh(page, link)
    for window in (page, opened()):
        window.goto(link)
        assert heading(window) == "This link has been used"
        assert secret not in window.content()


def test_two_windows_with_the_same_form_make_one_secret(house: House, page: Page, opened: Opened) -> None:
    link = house.link()
    other = opened()
    other.goto(link)
    secret = refresh(page, link)
    other.get_by_role("button", name=MAKE).click()
    assert heading(other) == "This link has been used"
    assert house.world.usable() == [secret, OLD]


def test_who_presses_the_button_again_while_it_takes_long_is_shown_the_one_secret_that_is_made(
    house: House, page: Page
) -> None:
    page.goto(house.link())
    with closing(sqlite3.connect(house.world.file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        page.evaluate("""() => {
            const button = document.querySelector("main button");
            button.click();
            setTimeout(() => button.click(), 200);
        }""")
        page.wait_for_timeout(500)
    secret = secret_on(page)
    assert house.world.usable() == [secret, OLD]


def test_loading_the_page_again_shows_no_secret_again(house: House, page: Page) -> None:
    secret = refresh(page, house.link())
    page.reload()
    assert heading(page) == "This link has been used"
    assert secret not in page.content()


def test_a_mail_scanner_that_opens_everything_changes_nothing(house: House, page: Page) -> None:
    link = house.link()
    before = house.world.tenants.audit()
    with httpx2.Client(verify=False, trust_env=False) as scanner:
        for _ in range(3):
            found = scanner.get(link).text
            assert scanner.head(link).status_code == 200
            for address in re.findall(r'(?:href|src)="([^"]+)"', found):
                scanner.get(httpx2.URL(link).join(address))
    page.goto(link)
    page.goto("about:blank")
    assert house.world.tenants.audit() == before
    assert house.status(refresh(page, link)) == 200


def test_a_link_in_a_message_of_another_site_works(house: House, page: Page) -> None:
    """The cookie is strict, and the browser comes without one."""
    link = house.link()
    page.route("https://mail.example/", lambda route: route.fulfill(body=f'<a href="{link}">refresh</a>'))
    page.goto("https://mail.example/")
    page.get_by_role("link", name="refresh").click()
    page.get_by_role("button", name=MAKE).click()
    assert house.status(secret_on(page)) == 200


def test_without_scripts_everything_works(house: House, opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    secret = refresh(page, house.link(), "It leaked")
    expect(page.get_by_role("button", name="Copy the secret")).to_be_hidden()
    page.get_by_role("button", name=STOP).click()
    assert (house.status(secret), house.status(OLD)) == (200, 401)


def test_the_copy_buttons_copy(house: House, opened: Opened) -> None:
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    secret = refresh(page, house.link())
    for button, expected in (("Copy the secret", secret), ("Copy the lines for .env", f"API_SECRET={secret}")):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("copied")
        assert page.evaluate("navigator.clipboard.readText()") == expected


def test_where_the_clipboard_is_closed_the_secret_is_marked(house: House, page: Page) -> None:
    secret = refresh(page, house.link())
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.get_by_role("status")).to_contain_text("copy it with the keyboard")
    assert page.evaluate("getSelection().toString().trim()") == secret


def test_by_keyboard_alone(house: House, page: Page) -> None:
    page.goto(house.link())
    page.keyboard.press("Tab")
    assert focused(page) == "a Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "input old=day"
    page.keyboard.press("ArrowUp")
    assert focused(page) == "input old=hour"
    page.keyboard.press("ArrowUp")
    assert focused(page) == "input old=leaked"
    page.keyboard.press("Tab")
    assert focused(page) == f"button {MAKE}"
    page.keyboard.press("Enter")
    secret = secret_on(page)
    page.wait_for_load_state()
    for _ in range(20):
        page.keyboard.press("Tab")
        assert "not to be seen" not in focused(page)
        if focused(page) == f"button {STOP}":
            break
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", level=1)).to_have_text("The old secret has stopped")
    assert house.world.usable() == [secret]


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\u202egnp.exe\u2066",
        "W" * 256,
        "\u4f01\u696d \U0001f600",
    ],
)
def test_hostile_names_are_text_on_a_narrow_page_too(name: str, house: House, opened: Opened) -> None:
    tenant_id = name.replace("/", "|")
    house.world.tenants.add_tenant(acme(tenant_id, applications=[name]))
    page = opened(viewport={"width": PHONE, "height": 640})
    page.goto(house.link(tenant_id))
    shown = tenant_id.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066")
    assert shown in page.get_by_role("main").inner_text()
    assert overflow(page) == 0
    page.get_by_label("It leaked").check()
    page.get_by_role("button", name=MAKE).click()
    assert shown in page.get_by_role("main").inner_text()
    assert (overflow(page), faults(page)) == (0, [])
    page.get_by_role("button", name=STOP).click()
    assert shown in page.get_by_role("main").inner_text()
    assert overflow(page) == 0
