"""Types that are promised: mypy checks typed_use.py; here it is run, so that it is about what works."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import jwt_middleware
from jwt_middleware import asgi, wsgi

from . import typed_use
from .typed_use import USES, USES_OF_A_FILE

PUBLIC: dict[str, Any] = {
    **{name: getattr(jwt_middleware, name) for name in jwt_middleware.__all__},
    "asgi.JWTMiddleware": asgi.JWTMiddleware,
}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}


@pytest.mark.parametrize("use", USES, ids=lambda use: str(use.__name__))
def test_what_type_checks_also_works(use: Callable[[], None]) -> None:
    use()


@pytest.mark.parametrize("use", USES_OF_A_FILE, ids=lambda use: str(use.__name__))
def test_what_type_checks_with_a_file_also_works(use: Callable[[Path], None], tmp_path: Path) -> None:
    use(tmp_path / "file.toml")


def test_every_use_is_run() -> None:
    run = {use.__name__ for use in (*USES, *USES_OF_A_FILE)}
    assert {name for name in vars(typed_use) if name.startswith(("a_", "an_", "each_", "every_", "settings_"))} <= run


def public_methods() -> list[Any]:
    return [
        pytest.param(method, id=f"{owner}.{name}")
        for owner, kind in CLASSES.items()
        if not getattr(kind, "_is_protocol", False)
        for name, method in inspect.getmembers(kind, inspect.isroutine)
        if (not name.startswith("_") or name == "__init__") and inspect.isfunction(inspect.unwrap(method))
    ]


@pytest.mark.parametrize("method", public_methods())
def test_hints_of_public_methods_can_be_resolved_when_the_program_runs(method: Any) -> None:
    """Frameworks that inject by type do that."""
    hints = typing.get_type_hints(method)
    parameters = inspect.signature(method).parameters
    named = [one for one in parameters.values() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    unhinted = [one.name for one in named if one.name not in ("self", *hints)]
    assert unhinted == []
    assert "return" in hints


def test_the_wsgi_door_names_types_that_only_a_type_checker_has() -> None:
    with pytest.raises(NameError):
        typing.get_type_hints(wsgi.JWTMiddleware.__init__)
