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

from ..unit.making import settings, token
from .databases import Database
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
    with pytest.raises(ConfigurationError, match="db upgrade"):
        Authenticator(settings(revocations=f"sqlite:///{tmp_path}/none.db"))
