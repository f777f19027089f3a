"""docs/cli.md, typed from the top in an empty folder: every command works and prints what the page says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ..cli.calling import STORE_VARIABLES, called
from ..cli.test_help import PINNED
from .pages import is_shown, page
from .test_documents import blocks

PAGE = page("cli")


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in STORE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    [lines] = blocks(PAGE.text, "json")
    (tmp_path / "tenants.jsonl").write_text(lines)
    return tmp_path


def printed(line: str) -> str:
    """What a command prints on stdout; `< file` and `> file` are as in a shell."""
    program, *words = shlex.split(line)
    assert program == "jwt-middleware"
    given, taken = (Path(words[words.index(sign) + 1]) if sign in words else None for sign in "<>")
    end = min((words.index(sign) for sign in "<>" if sign in words), default=len(words))
    result = called(*words[:end], input=None if given is None else given.read_text())
    assert result.exit_code == 0, f"{line}\n{result.output}"
    if taken is None:
        return result.stdout
    taken.write_text(result.stdout)
    return ""


def test_every_command_of_the_page_prints_what_it_says(empty_folder: Path) -> None:
    for lines, shown in PAGE.commands:
        output = "".join(map(printed, lines))
        assert shown is None or is_shown(shown, output), f"{lines}\n{output}"


@pytest.mark.parametrize("name", PINNED)
def test_every_command_has_an_example(name: str) -> None:
    lines = [f"{line} " for block, _ in PAGE.commands for line in block]
    assert any(line.startswith(f"jwt-middleware {name} ") for line in lines)
