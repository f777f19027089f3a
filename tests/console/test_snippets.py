"""The lines to paste are pasted: what they make is a token that the API accepts."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import Application, Authenticator, Identity, Key, Rule
from jwt_middleware.console import Console

from ..interop.test_jsonwebtoken import install_or_skip
from .visiting import OLD, ORIGIN, Visitor, World, acme, closing, secret_on

HOSTILE = "\"'`${x}\\u0022\\<script>\u202e\U0001f600\u00e9"
TENANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "usual": ({}, {}),
    "particular": (
        {
            "issuers": [HOSTILE],
            "keys": [Key.secret(OLD * 2, kid="2026", algorithm="HS512")],
            "applications": [Application("asleep", active=False), Application(HOSTILE, scopes=["export", "\"'\\"])],
            "audience_claim": "client id",
            "scope_claim": "scp",
            "token_types": ["at+jwt"],
            "max_lifetime": 600,
        },
        {
            "required_claims": ["nbf", "jti", "org"],
            "rules": [Rule("/x", scopes=["export"])],
            "verify_path": "/o'k",
            "max_lifetime": 1800,
        },
    ),
}


class Pasted:
    """What a tenant has copied from the page."""

    def __init__(self, page: Any) -> None:
        lines = re.findall(r'<pre[^>]*><code id="(\w+)">(.*?)</code></pre>', page.text, re.DOTALL)
        self.snippets = {name: unescape(text) for name, text in lines}
        name, _, value = self.snippets["env"].partition("=")
        assert value == secret_on(page)
        self.environment = {**os.environ, name: value}

    def printed(self, command: list[str], folder: Path) -> str:
        done = subprocess.run(command, cwd=folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(params=TENANTS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pasted(kind: str, template: Path, tmp_path: Path) -> Any:
    changes, settings = TENANTS[kind]
    with closing(World(template, tmp_path, **settings)) as world:
        world.clock.now = time.time()
        world.tenants.replace_tenant(acme(**changes))
        visitor = Visitor(world.console.app)
        visitor.open(world.console.refresh_link("acme"))
        yield world, Pasted(visitor.send(old="leaked"))


def check(world: World, token: str, kind: str) -> None:
    world.clock.now = time.time()
    identity = Authenticator(world.settings).authenticate(token)
    expected = {"usual": ("shop", {"read", "write"}, 3600), "particular": (HOSTILE, {"export", "\"'\\"}, 600)}
    assert _facts(identity) == expected[kind]
    assert identity.subject == "user_123"


def _facts(identity: Identity) -> tuple[str, set[str], float]:
    return identity.application_id, set(identity.scopes), identity.expires_at - identity.issued_at


def test_python(pasted: tuple[World, Pasted], kind: str, tmp_path: Path) -> None:
    world, lines = pasted
    check(world, lines.printed([sys.executable, "-c", lines.snippets["python"]], tmp_path), kind)


def test_node(pasted: tuple[World, Pasted], kind: str, node: Path) -> None:
    world, lines = pasted
    check(world, lines.printed(["node", "-e", lines.snippets["node"]], node), kind)


def test_java(pasted: tuple[World, Pasted], kind: str, tmp_path: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("needs java")
    world, lines = pasted
    (tmp_path / "Token.java").write_text(lines.snippets["java"])
    check(world, lines.printed(["java", "Token.java"], tmp_path), kind)
    assert "getBytes(StandardCharsets.UTF_8)" in lines.snippets["java"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which jsonwebtoken is installed."""
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(Path(__file__).parents[1] / "interop" / "package.json", folder)
    install_or_skip(folder)
    return folder


def test_every_program_is_plain_ascii(pasted: tuple[World, Pasted]) -> None:
    assert all(text.isascii() for text in pasted[1].snippets.values())


def test_only_the_line_for_env_has_the_secret_in_it(pasted: tuple[World, Pasted]) -> None:
    secret = pasted[1].environment["API_SECRET"]
    assert [name for name, text in pasted[1].snippets.items() if secret in text] == ["env"]


def test_the_request_goes_to_the_verify_endpoint_of_the_api(pasted: tuple[World, Pasted], kind: str) -> None:
    path = {"usual": "/v1/auth/verify", "particular": "/o'k"}[kind]
    words = shlex.split(pasted[1].snippets["curl"])
    assert words == ["curl", "-i", "-H", "Authorization: Bearer $TOKEN", f"https://api.example.com{path}"]


def test_the_address_of_the_api_can_be_told(template: Path, tmp_path: Path) -> None:
    with closing(World(template, tmp_path, verify_path=None)) as world:
        console = Console(world.settings, base_url=ORIGIN, api_url="https://api.acme.example/")
        visitor = Visitor(console.app)
        visitor.open(console.refresh_link("acme"))
        assert Pasted(visitor.send(old="day")).snippets["curl"].endswith(" https://api.acme.example/")
