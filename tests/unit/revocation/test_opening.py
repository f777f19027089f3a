"""Revocation stores by URL: what can be named, and what can be said without opening anything."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from jwt_middleware import Authenticator, ConfigurationError, JWTSettings
from jwt_middleware.revocation.memory import MemoryRevocations
from jwt_middleware.revocation.opening import is_redis, open_revocations, revocations_problem

from ..making import NOW, Clock, settings, token

NAMED = [
    "memory:",
    "sqlite:///revocations.db",
    "sqlite+pysqlite:///revocations.db",
    "postgresql://user:hunter2@db/app",
    "postgresql+psycopg://user:hunter2@db/app",
    "redis://:hunter2@cache:6379/0",
    "rediss://cache",
    "unix:///run/redis.sock",
    "postgresql+psycopg://db/app redis://cache",
    "  sqlite:///revocations.db   rediss://cache  ",
]
UNNAMED = [
    "",
    "memory",
    "memory://",
    "memory: redis://cache",
    "revocations.toml",
    "mysql://user:hunter2@db/app",
    "redis://:hunter2@cache postgresql://db",
    "redis://:hunter2@cache redis://other",
    "postgresql://db sqlite:///file redis://cache",
    "memory:,redis://:hunter2@cache",
]


@pytest.mark.parametrize("url", NAMED)
def test_a_url_that_names_a_store_is_a_setting(url: str) -> None:
    assert revocations_problem(url) is None
    assert settings(revocations=url).revocations == url


@pytest.mark.parametrize("url", UNNAMED)
def test_another_is_refused_with_what_can_be_written_and_without_its_password(url: str) -> None:
    for build in (lambda: settings(revocations=url), lambda: open_revocations(url)):
        message = refusal(build)
        assert '"memory:"' in message
        assert "redis://..." in message
        assert "hunter2" not in message


def refusal(build: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        build()
    return str(caught.value)


@pytest.mark.parametrize("url", NAMED + UNNAMED)
def test_redis_alone_is_told_from_the_rest(url: str) -> None:
    assert is_redis(url) is (url.startswith(("redis", "unix")) and " " not in url)


def test_memory_goes_by_the_clock_of_the_settings() -> None:
    clock = Clock()
    authenticator = Authenticator(settings(revocations="memory:", clock=clock))
    store = authenticator.revocations
    assert isinstance(store, MemoryRevocations)
    store.revoke_subject("acme", "user_123", cutoff=NOW, until=NOW + 10)
    with pytest.raises(Exception, match="revoked"):
        authenticator.authenticate(token())
    clock.now += 10
    assert authenticator.authenticate(token()).subject == "user_123"
    authenticator.close()


def test_the_environment_may_name_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_MIDDLEWARE_TENANTS", "tenants.toml")
    for text, value in (("memory:", "memory:"), ("none", None)):
        monkeypatch.setenv("JWT_MIDDLEWARE_REVOCATIONS", text)
        assert JWTSettings.from_env().revocations == value


@pytest.mark.parametrize(
    ("url", "missing", "extra"),
    [
        ("sqlite:///revocations.db", "sqlalchemy", "sql"),
        ("redis://cache", "redis", "redis"),
        ("sqlite:///revocations.db redis://cache", "redis", "redis"),
    ],
)
def test_a_missing_extra_is_named(url: str, missing: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(missing, monkeypatch)
    assert f"pip install 'tenant-jwt-middleware[{extra}]'" in refusal(lambda: open_revocations(url))


def test_what_no_extra_would_mend_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking("jwt_middleware.revocation.redis", monkeypatch)
    with pytest.raises(ModuleNotFoundError, match=r"jwt_middleware\.revocation\.redis"):
        open_revocations("redis://cache")


def lacking(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this module were not installed, and no store had been imported yet."""
    for name in list(sys.modules):
        if name.startswith(("jwt_middleware.revocation.", "jwt_middleware.sql")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
