"""A console over a database of the test's own, and a browser without a window that visits it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any, Final

from httpx2 import Response
from starlette.testclient import TestClient

from jwt_middleware import CachedTenants, JWTSettings, Key, SQLTenants, Tenant
from jwt_middleware.console import Console
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.testing import Clock

ORIGIN: Final = "https://console.example"
OLD: Final = fresh_secret("HS256")
STORE_KEY: Final = fresh_secret("HS256")

_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_SECRET = re.compile(r'<code id="secret">([^<]+)</code>')


class World:
    """The provider: a database with the tenant `acme`, and a console over it."""

    def __init__(self, template: Path, folder: Path, origin: str = ORIGIN, **settings: Any) -> None:
        file = folder / "tenants.db"
        shutil.copy(template, file)
        self.clock = Clock()
        self.url = f"sqlite:///{file}"
        self.file = file
        self.tenants = SQLTenants(self.url, store_key=STORE_KEY, store_timeout=5, clock=self.clock)
        self.tenants.add_tenant(acme())
        self.settings = JWTSettings(CachedTenants(self.tenants, ttl=3600), clock=self.clock, **settings)
        self.console = Console(self.settings, base_url=origin)

    def tenant(self, tenant_id: str = "acme") -> Tenant:
        found = self.tenants.tenant(tenant_id)
        assert found is not None
        return found

    def usable(self, tenant_id: str = "acme") -> list[str]:
        """The secrets that are accepted now, newest first."""
        now = self.clock()
        return [key.material.decode() for key in self.tenant(tenant_id).keys if key.is_usable(now)]


class Visitor:
    """A browser: it keeps cookies, and sends forms as they stand on the page that it has open."""

    def __init__(self, app: Any, origin: str = ORIGIN) -> None:
        self._client = TestClient(app, base_url=origin, follow_redirects=False, raise_server_exceptions=True)
        self.page: Response | None = None
        self.address = ""

    def open(self, address: str) -> Response:
        """Go there."""
        self.address, self.page = address, self._client.get(address)
        return self.page

    def send(self, *, headers: dict[str, str] | None = None, **fields: str) -> Response:
        """Send the form of the open page, with these fields filled in."""
        assert self.page is not None
        return self.request("POST", self.address, data={**hidden(self.page), **fields}, headers=headers)

    def request(self, method: str, address: str, **more: Any) -> Response:
        """Any other request; the open page stays."""
        return self._client.request(method, address, **more)

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._client.cookies)

    def forget(self) -> None:
        """Lose all cookies."""
        self._client.cookies.clear()


def acme(tenant_id: str = "acme", **changes: Any) -> Tenant:
    """A tenant with the application `shop`."""
    return Tenant(tenant_id, **{"keys": [Key.secret(OLD)], "applications": ["shop"], **changes})


def hidden(page: Response) -> dict[str, str]:
    """The hidden fields of the page's form."""
    return {name: unescape(value) for name, value in _FIELD.findall(page.text)}


def secret_on(page: Response) -> str | None:
    """The new secret, where the page shows one."""
    found = _SECRET.search(page.text)
    return None if found is None else unescape(found[1])


def title(page: Response) -> str:
    """What the page is about."""
    found = re.search(r"<h1>(.*?)</h1>", page.text, re.DOTALL)
    assert found is not None
    return unescape(found[1]).strip()


def text(page: Response) -> str:
    """What there is to read."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", page.text)))


@contextmanager
def closing(world: World) -> Iterator[World]:
    """Until the end of the block."""
    try:
        yield world
    finally:
        world.console.close()
