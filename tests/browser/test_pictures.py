"""The pictures of the documentation are taken of pages as they are.

`UPDATE_PICTURES=1 pytest tests/browser/test_pictures.py` renews those in docs/images/.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .serving import House
from .walking import check, refresh

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WIDTH, HEIGHT = 880, 860
MAX_BYTES = 150_000


def new_secret(house: House, page: Page) -> None:
    house.world.tenants.add_application("acme", "reports")
    refresh(page, house.link())


def check_a_token(house: House, page: Page) -> None:
    check(page, f"{house.url}/check", house.token("a secret that was replaced a good while ago", exp=1, aud="shop"))


PICTURES: dict[str, Callable[[House, Page], object]] = {
    "console-refresh.png": new_secret,
    "console-check.png": check_a_token,
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_can_be_taken(name: str, house: House, opened: Callable[..., Page], tmp_path: Path) -> None:
    page = opened(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    PICTURES[name](house, page)
    folder = FOLDER if os.environ.get("UPDATE_PICTURES") else tmp_path
    page.screenshot(path=folder / name)
    for picture in (folder / name, FOLDER / name):
        content = picture.read_bytes()
        assert struct.unpack(">II", content[16:24]) == (WIDTH, HEIGHT)
        assert 10_000 < len(content) < MAX_BYTES
