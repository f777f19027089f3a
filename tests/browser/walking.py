"""Ways through the pages that many tests go."""

from __future__ import annotations

from playwright.sync_api import Page

MAKE = "Make the new secret"
STOP = "I have saved it: stop the old one"


def refresh(page: Page, link: str, choice: str = "In 24 hours") -> str:
    """Open the link, choose, press the button; the secret that is shown."""
    page.goto(link)
    page.get_by_label(choice).check()
    page.get_by_role("button", name=MAKE).click()
    return secret_on(page)


def secret_on(page: Page) -> str:
    """The new secret. Fails where the page shows none."""
    return page.locator("#secret").inner_text()


def heading(page: Page) -> str:
    """What the page is about."""
    return page.get_by_role("heading", level=1).inner_text()


def check(page: Page, address: str, token: str) -> None:
    """Paste the token and have it checked."""
    page.goto(address)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Check it").click()
