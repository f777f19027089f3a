"""The provider's file or store, where a test needs one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jwt_middleware.tenants.sql import SQLTenants
from tests.cli.calling import STORE_VARIABLES, TENANTS, called
from tests.stores.conftest import (  # noqa: F401 (fixtures)
    postgres_database,
    postgres_process,
    postgres_server,
    redis_process,
    redis_server,
)


@pytest.fixture
def tenants(tmp_path: Path) -> str:
    """The path of a file with tenants of every kind."""
    file = tmp_path / "tenants.toml"
    file.write_text(TENANTS)
    return str(file)


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with nothing in it and no store in the environment."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in STORE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `init` leaves in an empty folder."""
    folder, before = tmp_path_factory.mktemp("initialised"), Path.cwd()
    os.chdir(folder)
    try:
        assert called("init").exit_code == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def folder(empty_folder: Path, initialised: Path) -> Path:
    """The working directory, with the store that `init` makes."""
    shutil.copytree(initialised, empty_folder, dirs_exist_ok=True)
    return empty_folder


@pytest.fixture
def store(folder: Path) -> Iterator[SQLTenants]:
    """That store, in which acme has the application shop."""
    key = (folder / ".env").read_text().rpartition("JWT_MIDDLEWARE_STORE_KEY=")[2].strip()
    assert called("tenant", "add", "acme", "--application", "shop").exit_code == 0
    opened = SQLTenants("sqlite:///tenants.db", store_key=key, store_timeout=5)
    yield opened
    opened.close()
