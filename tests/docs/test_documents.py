"""What README.md and docs/ show is run as it stands there."""

from __future__ import annotations

import json
import re
import secrets
import time
import tomllib
from pathlib import Path
from typing import Any

import jwt
import pytest
import webtest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.testclient import TestClient

from jwt_middleware import Application, Authenticator, FileTenants, JWTSettings, Key, Tenant, loading
from jwt_middleware.wsgi import JWTMiddleware

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
COMMANDS = [
    "python3 -m venv .venv && .venv/bin/pip install -e '.[demo]' && .venv/bin/jwt-middleware demo",
    "python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox",
]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def token(secret: str, now: float, **claims: object) -> str:
    good = {"sub": "user_123", "iss": "acme", "aud": "shop", "iat": int(now), "exp": int(now) + 3600}
    return jwt.encode({**good, "scope": ["read", "write"], **claims}, secret, "HS256")


def post_event(app: Any, bearer: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {bearer}"}
    if isinstance(app, FastAPI | Starlette):
        answer = TestClient(app).post("/v1/events", headers=headers)
        return answer.status_code, answer.text
    wsgi = webtest.TestApp(app.wsgi_app if isinstance(app, Flask) else app)
    response = wsgi.post("/v1/events", headers=headers, expect_errors=True)
    return response.status_int, response.text


def test_the_readme_opens_with_one_sentence_a_program_and_the_two_commands() -> None:
    opening, program = README.split("```python", 1)
    assert opening.count(". ") == 0
    assert len(blocks(README, "python")[0].splitlines()) <= 12
    assert [block.strip() for block in blocks("```python" + program, "sh")] == COMMANDS


@pytest.mark.parametrize("number", range(4))
def test_every_program_of_the_readme_lets_a_good_token_in_and_no_other(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secrets.token_urlsafe(32)
    monkeypatch.setenv("ACME_SECRET", secret)
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(blocks(README, "python")[number], "README.md", "exec"), names)  # noqa: S102
    status, body = post_event(names["app"], token(secret, time.time()))
    assert status == 200
    assert "user_123" in body
    assert "acme" in body
    assert post_event(names["app"], token(secrets.token_urlsafe(32), time.time()))[0] == 401
    assert post_event(names["app"], token(secret, time.time(), scope=["read"]))[0] == 403


def test_no_program_of_the_readme_is_left_out() -> None:
    assert len(blocks(README, "python")) == 4


def test_the_two_bodies_are_real_answers() -> None:
    good, bad = (json.loads(block) for block in blocks(README, "json"))
    secret = secrets.token_urlsafe(32)
    acme = Tenant("acme", keys=[Key.secret(secret)], applications=["shop"])
    now = good["iat"] + 1
    app = webtest.TestApp(JWTMiddleware(lambda _, __: [], JWTSettings([acme], clock=lambda: now)))
    headers = {"Authorization": f"Bearer {token(secret, good['iat'])}"}
    assert app.get("/v1/auth/verify", headers=headers).json == good
    late = {"Authorization": f"Bearer {token(secret, now - 7200)}"}
    assert app.get("/anything", headers=late, status=401).json == bad


def test_the_tenants_file_of_the_readme_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", secrets.token_urlsafe(32))
    file = tmp_path / "tenants.toml"
    file.write_text(blocks(README, "toml")[0])
    acme = FileTenants(file).resolve("acme")
    assert acme is not None
    assert acme.applications == (Application("shop"), Application("reports", scopes=["read"]))


def test_the_settings_file_of_the_documentation_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", secrets.token_urlsafe(32))
    file = tmp_path / "settings.toml"
    file.write_text(blocks(SETTINGS, "toml")[0])
    settings = JWTSettings.from_toml(file)
    document = tomllib.loads(file.read_text())
    assert list(settings.public) == document["public"]
    assert settings.max_lifetime == document["max_lifetime"]
    assert settings.rules[0].scopes == ("write",)
    Authenticator(settings).close()


def test_every_setting_is_documented_with_its_variable() -> None:
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\|", SETTINGS, re.MULTILINE)}
    variables = {name: variable for variable, name in loading.ENVIRONMENT_NAMES.items()}
    assert rows == {name: variables.get(name, "") for name in loading.SETTING_NAMES}


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
