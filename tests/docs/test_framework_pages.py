"""Each framework has a page that starts from nothing; what it tells a reader to type does what it says."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from typing import Final

import httpx2
import jwt
import pytest

from .pages import Reader, is_shown, page, reading
from .test_documents import ROOT

FRAMEWORKS: Final = ("django", "falcon", "fastapi", "flask", "litestar", "pyramid", "starlette")


@pytest.fixture(scope="module", params=FRAMEWORKS)
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody whose server runs the first program of a page."""
    with reading(page(request.param), tmp_path_factory.mktemp(request.param)) as reader:
        yield reader


def asked(reader: Reader, bearer: str | None = None) -> httpx2.Response:
    """The answer of the first program, over the network."""
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    return httpx2.post(f"http://127.0.0.1:{reader.port}/v1/events", headers=headers, json={}, trust_env=False)


def token(reader: Reader, *scopes: str, age: int = 0) -> str:
    """A token that the tenant of the page could have made so many seconds ago, for an hour."""
    made = int(time.time()) - age
    claims = {"sub": "user_7", "iss": "acme", "aud": "shop", "iat": made, "exp": made + 3600, "scope": [*scopes]}
    return jwt.encode(claims, reader.variables["ACME_SECRET"], "HS256")


def test_the_first_program_asks_for_a_token(reader: Reader) -> None:
    answer = asked(reader)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


def test_the_first_program_learns_who_is_calling(reader: Reader) -> None:
    answer = asked(reader, token(reader, "write"))
    assert answer.is_success
    assert "acme" in answer.text
    assert "user_7" in answer.text


def test_the_first_program_demands_a_scope(reader: Reader) -> None:
    answer = asked(reader, token(reader, "read"))
    assert (answer.status_code, answer.json()["required_scope"]) == (403, ["write"])


def test_the_first_program_refuses_a_token_that_has_expired(reader: Reader) -> None:
    answer = asked(reader, token(reader, "write", age=7200))
    assert (answer.status_code, answer.json()["error"]) == (401, "token_expired")


def test_the_first_program_refuses_a_token_that_somebody_else_signed(reader: Reader) -> None:
    good = token(reader, "write")
    answer = asked(reader, good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature")


def test_the_commands_print_what_the_page_shows(reader: Reader) -> None:
    if shutil.which("curl") is None:
        assert "CI" not in os.environ, "curl is not installed"
        pytest.skip("curl is not installed")
    for printed, shown in reader.printed():
        assert shown is None or is_shown(shown, printed), printed


def test_every_program_of_the_page_runs_after_the_first(reader: Reader) -> None:
    tests = re.findall(r"^(?:async )?def test_", "".join(reader.page.programs), re.MULTILINE)
    assert f"\n{len(tests) + 1} passed in " in reader.tested()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_page_shows_a_refusal_and_an_answer(name: str) -> None:
    shown = "".join(text for _, text in page(name).commands if text is not None)
    assert "invalid_token" in shown
    assert "user_123" in shown


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_a_page_has_installed_is_there_to_be_installed(name: str) -> None:
    extras = re.findall(r"pip install 'tenant-jwt-middleware\[([\w,]+)\]'", page(name).text)
    known = (ROOT / "pyproject.toml").read_text()
    assert extras
    for extra in extras[0].split(","):
        assert re.search(rf"^{extra} = \[", known, re.MULTILINE), extra


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page(name).text):
        assert (ROOT / "docs" / target).exists(), target


def test_every_adapter_has_a_page() -> None:
    package = ROOT / "jwt_middleware"
    adapters = {
        module.relative_to(package).parts[0].removesuffix(".py")
        for module in package.rglob("*.py")
        if re.search(r"^def requires\(", module.read_text(), re.MULTILINE | re.IGNORECASE)
    }
    assert {"flask", "fastapi"} < adapters <= set(FRAMEWORKS)


@pytest.mark.parametrize(
    ("shown", "printed", "is_the_same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a", True),
        ("a\n", "ab\n", False),
        ("a…c\n", "abc\n", True),
        ("a…c\n", "a\nc\n", False),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a\n…\nz\n", "a\nz\n", True),
        ("a\n…\nz\n", "a\nb\n", False),
        ("a\n\nb\n", "a\r\n\r\nb", True),
    ],
)
def test_what_is_left_out_is_marked(shown: str, printed: str, is_the_same: bool) -> None:
    assert is_shown(shown, printed) == is_the_same
