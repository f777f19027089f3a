"""One browser for each process of the tests, and a provider of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from jwt_middleware.sql.schema import upgrade

from ..stores.certificate import certificate_for
from .browsing import PHONE, chromium, window
from .serving import House, serving


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tables and nothing in them, to be copied."""
    file = tmp_path_factory.mktemp("template") / "tenants.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="package")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for("localhost", tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def house(template: Path, tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[House]:
    with serving(template, tmp_path, certificate) as served:
        yield served


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens windows, which are closed at the end of the test."""
    with ExitStack() as windows:
        yield lambda **options: windows.enter_context(window(browser, **options))


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    """A usual window."""
    return opened(viewport={"width": 1000, "height": 800})


@pytest.fixture
def phone(opened: Callable[..., Page]) -> Page:
    """A window as narrow as a phone."""
    return opened(viewport={"width": PHONE, "height": 640})
