"""The public API as a type checker sees it. mypy reads this file; test_typing.py runs it.

A line that has to be a type error says so with `type: ignore`: where it is none, mypy reports an unused comment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, assert_type

import pytest

from jwt_middleware import (
    Application,
    AuthenticationError,
    Authenticator,
    ConfigurationError,
    FileTenants,
    Identity,
    InvalidToken,
    JWTSettings,
    Key,
    RevocationStore,
    Rule,
    StaticTenants,
    Tenant,
    TenantResolver,
    asgi,
    current_identity,
    wsgi,
)

from .making import SECRET, Clock, token

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ACME: Final = Tenant("acme", keys=[Key.secret(SECRET)], applications=["shop"])


def authenticating_gives_an_identity() -> None:
    authenticator = Authenticator(JWTSettings([ACME], clock=Clock()))
    me = authenticator.authenticate(token())
    assert_type(me, Identity)
    assert_type(asyncio.run(authenticator.authenticate_async(token())), Identity)
    assert_type(me.subject, str)
    assert_type(me.tenant_id, str)
    assert_type(me.application_id, str)
    assert_type(me.scopes, frozenset[str])
    assert_type(me.issued_at, float)
    assert_type(me.expires_at, float)
    assert_type(me.token_id, str)
    assert_type(me.issuer, str)
    assert_type(me.claims, dict[str, Any])
    assert_type(me.principal, str)
    assert_type(me.has_scopes("read", "write"), bool)
    authenticator.close()


def the_current_identity_may_be_none() -> None:
    assert_type(current_identity.get(), Identity | None)


def an_authenticator_takes_settings_and_a_token_is_text() -> None:
    with pytest.raises(AttributeError):
        Authenticator([ACME])  # type: ignore[arg-type]
    with pytest.raises((AuthenticationError, AttributeError)):
        Authenticator(JWTSettings([ACME])).authenticate(b"a.b.c")  # type: ignore[arg-type]


class Resolver:
    def resolve(self, issuer: str) -> Tenant | None:
        return ACME


class AsyncResolver:
    async def resolve(self, issuer: str) -> Tenant | None:
        return ACME


def function(issuer: str) -> Tenant | None:
    return ACME


async def waiting(issuer: str) -> Tenant | None:
    return ACME


def settings_take_tenants_in_every_form() -> None:
    sequence: Sequence[Tenant] = (ACME,)
    resolver: TenantResolver = Resolver()
    JWTSettings([ACME])
    JWTSettings(sequence)
    JWTSettings(resolver)
    JWTSettings(StaticTenants([ACME]))
    JWTSettings(AsyncResolver())
    JWTSettings(function)
    JWTSettings(waiting)
    JWTSettings(lambda issuer: ACME)
    JWTSettings("tenants.toml")


def a_file_and_a_fixed_set_are_resolvers(path: Path) -> None:
    path.write_text('[[tenants]]\nid = "acme"\nkeys = []\napplications = []\n')
    file, fixed = FileTenants(path), StaticTenants([ACME])
    assert_type(file.resolve("acme"), Tenant | None)
    assert_type(fixed.resolve("acme"), Tenant | None)
    resolvers: list[TenantResolver] = [file, fixed]
    assert len(resolvers) == 2
    Authenticator(JWTSettings(file)).close()


def settings_take_no_other_tenants() -> None:
    with pytest.raises(ConfigurationError):
        JWTSettings(7)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        JWTSettings(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        JWTSettings(["acme"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        JWTSettings()  # type: ignore[call-arg]


def an_unknown_name_of_a_setting_is_a_type_error() -> None:
    with pytest.raises(ConfigurationError):
        JWTSettings([ACME], realmm="api")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        JWTSettings([ACME], leeway=5)  # type: ignore[arg-type]


def a_setting_of_another_type_is_a_type_error() -> None:
    with pytest.raises(ConfigurationError):
        JWTSettings([ACME], store_timeout="1")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        JWTSettings([ACME], rules=["/docs"])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError):
        JWTSettings([ACME], revocations=Resolver())  # type: ignore[arg-type]


def settings_are_read_and_not_written() -> None:
    settings = JWTSettings([ACME])
    assert_type(settings.public, tuple[str, ...])
    assert_type(settings.rules, tuple[Rule, ...])
    assert_type(settings.max_lifetime, float | None)
    with pytest.raises(AttributeError):
        settings.realm = "other"  # type: ignore[misc]


def every_constructor_gives_settings(path: Path) -> None:
    path.write_text('realm = "api"')
    assert_type(JWTSettings.from_env(tenants=[ACME]), JWTSettings)
    assert_type(JWTSettings.from_toml(path, tenants=[ACME]), JWTSettings)
    assert_type(JWTSettings.from_mapping({"tenants": [ACME]}), JWTSettings)


class Store:
    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        return False


class AsyncStore:
    async def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        return False


def render(refusal: AuthenticationError, members: Mapping[str, Any]) -> tuple[str, bytes]:
    assert_type(refusal.status, int)
    assert_type(refusal.code, str)
    assert_type(refusal.claim, str | None)
    assert_type(refusal.required_scopes, tuple[str, ...])
    return "text/plain", refusal.code.encode()


def validate(me: Identity) -> None:
    if me.subject == "banned":
        raise InvalidToken("banned")


async def validate_too_late(me: Identity) -> None:
    raise InvalidToken("banned")


def stores_validators_and_renderers_are_the_providers_own() -> None:
    store: RevocationStore = Store()
    JWTSettings([ACME], revocations=store, validators=[validate], render_error=render)
    JWTSettings([ACME], revocations=AsyncStore())


def a_validator_that_nobody_would_wait_for_is_a_type_error() -> None:
    with pytest.raises(ConfigurationError):
        JWTSettings([ACME], validators=[validate_too_late])  # type: ignore[list-item]


def tenants_are_built_of_keys_and_applications() -> None:
    keys: Iterable[Key] = [
        Key.secret("a secret of 32 bytes, or a few more", kid="k1", not_after=datetime(2027, 1, 1, tzinfo=UTC)),
        Key.secret(SECRET, kid="k2", not_after=1_800_000_000),
    ]
    built = Tenant("acme", keys=keys, applications=["shop", Application("admin", scopes={"read"})], max_lifetime=60)
    assert_type(built.application("shop"), Application | None)
    assert_type(built.issuers, tuple[str, ...])
    with pytest.raises(ConfigurationError):
        Tenant("acme", keys=[SECRET], applications=[])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError):
        Key.secret(7)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        built.active = False


def an_access_that_does_not_exist_is_a_type_error() -> None:
    Rule("/docs", access="public")
    Rule("/v1/*", methods=["POST"], scopes=["write"])
    with pytest.raises(ConfigurationError):
        Rule("/docs", access="open")  # type: ignore[arg-type]


def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [])
    return [b"ok"]


async def asgi_app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def each_door_takes_an_app_of_its_kind_and_is_one() -> None:
    plain: WSGIApplication = wsgi.JWTMiddleware(wsgi_app, JWTSettings([ACME]))
    looped: asgi.ASGIApp = asgi.JWTMiddleware(asgi_app, JWTSettings([ACME]))
    wsgi.JWTMiddleware(plain, JWTSettings([ACME]))
    asgi.JWTMiddleware(looped, JWTSettings([ACME]))
    wsgi.JWTMiddleware(asgi_app, JWTSettings([ACME]))  # type: ignore[arg-type]
    asgi.JWTMiddleware(wsgi_app, JWTSettings([ACME]))  # type: ignore[arg-type]


USES: Final[tuple[Callable[[], None], ...]] = (
    authenticating_gives_an_identity,
    the_current_identity_may_be_none,
    an_authenticator_takes_settings_and_a_token_is_text,
    settings_take_tenants_in_every_form,
    settings_take_no_other_tenants,
    an_unknown_name_of_a_setting_is_a_type_error,
    a_setting_of_another_type_is_a_type_error,
    settings_are_read_and_not_written,
    stores_validators_and_renderers_are_the_providers_own,
    a_validator_that_nobody_would_wait_for_is_a_type_error,
    tenants_are_built_of_keys_and_applications,
    an_access_that_does_not_exist_is_a_type_error,
    each_door_takes_an_app_of_its_kind_and_is_one,
)
USES_OF_A_FILE: Final[tuple[Callable[[Path], None], ...]] = (
    a_file_and_a_fixed_set_are_resolvers,
    every_constructor_gives_settings,
)
