"""`jwt-middleware store rekey`: a new store key. Upgrades are tested with the tables, in tests/stores."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jwt_middleware import ConfigurationError, SQLTenants
from jwt_middleware.sql.schema import NEWEST
from jwt_middleware.tenants.secret import fresh_secret
from tests.cli.calling import answered, called, in_new_process, on_a_terminal, program

URL = "sqlite:///tenants.db"


@pytest.fixture
def old(folder: Path, store: SQLTenants) -> str:
    """The store key of the store."""
    [line] = [line for line in (folder / ".env").read_text().splitlines() if "STORE_KEY" in line]
    return line.partition("=")[2]


def can_be_read(store_key: str) -> bool:
    try:
        opened = SQLTenants(URL, store_key=store_key)
    except ConfigurationError:
        return False
    acme = opened.tenant("acme")
    opened.close()
    return acme is not None and len(acme.keys) == 1


def test_a_new_store_key_comes_in_and_the_old_one_can_be_dropped(old: str, store: SQLTenants) -> None:
    new = fresh_secret("HS256")
    assert not can_be_read(new)
    result = called("store", "rekey", JWT_MIDDLEWARE_STORE_KEY=f"{new},{old}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "the keys of 1 tenants are encrypted with the first store key\n"
    assert (can_be_read(new), can_be_read(old)) == (True, False)
    assert store.audit(limit=1)[0].action == "store.reencrypt"


def test_with_one_store_key_nothing_is_new_and_that_is_said(old: str) -> None:
    result = called("store", "rekey", "--json")
    assert result.exit_code == 0
    assert "There is one store key, so it is the same as before" in result.stderr
    assert can_be_read(old)


def test_on_a_terminal_there_is_a_bar(old: str, store: SQLTenants) -> None:
    status, screen = on_a_terminal("store", "rekey", prompt="\0", typed="")
    assert (status, "━" in screen) == (0, True), screen


def test_a_wrong_store_key_changes_nothing(old: str, store: SQLTenants) -> None:
    result = called("store", "rekey", JWT_MIDDLEWARE_STORE_KEY=fresh_secret("HS256"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "not the key that this database was made with" in result.stderr
    assert can_be_read(old)


def test_the_steps_are_in_the_help() -> None:
    text = " ".join(called("store", "rekey", "--help", TERMINAL_WIDTH="200").stdout.split())
    for step in ("1. Start every process with JWT_MIDDLEWARE_STORE_KEY=OLD,NEW", "2. Start every process with NEW,OLD"):
        assert step in text
    assert "3. Start every process with NEW. Keep OLD as long as you keep backups" in text


def test_the_environment_file_names_the_store(folder: Path) -> None:
    assert answered("store", "current") == {"revision": NEWEST, "newest": NEWEST}
    assert answered("store", "upgrade") == {"revision": NEWEST, "newest": NEWEST}


def test_a_process_of_its_own_does_the_same(folder: Path) -> None:
    ran = in_new_process(*program("store", "current"))
    assert (ran.returncode, ran.stdout) == (0, f"revision {NEWEST} (newest: {NEWEST})\n")


def test_a_missing_extra_is_named(folder: Path) -> None:
    ran = in_new_process(
        sys.executable,
        "-c",
        "import sys; sys.modules['sqlalchemy'] = None; sys.argv[1:] = ['store', 'current']\n"
        "from jwt_middleware.cli import main; main()",
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "pip install 'tenant-jwt-middleware[sql]'" in ran.stderr
