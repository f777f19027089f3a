"""The command as a whole: how it starts, what it says about itself, and what happens where an extra is missing."""

from __future__ import annotations

import importlib
import sys

import pytest

import jwt_middleware
from jwt_middleware.cli import leave_without, main
from tests.cli.calling import called, in_new_process, program


def test_without_a_command_there_is_help() -> None:
    result = called()
    assert result.exit_code == 2
    assert "secret" in result.output


def test_what_it_does_not_know_is_a_usage_error() -> None:
    assert called("tokne").exit_code == 2
    assert called("secret", "--algorithm", "RS256").exit_code == 2


def test_the_version_is_the_packages() -> None:
    assert called("--version").stdout == f"{jwt_middleware.__version__}\n"


def test_python_runs_the_package_as_the_command() -> None:
    ran = in_new_process(*program("--version"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{jwt_middleware.__version__}\n", "")


def test_importing_the_main_module_runs_nothing() -> None:
    assert importlib.import_module("jwt_middleware.__main__").main is main


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("typer", ["--version"], "cli"),
        ("packaging", ["--version"], "cli"),
        ("rich", ["--version"], "cli"),
        ("dotenv", ["--version"], "cli"),
        ("uvicorn", ["demo", "--once"], "demo"),
        ("httpx2", ["demo", "--once"], "demo"),
        ("waitress", ["demo", "--once", "--wsgi"], "demo"),
        ("flask", ["demo", "--once", "--wsgi"], "demo"),
    ],
)
def test_a_missing_extra_is_named(missing: str, arguments: list[str], extra: str) -> None:
    ran = in_new_process(
        sys.executable,
        "-c",
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = {arguments!r}\n"
        "from jwt_middleware.cli import main; main()",
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"jwt-middleware: {missing} is not installed.\n"
        f"  -> pip install 'tenant-jwt-middleware[{extra}]'   (quotes included)\n"
    )


def test_a_module_that_no_extra_brings_is_not_explained_away() -> None:
    with pytest.raises(ModuleNotFoundError, match="is broken"):
        leave_without(ModuleNotFoundError("this is broken", name="somewhere.else"), "cli", ("typer", "rich"))
