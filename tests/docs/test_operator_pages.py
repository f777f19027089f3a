"""What the pages for operators say: programs are run as they stand there, numbers and delays looked up or measured."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import re
import secrets
import threading
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import jwt
import pytest
import webtest
from flask import Flask
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.testclient import TestClient
from uvicorn import Config as UvicornConfig
from waitress.adjustments import Adjustments

from jwt_middleware import (
    Authenticator,
    CachedTenants,
    ConfigurationError,
    FileTenants,
    InvalidToken,
    JWTSettings,
    Key,
    Revoker,
    SQLTenants,
    TemporarilyUnavailable,
    Tenant,
    asgi,
    loading,
    plugins,
)
from jwt_middleware.errors import InvalidSignature
from jwt_middleware.revocation import copying
from jwt_middleware.revocation import redis as redis_revocations
from jwt_middleware.revocation.memory import MemoryRevocations
from jwt_middleware.socket_watch import MAX_UNCHECKED, TRY_AGAIN_LATER
from jwt_middleware.sql import connections, schema, time_limits
from jwt_middleware.tenants import cached, jwks
from jwt_middleware.tenants.changes import are_alike
from tests.docs.test_documents import ROOT, blocks
from tests.unit import making
from tests.unit.calling import ASGIDoor, Door, WSGIDoor, call_wsgi, environ_of, run_program

PAGES: Final = {
    name: (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("cors", "many-machines", "many-workers", "proxies", "readiness")
}
ORIGIN: Final = "https://shop.example"
NUMBERS: Final = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    text: str


def call(app: Any, method: str, path: str, **headers: str) -> Reply:
    """One request; underscores in the names of headers stand for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(app, Flask):
        got: Any = webtest.TestApp(app.wsgi_app).request(path, method=method, headers=sent, expect_errors=True)
        return Reply(got.status_int, {name.lower(): value for name, value in got.headers.items()}, got.text)
    with TestClient(app) as client:
        answer = client.request(method, path, headers=sent)
    return Reply(answer.status_code, answer.headers, answer.text)


def run(program: str, **names: Any) -> dict[str, Any]:
    """The names that a program of a page defines."""
    names["__name__"] = "program"
    exec(compile(program, "page", "exec"), names)  # noqa: S102 (our own page)
    return names


def with_line(page: str, *words: str) -> str:
    """The one line of a page that has all these words."""
    (line,) = [line for line in PAGES[page].splitlines() if all(word in line for word in words)]
    return line


def numbers_in(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in NUMBERS.findall(text)]


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    made = secrets.token_urlsafe(32)
    monkeypatch.setenv("ACME_SECRET", made)
    return made


def bearer(secret: str, *scopes: str, **claims: object) -> str:
    now = int(time.time())
    good = {"sub": "user_123", "iss": "acme", "aud": "shop", "iat": now, "exp": now + 600, "scope": [*scopes]}
    return f"Bearer {jwt.encode({**good, **claims}, secret, 'HS256')}"


def fails(*question: object) -> Any:
    raise ConnectionError


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)", PAGES[page]):
        assert (ROOT / "docs" / target).exists(), target


# docs/cors.md

STARLETTE, FLASK = blocks(PAGES["cors"], "python")
FASTAPI: Final = f"""
import os
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from jwt_middleware import JWTSettings, Key, Tenant
from jwt_middleware.fastapi import CurrentIdentity, Requires, protect

app = FastAPI()

@app.post("/v1/events", dependencies=[Requires("write")])
def events(me: CurrentIdentity): return {{"user": me.subject}}

{STARLETTE[STARLETTE.index("acme = ") :]}"""
CORS: Final = {"starlette": STARLETTE, "fastapi": FASTAPI, "flask": FLASK}


@pytest.fixture(params=CORS)
def cors_app(request: pytest.FixtureRequest, secret: str) -> Any:
    return run(CORS[request.param])["app"]


def preflight(app: Any, **more: str) -> Reply:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    return call(app, "OPTIONS", "/v1/events", Origin=ORIGIN, **{**asked, **more})


def test_a_preflight_passes_and_allows_the_token(cors_app: Any) -> None:
    got = preflight(cors_app)
    assert got.status == 200
    assert got.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in got.headers["access-control-allow-headers"].lower()
    assert "POST" in got.headers["access-control-allow-methods"]


def exposed(got: Reply) -> set[str]:
    assert got.headers["access-control-allow-origin"] == ORIGIN
    return set(got.headers["access-control-expose-headers"].split(", "))


def test_scripts_can_read_answers_and_what_is_wrong(cors_app: Any, secret: str) -> None:
    good = call(cors_app, "POST", "/v1/events", Origin=ORIGIN, Authorization=bearer(secret, "write"))
    anonymous = call(cors_app, "POST", "/v1/events", Origin=ORIGIN)
    lacking = call(cors_app, "POST", "/v1/events", Origin=ORIGIN, Authorization=bearer(secret, "read"))
    assert [got.status for got in (good, anonymous, lacking)] == [200, 401, 403]
    assert "user_123" in good.text
    for got in (good, anonymous, lacking):
        assert exposed(got) == {"WWW-Authenticate", "Retry-After"}
    assert "www-authenticate" in anonymous.headers
    assert "www-authenticate" in lacking.headers


@pytest.mark.parametrize("program", CORS.values(), ids=CORS)
def test_scripts_can_read_when_to_ask_again(program: str, secret: str) -> None:
    app = run(program.replace("JWTSettings([acme]", "JWTSettings(fails"), fails=fails)["app"]
    got = call(app, "POST", "/v1/events", Origin=ORIGIN, Authorization=bearer(secret))
    assert (got.status, got.headers["retry-after"]) == (503, "1")
    assert exposed(got) == {"WWW-Authenticate", "Retry-After"}


def test_an_options_request_that_is_no_preflight_needs_a_token(cors_app: Any) -> None:
    assert call(cors_app, "OPTIONS", "/v1/events", Origin=ORIGIN).status == 401


def wrong_way_round(program: str) -> str:
    line: str
    (line,) = re.findall("^protect.*\n", program, re.MULTILINE)
    return program.replace(line, "") + line


@pytest.mark.parametrize("framework", ["starlette", "fastapi"])
def test_the_wrong_order_is_warned_about_and_preflights_still_pass(
    framework: str, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = run(wrong_way_round(CORS[framework]))["app"]
    assert preflight(app).headers["access-control-allow-origin"] == ORIGIN
    refused = call(app, "POST", "/v1/events", Origin=ORIGIN)
    assert (refused.status, "access-control-allow-origin" in refused.headers) == (401, False)
    warnings = {record.message for record in caplog.records if record.levelno == logging.WARNING}
    assert any("CORSMiddleware is inside the JWT middleware" in message for message in warnings)


def test_in_flask_the_order_does_not_matter(secret: str, caplog: pytest.LogCaptureFixture) -> None:
    app = run(wrong_way_round(FLASK))["app"]
    assert preflight(app).headers["access-control-allow-origin"] == ORIGIN
    assert exposed(call(app, "POST", "/v1/events", Origin=ORIGIN)) == {"WWW-Authenticate", "Retry-After"}
    assert "CORS" not in caplog.text


def test_cors_may_stand_around_the_bare_door(caplog: pytest.LogCaptureFixture) -> None:
    settings = making.settings()
    outside = CORSMiddleware(asgi.JWTMiddleware(Starlette(), settings), allow_origins=[ORIGIN])
    assert call(outside, "GET", "/", Origin=ORIGIN).headers["access-control-allow-origin"] == ORIGIN
    inside = asgi.JWTMiddleware(CORSMiddleware(Starlette(), [ORIGIN], ["POST"], ["Authorization"]), settings)
    assert preflight(inside).status == 200
    assert "CORSMiddleware" not in caplog.text


@pytest.mark.parametrize("program", [wrong_way_round(STARLETTE), FLASK], ids=["starlette", "flask"])
def test_preflights_can_be_refused(program: str, secret: str) -> None:
    assert preflight(run(program.replace("[acme])", "[acme], pass_preflight=False)"))["app"]).status == 401


DJANGO = """
import sys
from django.conf import settings
from django.http import JsonResponse
from django.urls import path

page = {}
exec(sys.argv[1], page)
settings.configure(
    **{name: value for name, value in page.items() if name.isupper()},
    JWT_MIDDLEWARE={"tenants": sys.argv[2]}, ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["corsheaders"],
)
urlpatterns = [path("v1/events", lambda request: JsonResponse({}))]

import django
django.setup()
from django.test import Client
asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
origin = {"Origin": "https://shop.example"}
for got in (
    Client().options("/v1/events", headers={**origin, **asked}),
    Client().get("/v1/events", headers=origin),
):
    print(got.status_code, got["Access-Control-Allow-Origin"], got.get("Access-Control-Expose-Headers"))
    print("authorization" in got.get("Access-Control-Allow-Headers", ""))
"""


def test_the_settings_for_django_do_the_same(tmp_path: Path, secret: str) -> None:
    tenants = tmp_path / "tenants.toml"
    tenants.write_text('[[tenants]]\nid = "acme"\napplications = ["shop"]\nkeys = [{ secret_env = "ACME_SECRET" }]\n')
    (page,) = blocks(PAGES["cors"], "py")
    done = run_program(DJANGO, page, str(tenants))
    exposed = "WWW-Authenticate, Retry-After"
    assert done.stdout.splitlines() == [f"200 {ORIGIN} {exposed}", "True", f"401 {ORIGIN} {exposed}", "False"], (
        done.stderr
    )


# docs/readiness.md

READY = dict(zip(("fastapi", "flask"), blocks(PAGES["readiness"], "python"), strict=True))
PROBES = re.findall(r"path: (/\w+)", PAGES["readiness"])


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database with the tables, in the environment."""
    url = f"sqlite:///{tmp_path / 'tenants.db'}"
    schema.upgrade(url)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("JWT_MIDDLEWARE_STORE_KEY", secrets.token_urlsafe(32))
    return url


@pytest.mark.parametrize("framework", READY)
def test_the_probes_tell_life_from_readiness(framework: str, database: str) -> None:
    names = run(READY[framework])
    app, stores = names["app"], names["settings"]
    assert [call(app, "GET", path).status for path in PROBES] == [200] * len(PROBES)
    assert json.loads(call(app, "GET", "/readyz").text) == {"tenants": "ok", "revocations": "ok"}
    with stores.tenants.resolver._connections.writing() as connection:
        connection.exec_driver_sql("DROP TABLE jwt_middleware_revocations")
    assert call(app, "GET", "/healthz").status == 200
    broken = call(app, "GET", "/readyz")
    assert broken.status == 503
    reason = "revocation_store_failed_with_OperationalError"
    assert json.loads(broken.text) == {"tenants": "ok", "revocations": reason}
    assert call(app, "GET", "/v1/events").status == 401
    names["authenticator"].close()


def test_every_probe_is_a_public_path() -> None:
    assert set(PROBES) == {"/healthz", "/readyz"}
    for program in READY.values():
        assert f"public={sorted(set(PROBES))}".replace("'", '"') in program


class Store:
    """A resolver and revocation store that counts what it is asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.checked = 0

    def resolve(self, issuer: str) -> Tenant | None:
        raise AssertionError("a probe looks nobody up")

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        raise AssertionError("a probe looks nobody up")

    def check(self) -> None:
        self.checked += 1
        if self.error is not None:
            raise self.error


def test_a_check_asks_each_store_by_its_own_check_and_never_raises() -> None:
    good, down = Store(), Store(TemporarilyUnavailable("revocation_store_timed_out"))
    authenticator = Authenticator(JWTSettings(CachedTenants(good), revocations=down))
    assert repr(authenticator.check()) == blocks(PAGES["readiness"], "text")[0].strip()
    assert (good.checked, down.checked) == (1, 1)
    broken = Authenticator(JWTSettings(Store(RuntimeError("a password"))))
    assert broken.check()["tenants"].startswith("tenant_store_failed_with_RuntimeError")
    assert "password" not in broken.check()["tenants"]


class AsyncStore:
    async def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        raise AssertionError("a probe looks nobody up")

    async def check(self) -> None:
        raise TemporarilyUnavailable("revocation_store_timed_out")


def test_a_check_may_be_async() -> None:
    authenticator = Authenticator(JWTSettings([making.tenant()], revocations=AsyncStore()))
    told = {"tenants": "ok", "revocations": "revocation_store_timed_out"}
    assert authenticator.check() == told
    assert asyncio.run(authenticator.check_async()) == told


def test_stores_without_a_check_are_ok(tmp_path: Path, secret: str) -> None:
    assert Authenticator(JWTSettings(fails)).check() == {"tenants": "ok"}
    memory = Authenticator(JWTSettings([making.tenant()], revocations="memory:"))
    assert memory.check() == {"tenants": "ok", "revocations": "ok"}


def test_a_check_takes_no_longer_than_the_probe_waits() -> None:
    (seconds,) = re.findall(r"timeoutSeconds: (\d+)", PAGES["readiness"])
    assert int(seconds) > 2 * making.settings().store_timeout
    assert numbers_in(with_line("readiness", "`store_timeout` seconds"))[0] == making.settings().store_timeout
    assert numbers_in(with_line("readiness", "`failureThreshold` of more than"))[0] == 60


# docs/proxies.md


@pytest.fixture(params=[WSGIDoor, ASGIDoor])
def door(request: pytest.FixtureRequest) -> Door:
    made: Door = request.param(making.settings(public=["/healthz"], optional=["/maybe"]))
    return made


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Authorization", "Proxy-Authorization", "Redirect-Http-Authorization", "X-Authorization"]
)
def test_a_token_under_another_name_did_not_arrive(door: Door, name: str) -> None:
    got = door.get(headers=[(name, f"Bearer {making.token()}")])
    assert (got.status, got.members["error_description"]) == (401, "No bearer token arrived with the request")
    assert got.members["error_description"] in PAGES["proxies"]


def test_apache_s_variable_after_a_rewrite_is_not_read() -> None:
    wsgi = WSGIDoor(making.settings())
    environ = environ_of() | {"REDIRECT_HTTP_AUTHORIZATION": f"Bearer {making.token()}"}
    assert call_wsgi(wsgi.layer, environ).status == 401


def test_two_tokens_are_refused_where_the_server_shows_both() -> None:
    twice = [("Authorization", f"Bearer {making.token()}")] * 2
    assert ASGIDoor(making.settings()).get(headers=twice).status == 401
    joined = [("Authorization", ", ".join(value for _, value in twice))]
    assert WSGIDoor(making.settings()).get(headers=joined).status == 401


def test_the_limits_and_defaults_of_servers_are_theirs() -> None:
    gunicorn: Any = importlib.import_module("gunicorn.config").Config()  # untyped
    assert numbers_in(with_line("proxies", "--limit-request-field_size"))[0] == gunicorn.limit_request_field_size
    assert set(gunicorn.forwarded_allow_ips) == {"127.0.0.1", "::1"}
    assert UvicornConfig(app="").forwarded_allow_ips == "127.0.0.1,::1"
    for server in ("gunicorn", "uvicorn"):
        assert "127.0.0.1 and ::1 by default" in with_line("proxies", f"| {server} | `--forwarded")
    assert Adjustments.trusted_proxy is None
    assert making.settings().max_token_bytes == numbers_in(with_line("proxies", "A token may have"))[0]


(BEHIND_PROXY,) = blocks(PAGES["proxies"], "python")


def test_proxy_fix_goes_after_protect(secret: str) -> None:
    app = run(BEHIND_PROXY)["app"]
    good = bearer(secret)
    assert call(app, "GET", "/me", Authorization=good, X_Forwarded_Proto="https").status == 200
    assert call(app, "GET", "/me", Authorization=good, X_Forwarded_Proto="http").status == 401
    assert call(app, "GET", "/me", Authorization=good).status == 401


def test_proxy_fix_before_protect_fails_closed(secret: str) -> None:
    (line,) = re.findall("^app.wsgi_app = .*\n", BEHIND_PROXY, re.MULTILINE)
    app = run(BEHIND_PROXY.replace(line, "").replace("protect(app", f"{line}protect(app"))["app"]
    assert call(app, "GET", "/me", Authorization=bearer(secret), X_Forwarded_Proto="https").status == 401


def test_a_prefix_that_the_proxy_strips_is_not_part_of_the_path(secret: str) -> None:
    app = run(BEHIND_PROXY)["app"]
    assert call(app, "GET", "/healthz", X_Forwarded_Prefix="/api").status == 200
    assert call(app, "GET", "/me", X_Forwarded_Prefix="/healthz").status == 401


def test_a_prefix_that_stays_in_script_name_or_root_path_is_not_part_of_the_path() -> None:
    settings = making.settings(public=["/healthz"])
    mounted = {**environ_of("/healthz"), "SCRIPT_NAME": "/api"}
    assert call_wsgi(WSGIDoor(settings).layer, mounted).status == 200
    with TestClient(asgi.JWTMiddleware(Starlette(), settings), root_path="/api") as client:
        assert client.get("/api/healthz").status_code == 404
        assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("path", ["/healthz/../v1/me", "/healthz/./x", "//healthz", "/healthz\\x", "/healthz%252f"])
def test_a_path_that_can_be_read_in_two_ways_is_not_public(path: str) -> None:
    settings = making.settings(public=["/healthz", "/healthz/*"])
    for each in (WSGIDoor(settings), ASGIDoor(settings)):
        assert each.get(path).status == 401


@pytest.mark.parametrize("path", ["/healthz", "/maybe"])
def test_identity_comes_from_no_header_and_remote_user_is_replaced(path: str) -> None:
    wsgi = WSGIDoor(making.settings(public=["/healthz"], optional=["/maybe"]))
    headers = [("X-Auth-Subject", "mallory"), ("X-Remote-User", "mallory")]
    environ = environ_of(path, headers=headers) | {"REMOTE_USER": "mallory", "AUTH_TYPE": "Basic"}
    assert call_wsgi(wsgi.layer, environ).status == 200
    (seen,) = wsgi.seen
    assert seen["jwt_middleware.identity"] is None
    assert {"REMOTE_USER", "AUTH_TYPE"}.isdisjoint(seen)


def test_no_cache_may_keep_what_the_middleware_answers(door: Door) -> None:
    for got in (door.get(), door.get("/v1/auth/verify", making.token())):
        assert got.header("cache-control") == "no-store"


# docs/many-workers.md


def number_of_row(words: str, page: str = "many-workers") -> list[float]:
    return numbers_in(with_line(page, words))


def test_what_a_process_keeps_is_bounded_as_the_page_says() -> None:
    settings, tenants = making.settings(), CachedTenants(fails)
    limits = jwks.Limits()
    assert number_of_row("remembered by `CachedTenants`")[:2] == [tenants._max_tenants, cached.MAX_UNKNOWN_ISSUERS]
    assert number_of_row("remembered by `CachedTenants`")[-1] == tenants._ttl
    assert number_of_row("| verified tokens")[0] == settings.max_verified_tokens
    assert number_of_row("| key sets by URL") == [
        limits.max_bytes / 1024,
        limits.min_age,
        limits.max_age,
        limits.default_age,
        limits.cool_down,
    ]
    interval = inspect.signature(FileTenants).parameters["check_interval"].default
    assert (interval, number_of_row("| tenants in a file")) == (1, [2 * interval])
    assert number_of_row("| refusals logged") == [settings.max_logged_refusals]


def test_the_delays_on_the_pages_are_the_defaults() -> None:
    tenants, limits = CachedTenants(fails), jwks.Limits()
    assert number_of_row("| suspend a tenant") == [tenants._ttl]
    assert number_of_row("| do so while the others") == [tenants._ttl + tenants._stale_if_error]
    assert number_of_row("| add a tenant that somebody asked for before") == [tenants._negative_ttl]
    assert number_of_row("a new `kid` at once") == [limits.cool_down]
    assert number_of_row("| PostgreSQL, for tenants", "many-machines")[0] == tenants._stale_if_error
    assert limits.last_good == 3600
    assert "the last good one for an hour" in with_line("many-machines", "| the key set of a tenant")
    assert numbers_in(PAGES["many-machines"].partition("An open WebSocket")[2])[:2] == [MAX_UNCHECKED, TRY_AGAIN_LATER]
    assert copying.LOOKED_AFTER_EVERY == 1.0
    start_leeway = making.settings().start_leeway
    assert number_of_row("`iat` and `nbf` may be", "many-machines")[-1] == start_leeway
    assert f"time.time() + {start_leeway}" in PAGES["many-machines"]


def test_connections_are_bounded_as_the_page_says() -> None:
    lookers, writers = connections.MAX_CONNECTIONS, connections.MAX_WRITERS
    assert number_of_row("| tenants in PostgreSQL or SQLite |") == [lookers, writers]
    assert number_of_row("| revocations in Redis |") == [redis_revocations.MAX_CONNECTIONS] * 2
    assert f"x ({lookers} + {writers}) x" in PAGES["many-workers"]
    (example,) = re.findall(r"([\dx ]+) = (\d+), and", PAGES["many-workers"])
    machines, workers, each, stores = numbers_in(example[0])
    assert (each, machines * workers * each * stores) == (lookers + writers, int(example[1]))
    assert f"up to {time_limits.MAX_OPENING} more of a store" in PAGES["many-workers"]
    assert (
        f"at most {plugins.MAX_THREADS} threads of its own; from {plugins.MAX_WAITING} calls" in PAGES["many-workers"]
    )


def test_stores_that_share_an_engine_have_its_connections_and_no_more(database: str) -> None:
    names = run(*blocks(PAGES["many-workers"], "python"))
    engine, settings = names["engine"], names["settings"]
    opened: list[object] = []
    engine.dispose()
    event.listen(engine, "connect", lambda connection, record: opened.append(connection))
    authenticator = Authenticator(settings)
    settings.tenants.resolver.add_tenant(making.tenant())
    settings.tenants.resolver.close()
    threads = [threading.Thread(target=authenticator.check) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = int(time.time())
    good = making.token(iat=now, exp=now + 60)
    assert authenticator.authenticate(good).subject == "user_123"
    assert 1 <= len(opened) <= engine.pool.size() == 2
    engine.dispose()


def bytes_for(build: Callable[[int], object], count: int = 2_000) -> float:
    """Memory that each of so many needs."""
    build(0)
    tracemalloc.start()
    kept = [build(number) for number in range(1, count + 1)]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used / len(kept)


def test_a_tenant_in_the_cache_takes_about_as_much_as_the_page_says() -> None:
    tenants = CachedTenants(lambda issuer: Tenant(issuer, keys=[Key.secret(issuer * 8)], applications=["shop"]))
    authenticator = Authenticator(JWTSettings(tenants))
    now = int(time.time())
    names = [f"tenant-{number}" for number in range(2_001)]
    tokens = [making.token(name.encode() * 8, iss=name, iat=now, exp=now + 600) for name in names]
    measured = bytes_for(lambda number: authenticator.authenticate(tokens[number]).subject)
    said = float(re.findall(r"about ([\d.]+) kB for a tenant", PAGES["many-workers"])[0])
    assert said / 2 < measured / 1000 < said * 2


def test_a_revoked_token_in_memory_takes_about_as_much_as_the_page_says() -> None:
    store = MemoryRevocations()
    measured = bytes_for(lambda number: store.revoke_token("acme", str(number), until=time.time() + 600), 20_000)
    assert number_of_row("| `MemoryRevocations`")[0] / 2 < measured < number_of_row("| `MemoryRevocations`")[0] * 2


class Moments:
    """Two processes with one database, seen from here: a cache for each, on a clock that a test turns."""

    def __init__(self, url: str) -> None:
        self.now = 0.0
        self.is_down = False
        self.database = SQLTenants(url)
        self.here = CachedTenants(self.database, clock=lambda: self.now)
        self.there = CachedTenants(self._elsewhere, clock=lambda: self.now)

    def _elsewhere(self, issuer: str) -> Tenant | None:
        if self.is_down:
            raise ConnectionError
        return self.database.resolve(issuer)


@pytest.fixture
def moments(database: str) -> Moments:
    made = Moments(database)
    made.database.add_tenant(making.tenant())
    return made


def active(tenants: CachedTenants) -> bool:
    found = tenants.resolve("acme")
    assert found is not None
    return found.active


def test_a_change_is_seen_at_once_where_it_was_made_and_elsewhere_within_the_ttl(moments: Moments) -> None:
    assert (active(moments.here), active(moments.there)) == (True, True)
    moments.database.suspend("acme")
    assert (active(moments.here), active(moments.there)) == (False, True)
    moments.now = 30
    assert active(moments.there) is False


def test_a_change_is_seen_within_ttl_and_stale_if_error_while_the_database_is_down(moments: Moments) -> None:
    assert active(moments.there) is True
    moments.database.suspend("acme")
    moments.is_down = True
    moments.now = 89
    assert active(moments.there) is True
    moments.now = 90
    with pytest.raises(TemporarilyUnavailable):
        moments.there.resolve("acme")


def test_a_tenant_that_somebody_asked_for_before_is_seen_within_the_negative_ttl(moments: Moments) -> None:
    assert (moments.here.resolve("globex"), moments.there.resolve("globex")) == (None, None)
    moments.database.add_tenant(Tenant("globex", keys=[Key.secret(making.OTHER_SECRET)], applications=["shop"]))
    assert moments.here.resolve("globex") is not None
    assert moments.there.resolve("globex") is None
    moments.now = 5
    assert moments.there.resolve("globex") is not None


def test_a_new_secret_works_everywhere_after_the_ttl_and_the_old_one_all_along(moments: Moments) -> None:
    here, there = (Authenticator(making.settings(tenants)) for tenants in (moments.here, moments.there))
    old = making.token()
    assert there.authenticate(old).subject == "user_123"
    secret = moments.database.rotate_secret("acme", grace=3600, now=making.NOW)
    new = making.token(secret.encode())
    assert here.authenticate(new).subject == "user_123"
    with pytest.raises(InvalidSignature):
        there.authenticate(new)
    moments.now = 30
    for token in (old, new):
        assert there.authenticate(token).subject == "user_123"


def test_revocations_in_a_database_take_effect_on_the_next_request_and_those_in_memory_do_not(database: str) -> None:
    stores = [loading.open_revocations(database, clock=making.Clock()) for _ in range(2)]
    memories = [MemoryRevocations(clock=making.Clock()) for _ in range(2)]
    for (mine, other), reaches in ((stores, True), (memories, False)):
        settings = making.settings(revocations=other)
        authenticator = Authenticator(settings)
        identity = authenticator.authenticate(making.token())
        Revoker(settings, mine).revoke_token("acme", identity)
        assert is_refused(authenticator, making.token()) is reaches
        getattr(mine, "close", lambda: None)()
        authenticator.close()


def is_refused(authenticator: Authenticator, token: str) -> bool:
    try:
        authenticator.authenticate(token)
    except InvalidToken:
        return True
    return False


# docs/many-machines.md


def test_the_environment_on_the_page_makes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    (commands,) = blocks(PAGES["many-machines"], "sh")
    for name, value in re.findall("^export (\\w+)='(.*)'$", commands, re.MULTILINE):
        monkeypatch.setenv(name, value)
    settings = JWTSettings.from_env()
    assert str(settings.tenants).startswith("postgresql+psycopg://")
    assert [url.partition(":")[0] for url in str(settings.revocations).split()] == ["postgresql+psycopg", "redis"]


def gone(*question: object) -> Any:
    raise ConnectionError


@pytest.mark.parametrize("broken", ["tenants", "revocations"])
def test_with_a_store_down_tokens_get_503_and_public_paths_are_served(broken: str) -> None:
    class Revocations:
        is_revoked = staticmethod(gone)

    more: dict[str, Any] = {"public": ["/healthz"], "optional": ["/maybe"]}
    tenants = gone if broken == "tenants" else None
    settings = making.settings(tenants, revocations=Revocations() if broken == "revocations" else None, **more)
    for door in (WSGIDoor(settings), ASGIDoor(settings)):
        got = door.get("/", making.token())
        assert (got.status, got.header("retry-after")) == (503, "1")
        assert [door.get(path).status for path in ("/healthz", "/maybe", "/")] == [200, 200, 401]


def test_a_cut_off_with_the_leeway_reaches_tokens_of_clocks_that_run_ahead() -> None:
    store = MemoryRevocations()
    settings = JWTSettings([making.tenant()], revocations=store)
    authenticator, revoker = Authenticator(settings), Revoker(settings, store)
    now = int(time.time())
    ahead = making.token(iat=now + 50, exp=now + 600)
    revoker.revoke_subject("acme", "user_123")
    assert not is_refused(authenticator, ahead)
    clocks, _ = blocks(PAGES["many-machines"], "python")
    run(clocks)["revoke_everything_of"](revoker, "acme", "user_123")
    assert is_refused(authenticator, ahead)


def test_the_code_runs_on_the_newest_tables_and_the_ones_before_and_on_no_newer_ones(tmp_path: Path) -> None:
    before, newest = schema.SUPPORTED
    key = secrets.token_urlsafe(32)
    url = f"sqlite:///{tmp_path / 'tenants.db'}"
    for revision in (before, newest):
        assert schema.upgrade(url, revision=revision) == revision
        SQLTenants(url, store_key=key).close()
    running = SQLTenants(url, store_key=key)
    running.add_tenant(making.tenant())
    with running._connections.writing() as connection:
        connection.exec_driver_sql("UPDATE jwt_middleware_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="which this version does not know"):
        SQLTenants(url, store_key=key)
    assert running.resolve("acme") is not None
    running.close()


def known_to(tenants: SQLTenants) -> Tenant:
    found = tenants.resolve("acme")
    assert found is not None
    return found


def test_a_new_store_key_comes_in_step_by_step_and_everybody_can_read_all_along(database: str) -> None:
    old, new = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    first = SQLTenants(database, store_key=old)
    first.add_tenant(making.tenant())
    second = SQLTenants(database, store_key=f"{old},{new}")
    second.rotate_secret("acme", grace=3600)
    third = SQLTenants(database, store_key=f"{new},{old}")
    assert are_alike(known_to(first), known_to(third))
    assert are_alike(known_to(second), known_to(third))
    third.rotate_secret("acme", grace=3600)
    assert are_alike(known_to(second), known_to(third))
    _, rotation = blocks(PAGES["many-machines"], "python")
    run(rotation)["new_store_key"](database, old, new)
    last = SQLTenants(database, store_key=new)
    assert are_alike(known_to(last), known_to(second))
    with pytest.raises(ConfigurationError, match="not the key that this database was made with"):
        SQLTenants(database, store_key=old)
    for store in (first, second, third, last):
        store.close()
