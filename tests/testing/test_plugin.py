"""The pytest plug-in, in a project of somebody else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.testing import project
from tests.unit.test_house import NOT_CORE, in_new_interpreter

pytest_plugins = ["pytester"]

APP = """
from jwt_middleware import JWTSettings, Rule
from jwt_middleware.testing import Unavailable
from jwt_middleware.wsgi import JWTMiddleware
import webtest

def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_USER"].encode()]

app = JWTMiddleware(hello, JWTSettings(Unavailable(), rules=[Rule("/write", scopes=["write"])]))
client = webtest.TestApp(app)

def status(path="/", **options):
    return client.get(path, expect_errors=True, **options).status_int
"""

FIXTURES = """
import time
from app import app, client, status

def test_nothing_is_used_that_was_not_asked_for(request):
    assert [name for name in request.fixturenames if "jwt" in name] == []
    assert status() == 401

def test_signed_in(jwt_signed_in):
    jwt_signed_in(app, tenant="globex", subject="user_7", scopes=["read"])
    assert client.get("/").text == "globex/user_7"
    assert status("/write") == 403
    jwt_signed_in(app, subject="user_8")
    assert client.get("/").text == "acme/user_8"

def test_signed_in_ends():
    assert status() == 401

def test_signed_in_and_failing(jwt_signed_in):
    jwt_signed_in(app)
    assert status() == 401

def test_signed_in_ends_after_a_failure_too():
    assert status() == 401

def test_override(jwt_override, jwt_tenant, jwt_auth_headers):
    assert status(headers=jwt_auth_headers()) == 503
    jwt_override(app, tenants=[jwt_tenant])
    assert client.get("/write", headers=jwt_auth_headers(sub="user_9")).text == "acme/user_9"

def test_override_ends(jwt_auth_headers):
    assert status(headers=jwt_auth_headers()) == 503

def test_override_with_whole_settings(jwt_override, jwt_tenant, jwt_tokens, jwt_clock):
    from jwt_middleware import JWTSettings
    jwt_override(app, JWTSettings([jwt_tenant], clock=jwt_clock))
    token = jwt_tokens.make_token()
    assert status("/write", headers=jwt_tokens.auth_headers(token)) == 200
    jwt_clock.turn(3600)
    assert status("/write", headers=jwt_tokens.auth_headers(token)) == 401
    assert status("/write", headers=jwt_tokens.auth_headers()) == 200

def test_the_clock_starts_now(jwt_clock):
    assert 0 <= time.time() - jwt_clock() < 60
"""


def test_its_fixtures_work_where_the_distribution_is_installed_and_end_with_the_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(app=APP, test_api=FIXTURES)
    result = project.run(pytester, monkeypatch)
    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["FAILED test_api.py::test_signed_in_and_failing*"])


def test_the_distribution_declares_it() -> None:
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["entry-points"]["pytest11"] == project.ENTRY_POINT


def test_loading_it_loads_no_framework_and_no_store_driver() -> None:
    loaded = in_new_interpreter("import sys, jwt_middleware.testing.plugin; print(*sys.modules)").split()
    assert "jwt_middleware.testing.plugin" in loaded
    assert NOT_CORE.intersection(loaded) == set()


def test_what_is_there_without_pytest_does_not_load_it() -> None:
    loaded = in_new_interpreter("import sys, jwt_middleware.testing; print(*sys.modules)").split()
    assert "jwt_middleware.testing.tokens" in loaded
    assert {"pytest", "_pytest", "jwt", "cryptography"}.intersection(loaded) == set()
