"""docs/guide.md: what it tells a provider to type is typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from jwt_middleware.loading import SETTING_NAMES

from ..cli.calling import called
from ..docs.pages import is_shown, page
from .reading import guide, slug
from .test_settings import SAID

PAGE = page("guide")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_commands_print_what_it_says() -> None:
    for lines, shown in PAGE.commands:
        results = [called(*shlex.split(line)[1:]) for line in lines]
        assert [result.exit_code for result in results] == [0] * len(results)
        assert is_shown(str(shown), "".join(result.stdout for result in results))


def test_its_program_writes_the_guide() -> None:
    (program,) = PAGE.programs
    names: dict[str, str] = {}
    exec(compile(program, "guide.md", "exec"), names)  # noqa: S102
    written = Path("authentication.md").read_text()
    for said in ("1 hour at most", "`POST` `/v1/events`", "https://docs.example.com/authentication#token_expired"):
        assert said in written
    assert "mailto:api@example.com" in names["page"]
    assert names["inside"].startswith("<h1>Authentication</h1>")
    assert all(f'class="{name}"' in names["inside"] for name in ("wide", "warning"))


def test_the_anchors_that_it_names_are_there() -> None:
    anchors = {slug(text) for _, text in guide().headings}
    named = re.findall(r"`(?:authentication\.html)?#(\w+)`", PAGE.text)
    assert len(named) == 6
    assert {*named} <= anchors


def test_the_settings_that_it_names_are_those_that_the_guide_is_made_of() -> None:
    section = PAGE.text.partition("## What is in it")[2]
    assert {*re.findall(r"`(\w+)`", section)} & {*SETTING_NAMES} == {*SAID}
