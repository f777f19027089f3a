"""The demo's provider: a tenant with a fresh secret, in a TOML file of its own."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.file import FileTenants
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tokens import guide_claims, signed

TENANT: Final = "acme"
APPLICATION: Final = "quest"
READ_ONLY_APPLICATION: Final = "kiosk"
SUBJECT: Final = "user_123"
PUBLIC: Final = ("/healthz", "/docs", "/openapi.json")

_FILE: Final = """\
# Written by jwt-middleware demo, for as long as it runs.
[[tenants]]
id = "{tenant}"
keys = [{{ secret = "{secret}" }}]
applications = ["{application}", {{ id = "{read_only}", scopes = ["read"] }}]
"""


class World:
    """The file, what is in it, and tokens made from that. `is_down` makes the tenant store fail, as a database can."""

    in_memory = True

    def __init__(self, file: Path, secret: str) -> None:
        self.file = file
        self.key = Key.secret(secret)
        self.is_down = False
        self._tenants = FileTenants(file)
        self.settings = JWTSettings(self, public=PUBLIC)

    def resolve(self, issuer: str) -> Tenant | None:
        """The tenant of the file. Raises ConnectionError while the store is down."""
        if self.is_down:
            raise ConnectionError("the tenant store is down")
        return self._tenants.resolve(issuer)

    def close(self) -> None:
        """End the thread that looks at the file."""
        self._tenants.close()

    def claims(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The claims of the authentication guide for a token made now, with changes; None takes a claim out."""
        tenant = self._tenants.resolve(TENANT)
        assert tenant is not None  # noqa: S101 (the file was written here)
        claims = guide_claims(tenant, APPLICATION, SUBJECT, now=time.time(), scopes=("read", "write"))
        return {name: value for name, value in (claims | dict(changes or {})).items() if value is not None}

    def token(self, changes: Mapping[str, Any] | None = None) -> str:
        """A token with these claims, signed with the tenant's secret."""
        return signed(self.claims(changes), self.key)


@contextmanager
def new_world() -> Iterator[World]:
    """A fresh secret in a file that only this user can read, in a folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="jwt-middleware-demo-") as folder:
        file, secret = Path(folder, "tenants.toml"), fresh_secret("HS256")
        _write_private(
            file,
            _FILE.format(tenant=TENANT, secret=secret, application=APPLICATION, read_only=READ_ONLY_APPLICATION),
        )
        world = World(file, secret)
        try:
            yield world
        finally:
            world.close()


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
