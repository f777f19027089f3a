"""The two drivers, without a web app. What they wait for is tested in test_plugins.py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import (
    Application,
    Authenticator,
    CachedTenants,
    ConfigurationError,
    FileTenants,
    Identity,
    JWTSettings,
    Key,
    Tenant,
)
from jwt_middleware.errors import AuthenticationError, TemporarilyUnavailable

from .making import ABSENT, NOW, OTHER_SECRET, SECRET, Clock, settings, tenant, token

Authenticate = Callable[[Authenticator, str], Identity]

FILE = f'[[tenants]]\nid = "acme"\napplications = ["shop"]\nkeys = [{{ secret = "{SECRET.decode()}" }}]\n'


@pytest.fixture(params=["thread", "event loop"])
def authenticate(request: pytest.FixtureRequest) -> Authenticate:
    """Both drivers."""
    if request.param == "thread":
        return lambda authenticator, text: authenticator.authenticate(text)
    return lambda authenticator, text: asyncio.run(authenticator.authenticate_async(text))


def test_a_good_token_gives_an_identity(authenticate: Authenticate) -> None:
    me = authenticate(Authenticator(settings()), token())
    assert (me.subject, me.tenant_id, me.application_id) == ("user_123", "acme", "shop")


@pytest.mark.parametrize(
    ("reason", "claims"),
    [
        ("suspended_tenant", {"sub": ABSENT, "iss": "asleep"}),
        ("missing_required_claim", {"sub": ABSENT, "exp": NOW - 1}),
        ("invalid_claim", {"sub": "", "exp": NOW - 1}),
        ("token_expired", {"aud": "elsewhere", "exp": NOW - 1}),
        ("not_yet_valid", {"aud": "elsewhere", "nbf": NOW + 100}),
        ("lifetime_too_long", {"aud": "elsewhere", "exp": NOW + 10**6}),
        ("unknown_application", {"aud": "elsewhere"}),
    ],
)
def test_checks_come_in_the_documented_order(reason: str, claims: dict[str, Any], authenticate: Authenticate) -> None:
    asleep = tenant("asleep", active=False, keys=[Key.secret(OTHER_SECRET)])
    authenticator = Authenticator(settings([tenant(), asleep]))
    text = token(OTHER_SECRET if claims.get("iss") == "asleep" else SECRET, **claims)
    with pytest.raises(AuthenticationError) as caught:
        authenticate(authenticator, text)
    assert caught.value.reason == reason
    with pytest.raises(AuthenticationError) as unsigned:
        authenticate(authenticator, text[:-43] + "A" * 43)
    assert unsigned.value.reason == "bad_signature"


WRONG_TIMES: list[dict[str, Any]] = [{"exp": NOW - 5}, {"iat": NOW + 1}, {"iat": NOW - 3001}]


def test_settings_decide_about_claims(authenticate: Authenticate) -> None:
    demanding = settings(required_claims=["jti"], max_lifetime=3600, expiry_leeway=5, start_leeway=0)
    authenticator = Authenticator(demanding)
    assert authenticate(authenticator, token(jti="t1", exp=NOW - 4)).token_id == "t1"
    refused: list[dict[str, Any]] = [{}, *({"jti": "t1", **more} for more in WRONG_TIMES)]
    for claims in refused:
        with pytest.raises(AuthenticationError):
            authenticate(authenticator, token(**claims))


def test_settings_decide_about_length_algorithm_and_type(authenticate: Authenticate) -> None:
    text = token(header={"typ": "custom"})
    lenient = Authenticator(settings(token_types=["custom"], max_token_bytes=len(text)))
    assert authenticate(lenient, text).subject == "user_123"
    for options in ({}, {"token_types": ["custom"], "max_token_bytes": len(text) - 1}):
        with pytest.raises(AuthenticationError):
            authenticate(Authenticator(settings(**options)), text)
    with pytest.raises(AuthenticationError) as caught:
        authenticate(Authenticator(settings(algorithms=["HS512"])), token())
    assert caught.value.reason == "unacceptable_algorithm"


def test_time_goes_by_the_clock_of_the_settings(authenticate: Authenticate) -> None:
    clock = Clock()
    authenticator = Authenticator(settings(clock=clock))
    text = token()
    assert authenticate(authenticator, text).subject == "user_123"
    clock.now += 600
    with pytest.raises(AuthenticationError) as caught:
        authenticate(authenticator, text)
    assert caught.value.code == "token_expired"


def test_a_refusal_has_for_the_log_what_is_known_and_no_more(authenticate: Authenticate) -> None:
    authenticator = Authenticator(
        settings([tenant(keys=[Key.secret(SECRET, kid="k1")], applications=[Application("shop")])])
    )
    cases = [
        ("not a token", (None, None)),
        (token(OTHER_SECRET, header={"kid": "k1"}), ("k1", None)),
        (token(header={"kid": "k1"}, exp=NOW - 1), ("k1", "acme")),
    ]
    for text, known in cases:
        with pytest.raises(AuthenticationError) as caught:
            authenticate(authenticator, text)
        assert (caught.value.key_id, caught.value.tenant_id) == known


def test_tenants_may_be_a_file_which_the_authenticator_closes(tmp_path: Path, authenticate: Authenticate) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text(FILE)
    authenticator = Authenticator(JWTSettings(str(path), clock=Clock()))
    assert isinstance(authenticator.tenants, FileTenants)
    assert authenticate(authenticator, token()).tenant_id == "acme"
    authenticator.close()


def test_a_file_that_cannot_be_used_is_refused_when_the_authenticator_is_built(tmp_path: Path) -> None:
    usable_as_a_name = JWTSettings(str(tmp_path / "tenants.toml"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Authenticator(usable_as_a_name)


# How the stores are


class Store:
    """A resolver and revocation store that says how it is, as it is told."""

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check

    def resolve(self, issuer: str) -> Tenant | None:
        return tenant()

    def is_revoked(self, *question: object) -> bool:
        return False

    def check(self) -> Any:
        return self._check()


class AsyncStore(Store):
    async def check(self) -> Any:
        return self._check()


class BothColours(Store):
    async def check_async(self) -> Any:
        return self._check()


def raising(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


@pytest.fixture(params=["thread", "event loop"])
def state(request: pytest.FixtureRequest) -> Callable[[Authenticator], dict[str, str]]:
    """Both colours of `check`."""
    if request.param == "thread":
        return lambda authenticator: authenticator.check()
    return lambda authenticator: asyncio.run(authenticator.check_async())


@pytest.mark.parametrize("kind", [Store, AsyncStore, BothColours])
@pytest.mark.parametrize(
    ("check", "told"),
    [
        (lambda: None, "ok"),
        (raising(TemporarilyUnavailable("replica_lags_behind")), "replica_lags_behind"),
        (lambda: False, "tenant_store_answered_with_bool"),
    ],
)
def test_each_store_is_asked_how_it_is(
    kind: type[Store], check: Callable[[], object], told: str, state: Callable[[Authenticator], dict[str, str]]
) -> None:
    authenticator = Authenticator(settings(kind(check), revocations=kind(lambda: None)))
    assert state(authenticator) == {"tenants": told, "revocations": "ok"}
    authenticator.close()


def test_a_store_that_does_not_say_how_it_is_is_well(state: Callable[[Authenticator], dict[str, str]]) -> None:
    assert state(Authenticator(settings())) == {"tenants": "ok"}
    authenticator = Authenticator(settings(lambda issuer: None, revocations=Store(raising(LookupError()))))
    assert state(authenticator)["tenants"] == "ok"
    assert state(authenticator)["revocations"].startswith("revocation_store_failed_with_LookupError_at_")
    authenticator.close()


# Resolvers that are asked for each request


class Remembering:
    in_memory = True

    def resolve(self, issuer: str) -> Tenant | None:
        return tenant()


def look_up(issuer: str) -> Tenant | None:
    return tenant()


@pytest.mark.parametrize(("resolver", "name"), [(Store(lambda: None), "Store"), (look_up, "look_up")])
def test_a_resolver_without_a_cache_is_named_once(resolver: Any, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    authenticator = Authenticator(settings(resolver))
    for _ in range(2):
        authenticator.authenticate(token())
    [message] = caplog.messages
    assert message.startswith(f"{name} is asked for the tenant of each request: put CachedTenants(...) in front")


@pytest.mark.parametrize("tenants", [[tenant()], Remembering(), CachedTenants(look_up)])
def test_a_resolver_that_remembers_is_not_named(tenants: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Authenticator(settings(tenants)).authenticate(token())
    assert caplog.messages == []
