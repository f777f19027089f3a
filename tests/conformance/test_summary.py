"""The table at the end of a run, with one process and with several."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jwt_middleware

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.fixture
def broken(row):
    yield
    assert row != "torn-down"

@pytest.fixture
def unbuilt(row):
    assert row != "unbuilt"

@pytest.mark.table("rows by door", by="door")
@pytest.mark.parametrize("door", ["front", "back"])
@pytest.mark.parametrize("row", ["good", "bad", "torn-down", "unbuilt", pytest.param("left", marks=pytest.mark.skip)])
def test_a_row(door, row, broken, unbuilt):
    assert row != "bad" or door == "back"

def test_something_else():
    pass
"""


@pytest.mark.parametrize("processes", [[], ["-n2"]], ids=["one process", "several"])
def test_the_rows_of_a_table_are_counted_at_the_end_of_the_run(processes: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_rows.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "--strict-markers", "-p", "tests.summary", *processes, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=60, check=False)
    [table] = re.findall(r"^=+ rows by door =+\n((?:(?!=).*\n)+)=", run.stdout, re.MULTILINE)
    assert [line.split() for line in table.splitlines()] == [
        ["passed", "failed", "skipped"],
        ["back", "2", "2", "1"],
        ["front", "1", "3", "1"],
    ]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(jwt_middleware.__file__).parents[1]), str(ROOT)))}
