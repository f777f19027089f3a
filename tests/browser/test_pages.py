"""Every page can be read and used: on a phone, in the dark, on paper, by whoever needs help with that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from ..console.visiting import OLD
from .browsing import faults, focused, overflow
from .serving import House
from .walking import check, heading, refresh

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OTHER = "another secret, which nobody at this API has ever had"

WAYS: dict[str, Callable[[House, Page], object]] = {
    "start": lambda house, page: page.goto(f"{house.url}/"),
    "guide": lambda house, page: page.goto(f"{house.url}/guide"),
    "check": lambda house, page: page.goto(f"{house.url}/check"),
    "accepted": lambda house, page: check(page, f"{house.url}/check", house.token(OLD)),
    "refused": lambda house, page: check(page, f"{house.url}/check", house.token(OTHER, long="x" * 500)),
    "refresh": lambda house, page: page.goto(house.link()),
    "new secret": lambda house, page: refresh(page, house.link()),
    "leaked": lambda house, page: refresh(page, house.link(), "It leaked"),
    "used": lambda house, page: (refresh(page, house.link()), page.reload()),
    "unconfirmed": lambda house, page: (refresh(page, house.link(), "It leaked"), page.goto(page.url)),
    "unknown": lambda house, page: page.goto(f"{house.url}/refresh/x"),
    "no such page": lambda house, page: page.goto(f"{house.url}/nothing"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_page_can_be_used_on_a_phone_by_day_and_by_night(way: str, house: House, phone: Page) -> None:
    WAYS[way](house, phone)
    assert phone.locator("html").get_attribute("lang") == "en"
    expect(phone.get_by_role("main")).to_be_visible()
    assert heading(phone)
    assert phone.title()
    assert (faults(phone), overflow(phone)) == ([], 0)
    phone.emulate_media(color_scheme="dark")
    assert faults(phone, "color-contrast") == []


def test_day_and_night_differ(house: House, page: Page) -> None:
    colours = set()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{house.url}/")
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2


def test_on_paper_there_is_what_one_reads_and_nothing_to_press(house: House, page: Page) -> None:
    refresh(page, house.link())
    page.emulate_media(media="print")
    expect(page.locator("#secret")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
    assert not any(button.is_visible() for button in page.locator("button").all())


def test_every_page_leads_to_the_others(house: House, page: Page) -> None:
    page.goto(f"{house.url}/")
    for name, title in (
        ("Check a token", "Check a token"),
        ("Guide", "Authentication"),
        ("Start", "Access to this API"),
    ):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_a_token_is_checked_and_the_address_does_not_have_it(house: House, page: Page) -> None:
    token = house.token(OLD)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    check(page, f"{house.url}/check", token)
    expect(page.get_by_role("status")).to_contain_text("Accepted")
    assert page.url == f"{house.url}/check"
    assert token not in page.content()
    assert page.get_by_label("Token").input_value() == ""
    assert all(token.rpartition(".")[2] not in address for address in requests)


def test_a_refusal_leads_to_the_place_in_the_guide_that_explains_it(house: House, page: Page) -> None:
    check(page, f"{house.url}/check", house.token(OLD, exp=1))
    expect(page.get_by_role("status")).to_contain_text("Refused: token_expired")
    page.get_by_role("link", name="token_expired in the guide").click()
    assert page.url == f"{house.url}/guide#token_expired"
    expect(page.locator("#token_expired")).to_be_in_viewport()


def test_a_token_is_checked_by_keyboard_alone(house: House, page: Page) -> None:
    page.goto(f"{house.url}/check")
    seen: list[str] = []
    while not seen or not seen[-1].startswith("textarea"):
        page.keyboard.press("Tab")
        seen.append(focused(page))
    page.keyboard.insert_text(house.token(OTHER))
    page.keyboard.press("Tab")
    seen.append(focused(page))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("invalid_signature")
    assert not any("not to be seen" in each for each in seen)


def test_every_code_has_its_place_in_the_guide(house: House, page: Page) -> None:
    page.goto(f"{house.url}/guide")
    for code in (
        "invalid_token",
        "invalid_signature",
        "missing_required_claim",
        "token_expired",
        "insufficient_permissions",
    ):
        assert page.locator(f"#{code}").count() == 1
