"""Stores opened by the URL in the settings, with real servers behind it, through the whole house."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jwt_middleware import Authenticator, ConfigurationError
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.revocation.lifetimes import Revoker
from jwt_middleware.revocation.recorded import RecordedRevocations
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.tenants.secret import fresh_secret

from ..unit.making import settings, tenant, token
from .databases import Database, PostgresDatabase
from .proxy import Proxy
from .redis_server import RedisServer

Outcome: TypeAlias = Callable[[Authenticator], str]


@pytest.fixture(params=["in a thread", "on an event loop"])
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """The subject, or the reason of the refusal."""

    def ask(authenticator: Authenticator) -> str:
        try:
            if request.param == "in a thread":
                return authenticator.authenticate(token()).subject
            return asyncio.run(authenticator.authenticate_async(token())).subject
        except AuthenticationError as refusal:
            return refusal.reason

    return ask


@pytest.fixture(params=["database", "Redis", "both"])
def named(request: pytest.FixtureRequest, revocation_database: Database, redis_server: RedisServer) -> tuple[str, type]:
    """A setting, and the store that it names."""
    if request.param == "database":
        return revocation_database.url, SQLRevocations
    if request.param == "Redis":
        return redis_server.url, RedisRevocations
    return f"{revocation_database.url} {redis_server.url}", RecordedRevocations


def test_the_store_that_a_url_names_is_asked_told_and_closed(named: tuple[str, type], outcome: Outcome) -> None:
    url, kind = named
    authenticator = Authenticator(settings(revocations=url, store_timeout=5))
    assert type(authenticator.revocations) is kind
    store: Any = authenticator.revocations
    if kind is RedisRevocations:
        assert outcome(authenticator) == "revocations_not_confirmed"
        assert authenticator.check() == {"tenants": "ok", "revocations": "revocations_not_confirmed"}
        store.confirm()
    assert outcome(authenticator) == "user_123"
    Revoker(authenticator.settings, store).revoke_subject("acme", "user_123")
    assert outcome(authenticator) == "revoked"
    assert authenticator.check() == {"tenants": "ok", "revocations": "ok"}
    assert asyncio.run(authenticator.check_async()) == {"tenants": "ok", "revocations": "ok"}
    authenticator.close()
    asyncio.run(authenticator.aclose())


def test_a_store_that_is_not_fit_for_it_is_refused_when_the_authenticator_is_built(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(ConfigurationError, match="noeviction"):
        Authenticator(settings(revocations=redis_server.url))
    with pytest.raises(ConfigurationError, match="store upgrade"):
        Authenticator(settings(revocations=f"sqlite:///{tmp_path}/none.db"))


@pytest.mark.parametrize(("store_timeout", "answer"), [(0.05, "tenant_store_timed_out"), (10, "user_123")])
def test_the_time_limit_of_the_settings_is_that_of_the_tenants_that_a_url_names(
    store_timeout: float, answer: str, postgres_database: PostgresDatabase, outcome: Outcome, monkeypatch: Any
) -> None:
    monkeypatch.setenv("JWT_MIDDLEWARE_STORE_KEY", fresh_secret("HS256"))
    server, name = postgres_database.server, postgres_database.name
    with Proxy(server.port) as proxy:
        authenticator = Authenticator(settings(server.url(name, port=proxy.port), store_timeout=store_timeout))
        store: Any = authenticator.tenants
        store.resolver.add_tenant(tenant())
        proxy.delay = 0.3
        assert outcome(authenticator) == answer
        proxy.delay = 0
        authenticator.close()
