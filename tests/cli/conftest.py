"""The provider's file, where a test needs one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import TENANTS


@pytest.fixture
def tenants(tmp_path: Path) -> str:
    """The path of a file with tenants of every kind."""
    file = tmp_path / "tenants.toml"
    file.write_text(TENANTS)
    return str(file)
