"""A real browser, and what it must never complain about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

PHONE: Final = 320
"""CSS pixels: WCAG 2.2 success criterion 1.4.10."""
IN_CI: Final = os.environ.get("CI", "").lower() == "true"

_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)
# Chromium says this of a page itself when its status is an error's, as it has to be.
_STATUS: Final = "Failed to load resource: the server responded with a status of"
_AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium, started anew. Without one, its tests are skipped, but in CI they fail."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        give_up = pytest.fail if IN_CI else pytest.skip
        give_up("needs chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_ARGUMENTS])
        yield browser
        browser.close()


@contextmanager
def window(browser: Browser, *, may_complain: bool = False, **options: Any) -> Iterator[Page]:
    """A window with no history. At the end nothing may have been complained about, unless that is the test."""
    context = browser.new_context(ignore_https_errors=True, **options)
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints: list[str] = []
    context.on("console", lambda message: complaints.extend(_complaints(message)))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    # Nobody answers it, so that what follows fails.
    context.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    yield page
    context.close()
    assert may_complain or complaints == []


def _complaints(message: ConsoleMessage) -> Iterator[str]:
    page = message.page
    is_status = message.text.startswith(_STATUS) and page is not None and message.location["url"] == page.url
    if not is_status and message.type in ("error", "warning", "assert"):
        yield f"{message.type}: {message.text} ({message.location['url']})"


def faults(page: Page, *rules: str) -> list[str]:
    """What axe finds that keeps people from using the page, by these rules or by all, once its styles are there."""
    page.wait_for_load_state()
    page.evaluate(f"window.axe || (() => {{{_AXE}}})()")
    options = {"resultTypes": ["violations"], **({"runOnly": [*rules]} if rules else {})}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{violation['impact']}: {violation['help']}: {node['html']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window, once its styles are there."""
    page.wait_for_load_state()
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def focused(page: Page) -> str:
    """What the keyboard acts on, and whether one can see that, once the page's styles are there."""
    page.wait_for_load_state()
    described: str = page.evaluate(
        """() => {
            const it = document.activeElement, style = getComputedStyle(it);
            const shows = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            const name = it.value && it.name ? `${it.name}=${it.value}` : (it.ariaLabel || it.textContent || it.id);
            return `${it.tagName.toLowerCase()} ${name.trim()}${shows ? "" : " (not to be seen)"}`;
        }"""
    )
    return described
