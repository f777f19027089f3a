"""A provider with a console, and a visitor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jwt_middleware.sql.schema import upgrade

from .visiting import Visitor, World, closing


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tables and nothing in them, to be copied."""
    file = tmp_path_factory.mktemp("template") / "tenants.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    with closing(World(template, tmp_path)) as made:
        yield made


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world.console.app)
