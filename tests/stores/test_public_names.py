"""The stores that need an extra, by the names that the package gives them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import jwt_middleware
from jwt_middleware import RecordedRevocations, RedisRevocations, SQLRevocations, SQLTenants

EXTRAS = {RecordedRevocations: "redis", RedisRevocations: "redis", SQLRevocations: "sql", SQLTenants: "sql"}
LIBRARIES = {"redis": "redis", "sql": "sqlalchemy"}


@pytest.mark.parametrize("store", EXTRAS, ids=lambda store: store.__name__)
def test_a_store_has_a_public_name(store: type) -> None:
    assert getattr(jwt_middleware, store.__name__) is store


@pytest.mark.parametrize(("store", "extra"), EXTRAS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_without_its_extra_a_store_says_which_one_it_needs(store: type, extra: str) -> None:
    program = f"import sys; sys.modules['{LIBRARIES[extra]}'] = None; from jwt_middleware import {store.__name__}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    needed = f"{store.__name__} needs {LIBRARIES[extra]}: pip install 'tenant-jwt-middleware[{extra}]'"
    assert ended.stderr.splitlines()[-1] == f"ImportError: {needed}"


def test_what_has_another_cause_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jwt_middleware.tenants.sql", None)
    with pytest.raises(ModuleNotFoundError):
        _ = jwt_middleware.SQLTenants


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'MySQLTenants'"):
        _ = jwt_middleware.MySQLTenants
