"""A page of docs/ for one framework, taken at its word: what it tells a reader to type is typed, in an empty folder.

What a page has to look like, so that it can be:

- The first `python` block is a complete program, in which `POST /v1/events` demands the scope `write` and answers with
  tenant and user. It is saved as `app.py`. Further `python` blocks are run after it, in the same namespace and in
  order; what is called `test_...` there is a test for pytest.
- A `toml` block is saved as `tenants.toml`. The tenant is `acme` with the application `shop`; its secret comes from
  the environment, ACME_SECRET.
- What stands in `sh` blocks is run by one shell: what comes before the line that starts the server, the server, at
  another port than 8000, and the rest. Nothing is installed.
- A `text` block right below a `sh` block is what its commands print. `…` stands for anything in a line, a line with
  nothing but `…` for any number of lines.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx2
import pytest

from ..examples.test_examples import environment, free_port
from .test_documents import ROOT, blocks

PORT: Final = "8000"
SERVERS: Final = ("daphne", "flask", "granian", "gunicorn", "hypercorn", "python", "uvicorn", "waitress-serve")
INSTALLERS: Final = (".", "pip", "python3", "source")
SECONDS_TO_START: Final = 30
SECONDS_TO_RUN: Final = 60
_MARK: Final = "--- end of block ---"
_BLOCKS: Final = re.compile(r"^```(\w+)\n(.*?)^```\n\s*", re.MULTILINE | re.DOTALL)


class Page(NamedTuple):
    """What a page shows."""

    name: str
    text: str

    @property
    def programs(self) -> list[str]:
        return blocks(self.text, "python")

    @property
    def tenants(self) -> list[str]:
        return blocks(self.text, "toml")

    @property
    def commands(self) -> list[tuple[list[str], str | None]]:
        """The lines of each `sh` block, and what the page says that they print."""
        found = [*_BLOCKS.finditer(self.text)]
        after = [*found[1:], None]
        return [
            (block[2].splitlines(), _shown_by(block, following))
            for block, following in zip(found, after, strict=True)
            if block[1] == "sh"
        ]

    @property
    def server(self) -> str:
        """The command that starts the first program."""
        lines = (line for block, _ in self.commands for line in block)
        return next(line for line in lines if _program(line) in SERVERS).removesuffix("&").strip()


def page(name: str) -> Page:
    """The page of this framework. Raises FileNotFoundError where there is none."""
    return Page(name, (ROOT / "docs" / f"{name}.md").read_text())


def _shown_by(block: re.Match[str], following: re.Match[str] | None) -> str | None:
    is_output = following is not None and following[1] == "text" and following.start() == block.end()
    return following[2] if is_output and following is not None else None


def _program(line: str) -> str:
    return line.split(" ", 1)[0]


def is_shown(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed, but for what it leaves out with `…`."""
    lines = (
        r"(?:[^\n]*\n)*?" if line == "…" else "[^\n]*".join(map(re.escape, line.split("…"))) + "\n"
        for line in shown.splitlines()
    )
    return re.fullmatch("".join(lines), printed.replace("\r", "").rstrip("\n") + "\n") is not None


class Reader(NamedTuple):
    """Somebody who follows a page, in a folder where its files are."""

    page: Page
    folder: Path
    variables: dict[str, str]
    """The environment of the shell, after what comes before the server."""
    port: int

    def __repr__(self) -> str:
        """Without the environment, which nobody wants to see in a report of a failure."""
        return f"the reader of {self.page.name}.md"

    def printed(self) -> list[tuple[str, str | None]]:
        """What the commands after the server print, block by block, beside what the page says."""
        after = self.page.commands[self._number_of_server() + 1 :]
        script = "".join(f"{_runnable(lines)}echo '{_MARK}'\n" for lines, _ in after)
        output = run(["sh", "-ec", script.replace(PORT, str(self.port))], self.folder, self.variables)
        return [
            (printed.removeprefix("\n"), shown) for printed, (_, shown) in zip(output.split(_MARK), after, strict=False)
        ]

    def tested(self) -> str:
        """What pytest says about all programs of the page, one after the other, and their tests."""
        complete = "\n\ndef test_the_programs_of_the_page_run_one_after_the_other():\n    pass\n"
        (self.folder / "test_page.py").write_text("\n\n".join(self.page.programs) + complete)
        plug_in = ("-p", "jwt_middleware.testing.plugin")
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        filters = (word for each in _warning_filters() for word in ("-W", each))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plug_in, *filters]
        return run([*command, "--rootdir", ".", "test_page.py"], self.folder, self.variables | alone)

    def _number_of_server(self) -> int:
        return next(
            number
            for number, (lines, _) in enumerate(self.page.commands)
            if any(_program(line) in SERVERS for line in lines)
        )


def _warning_filters() -> list[str]:
    """Those of all tests here: warnings are errors."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    filters: list[str] = project["tool"]["pytest"]["ini_options"]["filterwarnings"]
    return filters


def run(command: list[str], folder: Path, variables: dict[str, str]) -> str:
    """What a command prints that has to succeed."""
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=SECONDS_TO_RUN, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def reading(page: Page, folder: Path) -> Iterator[Reader]:
    """Follow a page as far as its server, which runs until the end of the block."""
    (folder / "app.py").write_text(page.programs[0])
    for text in page.tenants[:1]:
        (folder / "tenants.toml").write_text(text)
    variables, port = _prepared(page, folder), free_port()
    command = shlex.split(page.server.replace(PORT, str(port)))
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(port, process, folder / "server.log")
        yield Reader(page, folder, variables, port)
    finally:
        # With the workers that it may have.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _prepared(page: Page, folder: Path) -> dict[str, str]:
    """The environment after the lines that come before the server."""
    lines = [line for block, _ in page.commands for line in block]
    before = lines[: next(number for number, line in enumerate(lines) if _program(line) in SERVERS)]
    dump = f"{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    printed = run(["sh", "-ec", _runnable(before) + dump], folder, _own_environment(folder))
    variables: dict[str, str] = json.loads(printed.splitlines()[-1])
    return variables


def _own_environment(folder: Path) -> dict[str, str]:
    """With the command `jwt-middleware`, whether or not the package is installed."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "jwt-middleware").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jwt_middleware "$@"\n')
    (programs / "jwt-middleware").chmod(0o755)
    own = environment()
    return own | {
        "ACME_SECRET": secrets.token_urlsafe(32),
        "PATH": os.pathsep.join((str(programs), own["PATH"])),
        "NO_COLOR": "1",
    }


def _runnable(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines if _program(line) not in INSTALLERS)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"{process.args!r} did not answer:\n{log.read_text()}")
