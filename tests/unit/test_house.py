"""The house: what importing costs and loads, and what the wheel holds."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jwt_middleware

# By import name: everything that an extra installs, and what that brings along.
NOT_CORE = {
    "alembic",
    "argon2",
    "django",
    "fastapi",
    "flask",
    "httpcore2",
    "httpx",
    "httpx2",
    "jinja2",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "starlette",
    "typer",
    "uvicorn",
    "waitress",
    "webob",
    "werkzeug",
}


def in_new_interpreter(program: str) -> str:
    """What the program prints in an interpreter that imports the same jwt_middleware as this one."""
    folder = Path(jwt_middleware.__file__).parent.parent
    measured = {name for name in os.environ if name.startswith(("COV_CORE_", "COVERAGE_"))}
    environment = {name: value for name, value in os.environ.items() if name not in measured}
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=environment | {"PYTHONPATH": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.parametrize("module", ["jwt_middleware", "jwt_middleware.wsgi", "jwt_middleware.asgi"])
def test_importing_loads_no_framework_and_no_store_driver(module: str) -> None:
    loaded = in_new_interpreter(f"import sys, {module}; print(*sys.modules)").split()
    assert module in loaded
    assert NOT_CORE.intersection(loaded) == set()


def test_the_list_of_what_is_not_core_would_catch_a_framework() -> None:
    loaded = in_new_interpreter("import sys, webtest; print(*sys.modules)").split()
    assert NOT_CORE.intersection(loaded) == {"webob"}


def test_every_room_is_on_the_map() -> None:
    house = Path(jwt_middleware.__file__).parent
    rooms = {f"{path.name}/" for path in house.iterdir() if (path / "__init__.py").exists()}
    rooms |= {path.name for path in house.glob("*.py")} - {"__init__.py"}
    guide = Path(__file__).parents[2] / "CONTRIBUTING.md"
    assert rooms - set(re.findall("`([^` ]+)`", guide.read_text(encoding="utf-8"))) == set()


@pytest.fixture
def distribution() -> importlib.metadata.Distribution:
    """The installed distribution; a tox environment always has it."""
    try:
        return importlib.metadata.distribution("tenant-jwt-middleware")
    except importlib.metadata.PackageNotFoundError:
        if "TOX_ENV_NAME" in os.environ:
            raise
        pytest.skip("the package is not installed here, the tests run against the work tree")


def test_the_tests_run_against_what_is_installed(distribution: importlib.metadata.Distribution) -> None:
    installed = Path(str(distribution.locate_file("jwt_middleware/__init__.py")))
    assert Path(jwt_middleware.__file__).samefile(installed)


def test_the_version_is_the_distributions(distribution: importlib.metadata.Distribution) -> None:
    assert jwt_middleware.__version__ == distribution.version


def test_the_wheel_says_that_it_is_typed(distribution: importlib.metadata.Distribution) -> None:
    assert Path("jwt_middleware/py.typed") in {Path(path) for path in distribution.files or ()}


def test_the_wheel_holds_the_package_and_nothing_else(
    distribution: importlib.metadata.Distribution,
) -> None:
    rooms = {path.parts[0] for path in distribution.files or ()}
    assert {room for room in rooms if not room.endswith(".dist-info") and room != ".."} == {"jwt_middleware"}


def test_the_command_is_installed(distribution: importlib.metadata.Distribution) -> None:
    commands = {entry.name: entry.value for entry in distribution.entry_points}
    assert commands["jwt-middleware"] == "jwt_middleware.cli:main"
