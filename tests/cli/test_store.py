"""Which store a command works on, as whom, and what it says where there is none."""

from __future__ import annotations

import getpass
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jwt_middleware import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.cli.store import actor, environment, opened, opened_revocations, revocations_url, store_url
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tenants.sql import SQLTenants

from ..stores.postgres_server import PASSWORD, PostgresServer
from .calling import answered, called, in_new_process, program

OTHER_KEY = "YW5vdGhlci1zdG9yZS1rZXktb2YtdGhlLXRlc3RzLi4="


def test_env_names_the_store_and_its_key(folder: Path) -> None:
    with opened(None) as store:
        assert store.tenants() == []


def test_the_option_wins_over_the_environment_and_that_over_env(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_url(None) == "sqlite:///tenants.db"
    monkeypatch.setenv("JWT_MIDDLEWARE_TENANTS", "sqlite:///environment.db")
    assert store_url(None) == "sqlite:///environment.db"
    assert store_url("sqlite:///option.db") == "sqlite:///option.db"


def test_a_variable_without_a_value_is_not_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_MIDDLEWARE_TENANTS", "")
    assert store_url(None) == "sqlite:///tenants.db"


def test_env_is_taken_as_it_stands_and_stays_so(empty_folder: Path) -> None:
    Path(".env").write_text("A=$HOME/${B}\nB='x'\nEMPTY=\nNOTHING\n")
    assert {name: environment().get(name) for name in ("A", "B")} == {"A": "$HOME/${B}", "B": "x"}
    assert not {"EMPTY", "NOTHING"} & environment().keys()
    assert Path(".env").read_text() == "A=$HOME/${B}\nB='x'\nEMPTY=\nNOTHING\n"


def test_an_env_that_cannot_be_read_is_said_to_be(empty_folder: Path) -> None:
    Path(".env").write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigurationError, match=r"\.env: cannot be read: UnicodeDecodeError"):
        environment()


def test_changes_are_written_down_as_the_users(store: SQLTenants) -> None:
    [entry] = store.audit()
    assert entry.actor == actor() == f"{getpass.getuser()}@{socket.gethostname()}: jwt-middleware"


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert actor().startswith("uid ")


# What cannot be

LIST = ("tenant", "list")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ((), "nothing says which store\n    -> make one: jwt-middleware init; or name it: --store"),
        (("--store", "sqlite:///none.db"), "there are no tables in it\n    -> create them: jwt-middleware init"),
        (("--store", "tenants.toml"), "tenants.toml is a file that is changed by editing it"),
        (("--store", "mysql://me:hunter2@host/db"), "names no kind of store"),
    ],
)
def test_a_store_that_is_none_is_said_with_what_to_do(option: tuple[str, ...], words: str, empty_folder: Path) -> None:
    result = called(*LIST, *option, JWT_MIDDLEWARE_STORE_KEY=OTHER_KEY)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "hunter2" not in result.stderr
    assert not Path("none.db").exists()


def test_a_missing_store_key_is_said_with_what_to_do(folder: Path) -> None:
    Path(".env").write_text("JWT_MIDDLEWARE_TENANTS=sqlite:///tenants.db\n")
    result = called(*LIST)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "JWT_MIDDLEWARE_STORE_KEY: not set, neither in the environment nor in .env" in result.stderr


def test_another_store_key_is_said_once(store: SQLTenants) -> None:
    ran = in_new_process(*program(*LIST), JWT_MIDDLEWARE_STORE_KEY=OTHER_KEY)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("not the key that this database was made with") == 1


def test_a_store_key_that_is_none_is_said(folder: Path) -> None:
    result = called(*LIST, JWT_MIDDLEWARE_STORE_KEY="hunter2")
    assert result.exit_code == 2
    assert "not 32 bytes in base64url" in result.stderr
    assert "hunter2" not in result.stderr


def test_tables_of_an_old_revision_are_said(folder: Path) -> None:
    upgrade("sqlite:///old.db", revision="0001")
    result = called(*LIST, "--store", "sqlite:///old.db")
    assert result.exit_code == 2
    assert "its tables have the old revision 0001" in result.stderr


def test_a_store_that_cannot_answer_is_said(store: SQLTenants) -> None:
    with store.transaction() as desk:
        desk.connection.exec_driver_sql("UPDATE jwt_middleware_keys SET material = 'broken'")
    result = called(*LIST)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the store cannot answer" in result.stderr
    assert "tenant store key cannot be decrypted" in result.stderr


@pytest.mark.parametrize("missing", ["sqlalchemy", "cryptography"])
def test_a_missing_extra_is_named(missing: str, folder: Path) -> None:
    start = f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['tenant', 'list']\n"
    ran = in_new_process(sys.executable, "-c", f"{start}from jwt_middleware.cli import main; main()")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "pip install 'tenant-jwt-middleware[sql]'" in ran.stderr


# Revocations


def test_revocations_are_where_env_says(folder: Path) -> None:
    assert revocations_url(None) == "sqlite:///tenants.db"
    with opened_revocations(None) as store:
        assert isinstance(store, SQLRevocations)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "nothing says where revocations are kept"),
        (" OFF ", "nothing says where revocations are kept"),
        ("memory:", "memory: is in the API's own process"),
        ("mysql://me:hunter2@host", "names no kind of store"),
    ],
)
def test_revocations_that_no_command_gets_to_are_refused(url: str | None, words: str, empty_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=words) as refusal:
        revocations_url(url)
    assert "hunter2" not in str(refusal.value)


# PostgreSQL


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.remove()


def test_a_store_in_postgresql_is_made_and_used_alike(postgres_server: PostgresServer, empty_folder: Path) -> None:
    with postgres_server.database() as name:
        url = postgres_server.url(name)
        made = called("init", "--store", url)
        assert made.exit_code == 0
        assert PASSWORD not in made.output
        assert url in Path(".env").read_text()
        assert answered("init")["changed"] is False
        first = answered("tenant", "add", "acme", "--application", "shop")["secret"]
        second = answered("secret", "rotate", "acme", "--compromised")
        assert second["secret"] != first
        assert [key["accepted"] for key in second["others"]] == [False]
        assert [entry["action"] for entry in answered("tenant", "show", "acme")["audit"]] == [
            "secret.rotate",
            "tenant.add",
        ]
        assert called("tenant", "remove", "acme", "--yes").exit_code == 0
        assert answered("tenant", "list")["tenants"] == []


def test_a_database_that_is_away_is_said_while_it_is_used(folder: Path) -> None:
    with pytest.raises(TemporarilyUnavailable), opened("postgresql+psycopg://me@127.0.0.1:1/db"):
        pass
