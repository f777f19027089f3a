"""What docs/testing.md shows is run as it stands there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from jwt_middleware.testing import TokenFactory
from tests.testing import project
from tests.testing.test_tokens import CASES

pytest_plugins = ["pytester"]

DOCUMENT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL))
PROJECTS = {"FastAPI": 9, "Starlette": 3, "Flask": 2, "Django": 3, "Without pytest": 3}
"""By section: how many tests it shows."""
OTHERS = {"make_token", "auth_headers"}
"""Methods of a factory that make nothing bad."""


def files_of(section: str) -> dict[str, str]:
    """Its programs, by the name in their first line."""
    blocks = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return {block.partition("\n")[0].removeprefix("# "): block for block in blocks}


def test_no_program_of_the_document_is_left_out() -> None:
    with_programs = {name for name, section in SECTIONS.items() if "```" in section}
    assert with_programs == set(PROJECTS)
    count = sum(len(files_of(section)) for section in SECTIONS.values())
    assert DOCUMENT.count("```python\n# ") == DOCUMENT.count("```") / 2 == count


@pytest.mark.parametrize("section", PROJECTS)
def test_the_tests_of_a_section_pass_in_a_project_that_has_nothing_else(
    section: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, program in files_of(SECTIONS[section]).items():
        (pytester.path / name).write_text(program, encoding="utf-8")
    project.run(pytester, monkeypatch).assert_outcomes(passed=PROJECTS[section])


def test_every_fixture_is_listed() -> None:
    plugin = Path(inspect.getfile(TokenFactory)).with_name("plugin.py").read_text(encoding="utf-8")
    fixtures = re.findall(r"^@pytest\.fixture\ndef (\w+)", plugin, re.MULTILINE)
    assert sorted(re.findall(r"^\| `(jwt_\w+)", DOCUMENT, re.MULTILINE)) == sorted(fixtures)


def documented_factories() -> dict[str, str]:
    """Names of factories, with the answer that is documented for them."""
    rows = re.findall(r"^\| `(\w+)\(.*\|([^|]*)\|$", SECTIONS["A factory for each documented error"], re.MULTILINE)
    return {name: answer.strip() for name, answer in rows if name != "override"}


def test_every_factory_is_listed() -> None:
    factories = {name for name in vars(TokenFactory) if not name.startswith("_")}
    assert documented_factories().keys() - {"make_token"} == factories - OTHERS - {"tenant"}


def test_the_answers_to_what_the_factories_make_are_the_documented_ones() -> None:
    proven = {
        case.token.__name__: f"{kind.status} `{kind.code}`"
        for kind, cases in CASES.items()
        for case in cases
        if case.token.__name__ in vars(TokenFactory)
    }
    documented = documented_factories()
    by_argument = {"without", "with_wrong_type"}
    assert {name: documented[name] for name in proven} == proven
    assert documented.keys() - proven.keys() == {"make_token", *by_argument}
    assert [documented["without"], documented["with_wrong_type"]] == [
        "401 `missing_required_claim`",
        "401 `invalid_token`",
    ]
