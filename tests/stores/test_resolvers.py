"""Every resolver passes one suite."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import CachedTenants, FileTenants, StaticTenants, Tenant
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.testing.resolvers import TENANTS, ResolverSuite

from .databases import Database

STORE_KEY = "c3RvcmUta2V5LW9mLXRoZS10ZXN0cy0zMi1ieXRlcy4="


class TestStaticTenants(ResolverSuite):
    @pytest.fixture
    def resolver(self) -> StaticTenants:
        return StaticTenants(TENANTS)


class TestFileTenants(ResolverSuite):
    @pytest.fixture
    def resolver(self, tmp_path: Path) -> Iterator[FileTenants]:
        file = tmp_path / "tenants.toml"
        file.write_text(f"tenants = {in_toml([entry(tenant) for tenant in TENANTS])}", encoding="utf-8")
        tenants = FileTenants(file)
        yield tenants
        tenants.close()


class TestFunction(ResolverSuite):
    @pytest.fixture
    def resolver(self) -> Any:
        return StaticTenants(TENANTS).resolve


class AsyncTenants:
    """A resolver of a provider's own, in the other colour."""

    def __init__(self) -> None:
        self._known = StaticTenants(TENANTS)

    async def resolve(self, issuer: str) -> Tenant | None:
        await asyncio.sleep(0)
        return self._known.resolve(issuer)

    async def check_async(self) -> None:
        await asyncio.sleep(0)


class TestAsyncTenants(ResolverSuite):
    @pytest.fixture
    def resolver(self) -> AsyncTenants:
        return AsyncTenants()


class TestSQLTenants(ResolverSuite):
    @pytest.fixture
    def resolver(self, database: Database) -> Iterator[SQLTenants]:
        tenants = filled(SQLTenants(database.url, store_key=STORE_KEY, store_timeout=5))
        yield tenants
        tenants.close()


class TestSQLTenantsInClear(ResolverSuite):
    @pytest.fixture
    def resolver(self, database: Database) -> Iterator[SQLTenants]:
        tenants = filled(SQLTenants(database.url, store_in_clear=True, store_timeout=5))
        yield tenants
        tenants.close()


class TestCachedTenants(ResolverSuite):
    @pytest.fixture
    def resolver(self, database: Database) -> Iterator[CachedTenants]:
        tenants = CachedTenants(filled(SQLTenants(database.url, store_key=STORE_KEY, store_timeout=5)), store_timeout=5)
        yield tenants
        tenants.close()


def filled(tenants: SQLTenants) -> SQLTenants:
    for tenant in TENANTS:
        tenants.add_tenant(tenant)
    return tenants


def entry(tenant: Tenant) -> dict[str, Any]:
    keys = [
        {"secret": key.material.decode(), "kid": key.key_id, "algorithm": key.algorithm, "not_after": key.not_after}
        for key in tenant.keys
    ]
    applications = [
        {"id": each.id, "active": each.active} | ({} if each.scopes is None else {"scopes": [*each.scopes]})
        for each in tenant.applications
    ]
    return {
        "id": tenant.id,
        "issuers": [*tenant.issuers],
        "active": tenant.active,
        "scope_claim": tenant.scope_claim,
        "audience_claim": tenant.audience_claim,
        "keys": [{name: value for name, value in key.items() if value is not None} for key in keys],
        "applications": applications,
        **({} if tenant.max_lifetime is None else {"max_lifetime": tenant.max_lifetime}),
        **({} if tenant.token_types is None else {"token_types": [*tenant.token_types]}),
    }


def in_toml(value: Any) -> str:
    """Inline, on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {in_toml(member)}' for name, member in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(in_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
