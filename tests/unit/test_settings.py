"""JWTSettings: everything wrong is told at once, with what to type instead."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, JWTSettings, Rule, StaticTenants
from jwt_middleware.errors import Problem
from jwt_middleware.paths import Demand

from .making import SECRET, tenant


def problems(tenants: Any = (), **options: Any) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings(tenants, **options)
    return list(caught.value.problems)


class Resolver:
    def resolve(self, issuer: str) -> None:
        return None


class Store:
    def is_revoked(self, *question: object) -> bool:
        return False


class Watcher:
    def observe(self, observation: object) -> None:
        return None


class WaitingWatcher:
    async def observe(self, observation: object) -> None:
        return None


def test_what_is_not_said_is_safe() -> None:
    usual = JWTSettings([tenant()])
    assert usual.algorithms == (
        *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    )
    assert (usual.expiry_leeway, usual.start_leeway, usual.max_lifetime) == (0, 60, 86_400)
    assert (usual.max_token_bytes, usual.token_types, usual.realm) == (8192, ("JWT", "at+jwt"), "api")
    assert (usual.public, usual.optional, usual.rules, usual.verify_path) == ((), (), (), "/v1/auth/verify")
    assert (usual.pass_preflight, usual.require_https, usual.websocket_subprotocol) == (True, False, False)
    assert (usual.required_claims, usual.validators, usual.revocations) == ((), (), None)
    assert usual.observers == ()
    assert (usual.error_uri, usual.render_error) == (None, None)
    assert (usual.store_timeout, usual.max_logged_refusals, usual.clock) == (0.25, 20, time.time)
    assert usual.path_policy.decide("/", "GET") == Demand("required")


def renderer(*args: Any) -> tuple[str, bytes]:
    return "text/plain", b""


def accepted() -> Iterator[tuple[str, Any, Any]]:
    store, watcher = Store(), Watcher()
    yield "algorithms", ["HS256"], ("HS256",)
    yield "required_claims", ["jti"], ("jti",)
    yield "expiry_leeway", 0.5, 0.5
    yield "start_leeway", 0, 0
    yield "max_lifetime", None, None
    yield "max_lifetime", 1, 1
    yield "max_token_bytes", 64, 64
    yield "token_types", iter(["JWT"]), ("JWT",)
    yield "token_types", [], ()
    yield "realm", "the API of Acme", "the API of Acme"
    yield "public", {"/docs"}, ("/docs",)
    yield "optional", ["/"], ("/",)
    yield "rules", (rule for rule in [Rule("/a")]), (Rule("/a"),)
    yield "verify_path", None, None
    yield "verify_path", "/whoami", "/whoami"
    yield "pass_preflight", False, False
    yield "require_https", True, True
    yield "error_uri", "https://docs.example/errors", "https://docs.example/errors"
    yield "error_uri", "http://localhost:8000/errors#x", "http://localhost:8000/errors#x"
    yield "render_error", renderer, renderer
    yield "validators", [print, len], (print, len)
    yield "store_timeout", 0.001, 0.001
    yield "websocket_subprotocol", True, True
    yield "max_logged_refusals", 0, 0
    yield "observers", [watcher], (watcher,)
    yield "observers", iter([watcher]), (watcher,)
    yield "clock", time.monotonic, time.monotonic
    yield "revocations", store, store


@pytest.mark.parametrize(("name", "value", "kept"), [pytest.param(*row, id=row[0]) for row in accepted()])
def test_a_setting_that_makes_sense_is_kept(name: str, value: Any, kept: Any) -> None:
    assert getattr(JWTSettings([tenant()], **{name: value}), name) == kept


async def waiting(issuer: str) -> None:
    return None


REFUSED: list[tuple[str, Any]] = [
    ("algorithms", "HS256"),
    ("algorithms", ["none"]),
    ("algorithms", ["hs256"]),
    ("algorithms", []),
    ("algorithms", [256]),
    ("algorithms", None),
    ("required_claims", "jti"),
    ("required_claims", [7]),
    ("required_claims", [""]),
    ("expiry_leeway", -1),
    ("expiry_leeway", "60"),
    ("expiry_leeway", True),
    ("expiry_leeway", None),
    ("expiry_leeway", float("nan")),
    ("expiry_leeway", float("inf")),
    ("start_leeway", -0.1),
    ("max_lifetime", 0),
    ("max_lifetime", float("nan")),
    ("max_lifetime", float("inf")),
    ("max_token_bytes", 63),
    ("max_token_bytes", "8k"),
    ("token_types", "JWT"),
    ("token_types", [None]),
    ("realm", ""),
    ("realm", 'a "quoted" realm'),
    ("realm", "two\nlines"),
    ("realm", "schön"),
    ("realm", None),
    ("public", "/docs"),
    ("public", ["docs"]),
    ("public", ["/docs?x"]),
    ("public", [Rule("/docs")]),
    ("optional", ["/a/../b"]),
    ("rules", "/docs"),
    ("rules", 7),
    ("verify_path", ""),
    ("verify_path", "verify"),
    ("verify_path", "/a//b"),
    ("verify_path", 7),
    ("pass_preflight", "yes"),
    ("pass_preflight", 1),
    ("require_https", "false"),
    ("error_uri", "docs.example/errors"),
    ("error_uri", "javascript:alert(1)"),
    ("error_uri", 7),
    ("render_error", "json"),
    ("validators", print),
    ("validators", ["x"]),
    ("validators", [waiting]),
    ("render_error", waiting),
    ("clock", waiting),
    ("store_timeout", 0),
    ("store_timeout", None),
    ("websocket_subprotocol", None),
    ("max_logged_refusals", -1),
    ("observers", Watcher()),
    ("observers", None),
    ("observers", "metrics"),
    ("observers", {"observe": print}),
    ("observers", [Watcher]),
    ("observers", [print]),
    ("observers", [None]),
    ("observers", [WaitingWatcher()]),
    ("clock", 1_800_000_000),
    ("revocations", Store),
    ("revocations", object()),
    ("revocations", {}),
]


@pytest.mark.parametrize(
    ("name", "value"), REFUSED, ids=[f"{name} {number}" for number, (name, _) in enumerate(REFUSED)]
)
def test_a_setting_that_makes_no_sense_is_refused_by_its_name_with_a_fix(name: str, value: Any) -> None:
    found = problems([tenant()], **{name: value})
    assert {problem.where for problem in found} == {name}
    assert all(problem.fix for problem in found)


@pytest.mark.parametrize("rule", ["/docs", {"path": "/docs"}, None])
def test_what_is_no_rule_is_refused_by_its_place(rule: Any) -> None:
    [problem] = problems([tenant()], rules=[Rule("/a"), rule])
    assert problem.where == "rules, number 2"
    assert problem.what == f"{type(rule).__name__} instead of Rule"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings(None, realm="", algorithms=["none"], public=["docs"], store_timeout=-1, audiences=[])  # type: ignore[arg-type]
    message = str(caught.value)
    assert [problem.where for problem in caught.value.problems] == [
        "audiences",
        "tenants",
        "algorithms",
        "realm",
        "store_timeout",
        "public",
    ]
    assert message.startswith("these settings cannot be used:\n")
    assert message.count("\n    -> ") == 6


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("algoritms", "algorithms"),
        ("expiry_leway", "expiry_leeway"),
        ("Public", "public"),
        ("max_life_time", "max_lifetime"),
        ("verify_url", "verify_path"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_known_one(name: str, near: str) -> None:
    [problem] = problems([tenant()], **{name: 1})
    assert (problem.where, problem.what, problem.fix) == (name, "there is no such setting", f"did you mean {near}?")


def test_an_unknown_name_that_is_near_none_is_told_where_they_are_listed() -> None:
    [problem] = problems([tenant()], xyzzy=1)
    assert problem.fix == "see docs/settings.md"


# Tenants


def function(issuer: str) -> None:
    return None


@pytest.mark.parametrize("tenants", [Resolver(), function, waiting, Resolver().resolve, StaticTenants([])])
def test_tenants_may_be_anything_that_can_be_asked(tenants: Any) -> None:
    assert JWTSettings(tenants).tenants is tenants


@pytest.mark.parametrize("given", [list, tuple, iter], ids=["list", "tuple", "generator"])
def test_a_sequence_of_tenants_becomes_static_tenants(given: Any) -> None:
    acme = tenant()
    kept = JWTSettings(given([acme])).tenants
    assert isinstance(kept, StaticTenants)
    assert kept.resolve("acme") is acme


def test_tenants_may_be_the_name_of_a_file_which_is_not_opened() -> None:
    assert JWTSettings("nowhere/tenants.toml").tenants == "nowhere/tenants.toml"


@pytest.mark.parametrize("url", ["", "tenants", "tenants.yaml", "mysql://host/db", "https://a.example/tenants.toml"])
def test_text_that_names_no_store_is_refused(url: str) -> None:
    [problem] = problems(url)
    assert problem.where == "tenants"
    assert problem.what.endswith("names no kind of store")


@pytest.mark.parametrize(
    "url", ["mysql://me:hunter2@host", "postgresql:/me:hunter2@host", "postgresql:me:hunter2@host"]
)
def test_a_store_that_is_mistyped_shows_no_password(url: str) -> None:
    [problem] = problems(url)
    assert problem.what == f"'{url.partition(':')[0]}://...' names no kind of store"


@pytest.mark.parametrize("thing", [None, 7, {"acme": tenant()}, Resolver, object(), tenant()])
def test_what_knows_no_tenants_is_refused(thing: Any) -> None:
    [problem] = problems(thing)
    assert problem.where == "tenants"
    assert (
        'pass [Tenant(...)], an object with resolve(issuer), a function of the issuer, or "tenants.toml"' in problem.fix
    )


def test_what_is_wrong_among_the_tenants_is_told_with_the_rest() -> None:
    places = [problem.where for problem in problems([tenant(), tenant()], realm="")]
    assert places == ["tenant 'acme'", "realm"]


def test_a_secret_in_place_of_a_tenant_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings([SECRET])  # type: ignore[list-item]
    assert "acme's own" not in str(caught.value)


# Frozen


@pytest.mark.parametrize("name", ["public", "tenants", "anything"])
def test_settings_are_frozen(name: str) -> None:
    settings = JWTSettings([tenant()], public=["/docs"])
    with pytest.raises(AttributeError, match=f"build a new one to change {name}"):
        setattr(settings, name, ["/"])
    with pytest.raises(AttributeError, match=f"{name} cannot be deleted"):
        delattr(settings, name)
    assert settings.public == ("/docs",)


def test_what_was_passed_may_change_without_changing_the_settings() -> None:
    public = ["/docs"]
    settings = JWTSettings([tenant()], public=public)
    public.append("/admin")
    assert settings.public == ("/docs",)
    assert settings.path_policy.decide("/admin", "GET").access == "required"


def test_repr_shows_no_secret() -> None:
    assert repr(JWTSettings([tenant()], algorithms=["HS256"])) == (
        "JWTSettings(StaticTenants(1 tenants), algorithms=['HS256'], realm='api')"
    )


def test_public_optional_and_rules_make_one_policy() -> None:
    settings = JWTSettings([], public=["/docs"], optional=["/"], rules=[Rule("/docs", scopes=["x"], methods=["POST"])])
    decide = settings.path_policy.decide
    assert [decide(path, "GET") for path in ("/docs", "/")] == [Demand("public"), Demand("optional")]
    assert decide("/docs", "POST") == Demand("required", ("x",))


def test_building_settings_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    JWTSettings([tenant()], public=["/docs"])
    assert caplog.records == []
