"""Settings that name a database: cached, bounded, and right from the first request on."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import (
    Authenticator,
    CachedTenants,
    ConfigurationError,
    InvalidSignature,
    InvalidToken,
    JWTSettings,
    Key,
    Tenant,
)
from jwt_middleware.loading import OTHER_VARIABLES, open_tenants, tenants_problem
from jwt_middleware.log import report_policy
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.sql.sealing import VARIABLE
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.testing import Clock
from jwt_middleware.tokens import guide_claims, signed

from ..cli.calling import called
from .databases import Database
from .postgres_server import PASSWORD

STORE_KEY = "c3RvcmUta2V5LW9mLXRoZS10ZXN0cy0zMi1ieXRlcy4="
ACME = Tenant("acme", keys=[Key.secret("acme's own secret, which nobody else has", kid="first")], applications=["shop"])


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, STORE_KEY)


@pytest.fixture
def authenticator(database: Database, clock: Clock) -> Iterator[Authenticator]:
    """By nothing but the URL."""
    authenticator = Authenticator(JWTSettings(database.url, clock=clock))
    yield authenticator
    authenticator.close()


def store_of(authenticator: Authenticator) -> SQLTenants:
    assert isinstance(authenticator.tenants, CachedTenants)
    assert isinstance(authenticator.tenants.resolver, SQLTenants)
    return authenticator.tenants.resolver


def token(clock: Clock, key: Key = ACME.keys[0]) -> str:
    return signed(guide_claims(ACME, "shop", "user_123", now=clock.now), key)


def refusal_of(authenticator: Authenticator, text: str) -> str:
    with pytest.raises(InvalidToken) as caught:
        authenticator.authenticate(text)
    return caught.value.reason


def test_a_url_makes_tenants_that_are_cached_and_change_while_requests_run(
    authenticator: Authenticator, clock: Clock
) -> None:
    store, text = store_of(authenticator), token(clock)
    assert refusal_of(authenticator, text) == "unknown_issuer"
    store.add_tenant(ACME)
    assert authenticator.authenticate(text).tenant_id == "acme"
    assert asyncio.run(authenticator.authenticate_async(text)).tenant_id == "acme"
    store.suspend("acme")
    assert refusal_of(authenticator, text) == "suspended_tenant"
    store.resume("acme")
    store.suspend_application("acme", "shop")
    assert refusal_of(authenticator, text) == "suspended_application"
    store.resume_application("acme", "shop")
    new = Key.secret(store.rotate_secret("acme", kid="second", grace=60, now=clock.now), kid="second")
    assert authenticator.authenticate(text).tenant_id == "acme"
    assert authenticator.authenticate(token(clock, new)).tenant_id == "acme"
    clock.now += 60
    assert refusal_of(authenticator, text) == "retired_key"
    store.retire_key("acme", "second", at=clock.now)
    assert refusal_of(authenticator, token(clock, new)) == "retired_key"
    store.remove("acme")
    with pytest.raises(InvalidSignature):
        authenticator.authenticate(text)


def test_the_environment_may_name_the_database(
    database: Database, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("JWT_MIDDLEWARE_TENANTS", database.url)
    authenticator = Authenticator(JWTSettings.from_env(clock=clock))
    store_of(authenticator).add_tenant(ACME)
    assert authenticator.authenticate(token(clock)).tenant_id == "acme"
    authenticator.close()
    assert VARIABLE in OTHER_VARIABLES


def test_a_file_or_a_mapping_may_name_the_database(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'tenants = "{database.url}"')
    for settings in (JWTSettings.from_toml(file), JWTSettings.from_mapping({"TENANTS": database.url})):
        authenticator = Authenticator(settings)
        assert store_of(authenticator).tenant("acme") is None
        authenticator.close()


def test_two_databases_do_not_know_each_others_tenants(database: Database, tmp_path: Path) -> None:
    other_url = f"sqlite:///{tmp_path / 'other.db'}"
    upgrade(other_url)
    one, other = SQLTenants(database.url, store_timeout=5), SQLTenants(other_url, store_timeout=5)
    one.add_tenant(ACME)
    assert other.resolve("acme") is None
    one.close()
    other.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///tenants.db",
        "sqlite+pysqlite:///tenants.db",
        "postgresql://host/db",
        "postgresql+psycopg://app:pa55word@host/db",
    ],
)
def test_a_url_of_a_database_is_not_opened_by_the_settings(url: str) -> None:
    assert JWTSettings(url).tenants == url


@pytest.mark.parametrize(
    "url",
    ["sqlite", "sqlite:", "mysql://app:pa55word@host/db", "postgres://app:pa55word@host/db", "redis://:pa55word@host"],
)
def test_another_url_is_refused_with_those_that_are_known_and_without_its_password(url: str) -> None:
    problem = tenants_problem(url)
    assert problem is not None
    assert "pa55word" not in str(problem)
    assert all(form in problem.fix for form in ("tenants.toml", "sqlite:///tenants.db", "postgresql+psycopg://"))


def test_no_password_is_shown_or_logged(database: Database, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    settings = JWTSettings(database.url, clock=clock)
    with caplog.at_level(logging.DEBUG):
        report_policy(settings, "asgi")
        authenticator = Authenticator(settings)
        refusal_of(authenticator, token(clock))
        authenticator.close()
    for text in (caplog.text, repr(settings), repr(authenticator.tenants)):
        assert PASSWORD not in text
    assert f"tenants from '{database.url.partition(':')[0]}://...'" in caplog.text


@pytest.mark.parametrize(
    ("missing", "importer"),
    [("sqlalchemy", "jwt_middleware.tenants.sql"), ("cryptography.fernet", "jwt_middleware.sql.sealing")],
)
def test_without_the_extra_it_says_which_one(missing: str, importer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in {importer, "jwt_middleware.tenants.sql"}:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    library = missing.partition(".")[0]
    with pytest.raises(ConfigurationError, match=rf"{library} is not installed\n.*tenant-jwt-middleware\[sql\]"):
        open_tenants("sqlite:///tenants.db")


def test_what_is_missing_otherwise_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jwt_middleware.tenants.sql", None)
    with pytest.raises(ModuleNotFoundError):
        open_tenants("sqlite:///tenants.db")


def test_the_command_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("jwt_middleware.sql.schema")
    monkeypatch.delitem(sys.modules, "jwt_middleware.sql.schema")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    result = called("store", "current", "--store", "sqlite:///tenants.db")
    assert result.exit_code == 2
    assert "pip install 'tenant-jwt-middleware[sql]'" in result.stderr


def test_a_missing_store_key_is_told_before_anything_is_opened(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ConfigurationError, match="store_key: there is none"):
        Authenticator(JWTSettings(f"sqlite:///{tmp_path / 'tenants.db'}"))
