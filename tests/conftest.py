"""What is collected, and by which names.

Where an extra is not installed, as in the minimal environment, the tests that import it are not collected.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware.tenants import jwks

pytest_plugins = ["tests.summary", "tests.servers.report"]
"""They print tables at the end: frameworks by rows, servers by rows."""

_ROOMS = {
    "jwt_middleware.cli": "typer",
    "jwt_middleware.console": "jinja2",
    "jwt_middleware.django": "django",
    "jwt_middleware.fastapi": "fastapi",
    "jwt_middleware.flask": "flask",
    "jwt_middleware.metrics": "prometheus_client",
    "jwt_middleware.sql": "sqlalchemy",
    "jwt_middleware.starlette": "starlette",
}
_LIBRARIES = {
    *_ROOMS.values(),
    *(
        "axe_playwright_python",
        "corsheaders",
        "cryptography",
        "falcon",
        "flask_cors",
        "flask_restful",
        "httpx2",
        "litestar",
        "playwright",
        "prometheus_client",
        "pyramid",
        "redis",
    ),
    *("rest_framework", "rich", "schemathesis", "uvicorn"),
}
_ABSENT = {library for library in _LIBRARIES if find_spec(library) is None}


def pytest_report_header() -> str:
    return f"without extras: {', '.join(sorted(_ABSENT)) or 'none is missing'}"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """True keeps a module out; None leaves the decision to pytest."""
    if not _ABSENT or collection_path.suffix != ".py":
        return None
    return not _ABSENT.isdisjoint(_libraries(collection_path)) or None


def _libraries(module: Path) -> Iterator[str]:
    for name in _imported(ast.parse(module.read_bytes())):
        room = ".".join(name.split(".")[:2])
        yield _ROOMS.get(room) or name.partition(".")[0]


def _imported(module: ast.Module) -> Iterator[str]:
    """The names that the module imports when it is imported itself."""
    for statement in module.body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0:
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


@pytest.fixture(autouse=True)
def _no_key_set_of_another_test() -> None:
    """Key sets are shared by address, and a test may get the port that another one's server had."""
    with jwks._feeds_lock:
        jwks._feeds.clear()
        jwks._recent.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Keep addresses, as in `<object object at 0x7f...>`, out of names: every process has to find the same tests."""
    parametrize = metafunc.parametrize

    def parametrize_by_stable_names(*arguments: Any, ids: Any = None, **options: Any) -> None:
        parametrize(*arguments, ids=_stable(ids), **options)

    metafunc.parametrize = parametrize_by_stable_names  # type: ignore[method-assign]


def _stable(ids: Any) -> Any:
    if callable(ids):
        return lambda value: _without_address(ids(value))
    return ids and [_without_address(name) for name in ids]


def _without_address(name: object) -> object:
    return re.sub(" at 0x[0-9a-fA-F]+", "", name) if isinstance(name, str) else name
