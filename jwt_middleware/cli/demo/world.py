"""The demo's provider: a store of its own, with a tenant that has a fresh secret."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from jwt_middleware.cli.env_file import add_variables
from jwt_middleware.cli.store import ENV_FILE, STORE_KEY, TENANTS
from jwt_middleware.settings import JWTSettings
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tenants.cached import CachedTenants
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Application, Tenant
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.tokens import guide_claims, signed

TENANT: Final = "acme"
APPLICATION: Final = "quest"
READ_ONLY_APPLICATION: Final = "kiosk"
SUBJECT: Final = "user_123"
PUBLIC: Final = ("/healthz", "/docs", "/openapi.json")
REMEMBERED_FOR: Final = 2.0
"""Seconds after which the API sees what a command in another terminal has changed."""
PATIENCE: Final = 5.0
"""Seconds that the store may take, on a machine that may have much else to do."""


class Store(SQLTenants):
    """The database of tenants. `is_down` makes it fail when it is asked for a tenant, as a database can."""

    is_down = False

    def resolve(self, issuer: str) -> Tenant | None:
        """The tenant with this issuer. Raises ConnectionError while the store is down."""
        if self.is_down:
            raise ConnectionError("the tenant store is down")
        return super().resolve(issuer)


class World:
    """The store in a folder, what is in it, and tokens made from that."""

    def __init__(self, folder: Path) -> None:
        self.file: Final = folder / "tenants.db"
        secret, store_key = fresh_secret("HS256"), fresh_secret("HS256")
        url = f"sqlite:///{self.file}"
        upgrade(url)
        add_variables(folder / ENV_FILE, {TENANTS: url, STORE_KEY: store_key})
        self.key: Final = Key.secret(secret)
        self.tenant: Final = Tenant(
            TENANT, keys=[self.key], applications=[APPLICATION, Application(READ_ONLY_APPLICATION, scopes=["read"])]
        )
        self.store: Final = Store(url, store_key=store_key, store_timeout=PATIENCE)
        self.store.add_tenant(self.tenant)
        remembered = CachedTenants(self.store, ttl=REMEMBERED_FOR, store_timeout=PATIENCE)
        self.settings: Final = JWTSettings(remembered, public=PUBLIC, store_timeout=PATIENCE)
        self._remembered = remembered

    def close(self) -> None:
        """End what looks tenants up, and its connections."""
        self._remembered.close()

    def claims(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The claims of the authentication guide for a token made now, with changes; None takes a claim out."""
        claims = guide_claims(self.tenant, APPLICATION, SUBJECT, now=time.time(), scopes=("read", "write"))
        return {name: value for name, value in (claims | dict(changes or {})).items() if value is not None}

    def token(self, changes: Mapping[str, Any] | None = None) -> str:
        """A token with these claims, signed with the tenant's first secret."""
        return signed(self.claims(changes), self.key)


@contextmanager
def new_world() -> Iterator[World]:
    """In a folder that only this user can read, and that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="jwt-middleware-demo-") as folder:
        world = World(Path(folder))
        try:
            yield world
        finally:
            world.close()
