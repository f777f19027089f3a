"""`jwt-middleware init`, in folders of every kind."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from jwt_middleware.cli import env_file
from jwt_middleware.sql.schema import NEWEST, current, upgrade
from tests.cli.calling import answered, called, in_new_process, program

KEY = "c3RvcmUta2V5LW9mLXRoZS10ZXN0cy0zMi1ieXRlcy4="
OTHER_KEY = "YW5vdGhlci1zdG9yZS1rZXktb2YtdGhlLXRlc3RzLi4="
NAMES = ["JWT_MIDDLEWARE_TENANTS", "JWT_MIDDLEWARE_REVOCATIONS", "JWT_MIDDLEWARE_STORE_KEY"]
ENV = Path(".env")


def variables() -> dict[str, str]:
    """What stands in .env."""
    return dict(line.split("=", 1) for line in ENV.read_text().splitlines() if "=" in line)


def mode(file: Path = ENV) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_an_empty_folder_gets_a_store_its_key_and_a_gitignore(empty_folder: Path) -> None:
    result = called("init")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"sqlite:///tenants.db: tables made (revision {NEWEST})",
        f".env: {', '.join(NAMES)} written; only you may read it",
        ".gitignore: .env added",
    ]
    assert "it belongs in a secret manager" in result.stderr
    assert current("sqlite:///tenants.db") == NEWEST
    assert list(variables()) == NAMES
    assert variables()[NAMES[0]] == variables()[NAMES[1]] == "sqlite:///tenants.db"
    assert (empty_folder / ".gitignore").read_text() == ".env\n"


def test_the_store_key_is_shown_nowhere(empty_folder: Path) -> None:
    result = called("init")
    assert variables()["JWT_MIDDLEWARE_STORE_KEY"] not in result.output


def test_no_two_folders_get_the_same_store_key(empty_folder: Path) -> None:
    called("init")
    first = variables()["JWT_MIDDLEWARE_STORE_KEY"]
    ENV.unlink()
    called("init")
    assert variables()["JWT_MIDDLEWARE_STORE_KEY"] != first


def test_env_is_its_owners_only_from_its_beginning_whatever_the_umask(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, before = [], os.umask(0)
    monkeypatch.setattr(os, "fchmod", lambda descriptor, _: seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode)))
    try:
        called("init")
    finally:
        os.umask(before)
    assert seen == [mode()] == [0o600]


def test_doing_it_again_changes_nothing_and_says_so(folder: Path) -> None:
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in (ENV, Path(".gitignore"))}
    result = called("init")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"sqlite:///tenants.db: tables there already (revision {NEWEST})",
        "nothing to do",
    ]
    assert result.stderr == ""
    assert before == {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in before}


def test_as_json_it_says_what_it_did_and_that_it_did_nothing(empty_folder: Path) -> None:
    first = {"changed": True, "made_tables": True, "written": NAMES, "ignored": True}
    then = {"changed": False, "made_tables": False, "written": [], "ignored": False}
    where = {"store": "sqlite:///tenants.db", "revision": NEWEST}
    assert answered("init") == first | where
    assert answered("init") == then | where


@pytest.mark.parametrize("text", ["OTHER=1\n# a remark\n", "OTHER=1\n# a remark"])
def test_what_is_in_env_already_stays_and_only_its_owner_may_read_it_from_then_on(
    text: str, empty_folder: Path
) -> None:
    ENV.write_text(text)
    ENV.chmod(0o644)
    assert called("init").exit_code == 0
    assert ENV.read_text().startswith("OTHER=1\n# a remark\nJWT_MIDDLEWARE_TENANTS=")
    assert mode() == 0o600


def test_env_is_closed_to_others_before_the_key_is_written(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ENV.write_text("OTHER=1\n")
    ENV.chmod(0o644)

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refused)
    result = called("init")
    assert result.exit_code == 2
    assert ".env: cannot be written: Operation not permitted" in result.stderr
    assert ENV.read_text() == "OTHER=1\n"


def test_a_key_in_env_is_never_replaced(empty_folder: Path) -> None:
    ENV.write_text(f"JWT_MIDDLEWARE_STORE_KEY={KEY}\n")
    assert answered("init")["written"] == NAMES[:2]
    assert variables()["JWT_MIDDLEWARE_STORE_KEY"] == KEY
    assert ENV.read_text().count("STORE_KEY") == 1


def test_a_key_in_the_environment_is_not_written_down(empty_folder: Path) -> None:
    result = called("init", JWT_MIDDLEWARE_STORE_KEY=KEY)
    assert list(variables()) == NAMES[:2]
    assert KEY not in ENV.read_text()
    assert "secret manager" not in result.stderr


def test_where_everything_is_set_no_file_is_written(empty_folder: Path) -> None:
    url = "sqlite:///elsewhere.db"
    given = dict(zip(NAMES, (url, url, KEY), strict=True))
    assert answered("init", **given)["written"] == []
    assert {path.name for path in empty_folder.iterdir()} == {"elsewhere.db"}


def test_a_store_that_has_secrets_gets_no_fresh_key(folder: Path) -> None:
    called("tenant", "add", "acme", "--application", "shop")
    ENV.unlink()
    result = called("init")
    assert result.exit_code == 2
    assert "JWT_MIDDLEWARE_STORE_KEY: not set, and this store has secrets already" in result.stderr
    assert not ENV.exists()


def test_a_store_with_another_key_is_refused(folder: Path) -> None:
    called("tenant", "add", "acme", "--application", "shop")
    result = called("init", JWT_MIDDLEWARE_STORE_KEY=OTHER_KEY)
    assert result.exit_code == 2
    assert "not the key that this database was made with" in result.stderr
    assert result.stderr.count("not the key") == 1


def test_old_tables_are_brought_to_the_newest(empty_folder: Path) -> None:
    upgrade("sqlite:///tenants.db", revision="0002")
    assert answered("init")["made_tables"] is True
    assert current("sqlite:///tenants.db") == NEWEST


def test_another_store_may_be_named(empty_folder: Path) -> None:
    assert answered("init", "--store", "sqlite:///other.db")["store"] == "sqlite:///other.db"
    assert variables()["JWT_MIDDLEWARE_TENANTS"] == "sqlite:///other.db"


def test_a_store_that_env_names_stays_the_one(folder: Path) -> None:
    result = called("init", "--store", "sqlite:///other.db")
    assert result.exit_code == 0
    assert "JWT_MIDDLEWARE_TENANTS names another store, and stays as it is" in result.stderr
    assert variables()["JWT_MIDDLEWARE_TENANTS"] == "sqlite:///tenants.db"


def test_a_value_that_needs_quotes_is_read_back_as_it_was(empty_folder: Path) -> None:
    url = "sqlite:///it's $HOME & more #1.db"
    assert called("init", "--store", url).exit_code == 0
    assert Path("it's $HOME & more #1.db").exists()
    assert answered("tenant", "list") == {"tenants": [], "next": None}


@pytest.mark.parametrize("value", ["a'b", "a\\'b", "a\\", "$A ${B}", 'a"b', " a # b ", "a&b;c", "\u202e`é`", "a=b"])
def test_whatever_a_value_has_in_it_is_read_back(value: str, empty_folder: Path) -> None:
    env_file.add_variables(ENV, {"FIRST": value, "SECOND": "plain"})
    assert dotenv_values(ENV, interpolate=False) == {"FIRST": value, "SECOND": "plain"}


def test_a_line_end_in_a_value_is_refused(empty_folder: Path) -> None:
    result = called("init", "--store", "sqlite:///a.db\rEVIL=1")
    assert result.exit_code == 2
    assert ".env: cannot hold control characters" in result.stderr
    assert not ENV.exists()


@pytest.mark.parametrize("line", [".env", "/.env", "  .env  "])
def test_a_gitignore_that_has_it_stays_as_it_is(line: str, empty_folder: Path) -> None:
    Path(".gitignore").write_text(f"*.pyc\n{line}\n")
    assert answered("init")["ignored"] is False
    assert Path(".gitignore").read_text() == f"*.pyc\n{line}\n"


def test_a_gitignore_gets_a_line_of_its_own(empty_folder: Path) -> None:
    Path(".gitignore").write_text("*.pyc")
    assert answered("init")["ignored"] is True
    assert Path(".gitignore").read_text() == "*.pyc\n.env\n"


def test_it_warns_of_an_env_that_others_can_read(folder: Path) -> None:
    ENV.chmod(0o640)
    result = called("init")
    assert result.exit_code == 0
    assert ".env can be read by others: chmod 600 .env" in result.stderr


def test_an_env_that_is_no_file_is_left_alone(empty_folder: Path) -> None:
    ENV.mkdir()
    result = called("init")
    assert result.exit_code == 2
    assert ".env: is no file that could be added to" in result.stderr


@pytest.mark.parametrize("name", ["tenants.toml", "mysql://root:hunter2@host/db", "nothing"])
def test_what_is_no_database_is_refused(name: str, empty_folder: Path) -> None:
    result = called("init", "--store", name)
    assert result.exit_code == 2
    assert "hunter2" not in result.output
    assert not ENV.exists()


def test_a_database_that_does_not_answer_is_said_without_its_password(empty_folder: Path) -> None:
    result = called("init", "--store", "postgresql+psycopg://me:hunter2@127.0.0.1:1/db")
    assert result.exit_code == 2
    assert "the store cannot answer" in result.stderr
    assert "Connection refused" in result.stderr
    assert "hunter2" not in result.output
    assert not ENV.exists()


def test_nobody_elses_file_is_nobodys_problem(empty_folder: Path) -> None:
    assert not env_file.is_open_to_others(ENV)


def test_it_works_as_a_process_too(empty_folder: Path) -> None:
    first, again = (in_new_process(*program("init")) for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0)
    assert again.stdout.endswith("nothing to do\n")
    assert mode() == 0o600
