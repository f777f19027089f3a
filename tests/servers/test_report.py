"""The table at the end of a run, with one process and with several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jwt_middleware

from .report import LEGEND, TITLE

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.parametrize(("server", "mark"), [("a", "="), ("b", "400")])
def test_a_server(server, mark, record_property):
    record_property("wire outcomes", {"server": server, "odd": mark, "plain": "=", "shut": "= closed"})
    assert server == "a"
"""


@pytest.mark.parametrize("processes", [[], ["-n2"]], ids=["one process", "several"])
def test_what_came_of_each_row_at_each_server_is_printed(processes: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_rows.py").write_text(TESTS)
    path = os.pathsep.join((str(Path(jwt_middleware.__file__).parents[1]), str(ROOT)))
    command = [sys.executable, "-m", "pytest", "-p", "tests.servers.report", *processes, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    lines = run.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if TITLE in line)
    assert lines[start + 1 : start + 6] == [
        "                  a         b",
        "odd               =         400",
        "shut              = closed  = closed",
        "1 more of 3 rows  =         =",
        LEGEND,
    ]
