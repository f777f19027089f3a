"""A project of somebody else, in whose environment the distribution is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import jwt_middleware

ENTRY_POINT = {"jwt_middleware": "jwt_middleware.testing.plugin"}
"""What the distribution declares, which need not be installed where these tests run."""

_METADATA = "Metadata-Version: 2.1\nName: tenant-jwt-middleware-entry-point\nVersion: 0\n"


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.RunResult:
    """Run the tests of the project in a process of its own. Warnings are errors there."""
    site = pytester.mkdir("site")
    info = site / "entry_point-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(_METADATA)
    # pytest rewrites the assertions of whatever a distribution with a plug-in holds.
    (info / "RECORD").write_text("jwt_middleware/__init__.py,,\n")
    lines = [f"{name} = {module}" for name, module in ENTRY_POINT.items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]))
    folder = Path(jwt_middleware.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(site), str(folder))))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    # 'cgi' is imported by webob, which webtest is made of.
    return pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-W", "error", "-W", "ignore:'cgi' is deprecated:DeprecationWarning", timeout=60
    )
