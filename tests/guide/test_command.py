"""`jwt-middleware guide`: both forms, from settings of every origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import JWTSettings
from jwt_middleware.guide import render_html, render_markdown

from ..cli.calling import called, in_new_process, program

PLACES: dict[str, Any] = {
    "base_url": "https://api.acme.example",
    "title": "Signing in",
    "documentation_url": "https://docs.acme.example",
    "support_url": "mailto:api@acme.example",
    "console_url": "https://console.acme.example",
}
OPTIONS = [part for name, value in PLACES.items() for part in (f"--{name.replace('_', '-')}", value)]
SETTINGS = """
tenants = "nowhere.toml"
max_lifetime = 600
required_claims = ["email"]

[[rules]]
path = "/v1/events"
scopes = ["write"]
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_settings_it_is_the_guide_to_the_defaults_and_says_so() -> None:
    result = called("guide")
    assert (result.exit_code, result.stdout) == (0, render_markdown(JWTSettings([])))
    assert "this is the guide to the defaults: --settings FILE" in result.stderr


def test_every_option_is_heeded() -> None:
    assert called("guide", *OPTIONS).stdout == render_markdown(JWTSettings([]), **PLACES)
    assert called("guide", "--format", "html", *OPTIONS).stdout == render_html(JWTSettings([]), **PLACES)


def test_settings_come_from_a_file_whose_tenants_need_not_be_there(tmp_path: Path) -> None:
    Path("settings.toml").write_text(SETTINGS)
    result = called("guide", "--settings", "settings.toml")
    assert result.stdout == render_markdown(JWTSettings.from_toml("settings.toml", tenants=[]))
    assert "10 minutes at most" in result.stdout
    assert (result.exit_code, result.stderr) == (0, "")


def test_settings_come_from_the_environment_or_a_file_of_variables() -> None:
    by_variable = called("guide", JWT_MIDDLEWARE_REALM="shop", JWT_MIDDLEWARE_TENANTS="postgresql+psycopg://no.such/db")
    Path(".env").write_text("JWT_MIDDLEWARE_REALM=shop\n")
    by_file = called("guide")
    assert by_variable.stdout == by_file.stdout == render_markdown(JWTSettings([], realm="shop"))
    assert by_variable.stderr == by_file.stderr == ""


@pytest.mark.parametrize("format", ["md", "html"])
def test_it_is_written_to_a_file(format: str) -> None:
    result = called("guide", "--format", format, "--output", f"guide.{format}")
    assert result.exit_code == 0
    written = Path(f"guide.{format}").read_bytes()
    assert written.decode() == called("guide", "--format", format).stdout
    assert result.stdout == f"guide.{format}: the guide, {len(written)} bytes\n"


def test_it_is_printed_as_json() -> None:
    assert json.loads(called("guide", "--json").stdout) == {"format": "md", "guide": render_markdown(JWTSettings([]))}
    to_file = called("guide", "--format", "html", "-o", "guide.html", "--json")
    assert json.loads(to_file.stdout) == {"format": "html", "file": "guide.html"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--base-url", "api.example.com"), "base_url: no web address"),
        (("--output", "no/such/folder/guide.md"), "--output: no/such/folder/guide.md cannot be written"),
        (("--settings", "missing.toml"), "missing.toml"),
        (("--format", "pdf"), "pdf"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str) -> None:
    result = called("guide", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_settings_that_cannot_be_used_are_not_explained_to_tenants() -> None:
    Path("settings.toml").write_text("max_lifetime = 'long'\n")
    result = called("guide", "--settings", "settings.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "max_lifetime" in result.stderr


def test_it_is_the_same_in_a_process_of_its_own() -> None:
    ran = in_new_process(*program("guide", "--format", "html"), LC_ALL="C.UTF-8")
    assert (ran.returncode, ran.stdout) == (0, render_html(JWTSettings([])))
