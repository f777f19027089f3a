"""`jwt-middleware doctor`: what is wrong is found, with what to do, and no secret is told."""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import JWKS, Application, Key, SQLTenants, Tenant
from jwt_middleware.cli.checkup import installation
from jwt_middleware.cli.checkup.findings import clocks
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.sql import schema, server_clock
from jwt_middleware.tenants.secret import fresh_secret
from tests.cli.calling import called, in_new_process, on_a_terminal, program
from tests.keys.making import Signer
from tests.stores.databases import PostgresDatabase
from tests.stores.postgres_server import PASSWORD
from tests.stores.redis_server import RedisServer, free_port

URL = "sqlite:///tenants.db"
DAY = 86_400


def examined(*arguments: str, **variables: str | None) -> tuple[int, dict[str, list[str]]]:
    """Exit status, and by state what was found: `check: what -> fix`."""
    result = called("doctor", "--json", *arguments, **variables)
    document = json.loads(result.stdout)
    assert document["ok"] == (result.exit_code == 0)
    found: dict[str, list[str]] = {"ok": [], "warn": [], "fail": []}
    for finding in document["findings"]:
        found[finding["state"]].append(f"{finding['check']}: {finding['what']} -> {finding['fix']}")
    return result.exit_code, found


def one(found: list[str], words: str) -> str:
    """The only finding with these words."""
    [only] = [text for text in found if words in text]
    return only


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the package is installed, with nothing to complain of."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    distribution(site, installation.DISTRIBUTION, "Provides-Extra: sql", "Requires-Dist: rich; extra == 'sql'")


def distribution(site: Path, name: str, *fields: str, provides: str = "jwt_middleware") -> None:
    """A distribution, as far as its metadata go."""
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text("\n".join([f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0", *fields, ""]))
    (folder / "top_level.txt").write_text(f"{provides}\n")


# As a whole


def test_a_store_without_faults_is_fine(store: SQLTenants) -> None:
    status, found = examined("--revocations", URL)
    assert (status, found["warn"], found["fail"]) == (0, [], [])
    assert one(found["ok"], "those of the environment and .env can be used")
    assert one(found["ok"], "tenants: its tables have the newest revision")
    assert one(found["ok"], "the store key is the one that it was made with")
    assert one(found["ok"], "tenants: 1 are there")
    assert one(found["ok"], "none is weak, shared or about to end")
    assert one(found["ok"], "revocations: SQLRevocations(sqlite")


def test_it_is_a_table_for_people(store: SQLTenants) -> None:
    result = called("doctor", "--revocations", URL, COLUMNS="200")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "the store key is the one that it was made with" in result.stdout
    store.add_tenant(Tenant("idle", keys=[], applications=["shop"]))
    result = called("doctor", "--revocations", URL, COLUMNS="200")
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if '"idle"' in line)
    assert "warn" in row
    assert "jwt-middleware secret rotate TENANT" in row


def test_a_process_of_its_own_says_the_same_and_has_a_bar_on_a_terminal(store: SQLTenants) -> None:
    ran = in_new_process(*program("doctor", "--json", "--revocations", URL))
    assert (ran.returncode, ran.stderr, json.loads(ran.stdout)["ok"]) == (0, "", True)
    status, screen = on_a_terminal("doctor", prompt="\0", typed="")
    assert (status, "━" in screen) == (0, True)


def test_no_secret_is_told(store: SQLTenants, folder: Path) -> None:
    weak = "hunter2"
    store.add_tenant(Tenant("weak", keys=[Key.secret(weak, allow_weak=True)], applications=["shop"]))
    for arguments in ([], ["--json"]):
        output = called("doctor", *arguments, "--revocations", f"redis://:s3cret@127.0.0.1:{free_port()}/0").output
        for tenant in store.tenants():
            assert tenant.keys[0].material.decode() not in output
        assert "s3cret" not in output
        assert (folder / ".env").read_text().partition("STORE_KEY=")[2].split()[0] not in output


def test_it_changes_nothing(store: SQLTenants, folder: Path) -> None:
    before = len(store.audit()), (folder / ".env").read_text()
    called("doctor", "--revocations", URL)
    assert before == (len(store.audit()), (folder / ".env").read_text())


# Settings


def test_every_problem_of_the_settings_is_told_and_the_stores_are_looked_at_all_the_same(store: SQLTenants) -> None:
    status, found = examined(JWT_MIDDLEWARE_MAX_LIFETIME="long", JWT_MIDDLEWARE_REALM='"')
    assert status == 1
    assert one(found["fail"], "settings: JWT_MIDDLEWARE_MAX_LIFETIME: 'long' is not a number")
    assert one(found["fail"], "settings: JWT_MIDDLEWARE_REALM: ")
    assert one(found["ok"], "the store key is the one that it was made with")


def test_nothing_named_at_all_is_said(empty_folder: Path) -> None:
    status, found = examined()
    assert status == 1
    assert "jwt-middleware init" in one(found["fail"], "nothing says where the tenants are")
    assert one(found["warn"], "no store is named, so no token can be withdrawn")


def test_a_file_of_settings_goes_before_variables_and_what_is_typed_before_both(
    store: SQLTenants, folder: Path, tenants: str
) -> None:
    (folder / "settings.toml").write_text(f'tenants = "{tenants}"\nmax_lifetime = 600\n')
    file = ("--settings", "settings.toml")
    _, found = examined(*file, JWT_MIDDLEWARE_TENANTS=URL)
    assert one(found["ok"], "those of settings.toml can be used")
    assert one(found["ok"], f"{tenants} can be used")
    _, found = examined(*file, "--store", URL)
    assert one(found["ok"], "the store key is the one")
    (folder / "settings.toml").write_text("nonsense")
    status, found = examined(*file)
    assert (status, "is not TOML" in found["fail"][0]) == (1, True)


def test_no_limit_of_lifetimes_is_worth_a_look(store: SQLTenants) -> None:
    status, found = examined(JWT_MIDDLEWARE_MAX_LIFETIME="none")
    assert (status, "86400 is a day" in one(found["warn"], "max_lifetime is none")) == (0, True)


def test_an_environment_file_that_others_can_read_is_found(store: SQLTenants, folder: Path) -> None:
    (folder / ".env").chmod(0o644)
    status, found = examined()
    assert (status, "chmod 600 .env" in one(found["fail"], "others on this machine can read .env")) == (1, True)


# The store of tenants


def test_a_missing_and_a_wrong_store_key_are_found(store: SQLTenants, folder: Path) -> None:
    status, found = examined(JWT_MIDDLEWARE_STORE_KEY=fresh_secret("HS256"))
    assert (status, bool(one(found["fail"], "not the key that this database was made with"))) == (1, True)
    (folder / ".env").unlink()
    status, found = examined("--store", URL)
    assert (status, bool(one(found["fail"], "JWT_MIDDLEWARE_STORE_KEY is not set"))) == (1, True)


def test_tables_that_are_missing_old_or_too_old_are_found(empty_folder: Path) -> None:
    key = {"JWT_MIDDLEWARE_STORE_KEY": fresh_secret("HS256")}
    status, found = examined("--store", URL, **key)
    assert (status, "store upgrade" in one(found["fail"], "there are no tables in it")) == (1, True)
    schema.upgrade(URL, revision="0001")
    status, found = examined("--store", URL, **key)
    assert (status, bool(one(found["fail"], "revision 0001, which does not go with this version"))) == (1, True)
    schema.upgrade(URL, revision=schema.SUPPORTED[0])
    status, found = examined("--store", URL, **key)
    assert (status, "store upgrade" in one(found["warn"], "is the newest")) == (0, True)


def test_a_database_that_does_not_answer_is_found(empty_folder: Path) -> None:
    url = f"postgresql+psycopg://app:{PASSWORD}@127.0.0.1:{free_port()}/x"
    status, found = examined("--store", url, "--revocations", url)
    assert status == 1
    assert one(found["fail"], "tenants: does not answer: ")
    assert one(found["fail"], "revocations: does not answer: ")
    assert PASSWORD not in str(found)


def test_the_clock_of_the_database_is_compared(
    postgres_database: PostgresDatabase, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"JWT_MIDDLEWARE_STORE_KEY": fresh_secret("HS256"), "JWT_MIDDLEWARE_START_LEEWAY": "5"}
    _, found = examined("--store", postgres_database.url, **key)
    assert one(found["ok"], "clock: the database's clock and this one agree")
    ahead = server_clock.seconds_ahead(postgres_database.url, 5, clock=lambda: time.time() - 10)
    assert ahead == pytest.approx(10, abs=1)
    monkeypatch.setattr(server_clock, "seconds_ahead", lambda *_: ahead)
    status, found = examined("--store", postgres_database.url, **key)
    assert (status, "more than start_leeway (5 s)" in one(found["fail"], "clock: ")) == (1, True)
    assert PASSWORD not in str(found)


def test_a_clock_that_cannot_be_asked_is_said_to(postgres_database: PostgresDatabase) -> None:
    nowhere = postgres_database.server.url("nowhere")
    with pytest.raises(Exception, match="database_failed_with_OperationalError"):
        server_clock.seconds_ahead(nowhere, 5)


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [
        (0.5, "ok", "agree"),
        (-2, "ok", "agree"),
        (2.1, "warn", "2 s ahead"),
        (-59, "warn", "59 s behind"),
        (-61, "fail", "61 s behind, more than start_leeway (60 s)"),
        (7200, "fail", "2 hours ahead"),
    ],
)
def test_clocks_may_differ_by_two_seconds_and_must_not_by_the_leeway(ahead: float, state: str, words: str) -> None:
    finding = clocks("clock", "the database's", ahead, 60)
    assert (finding.state, words in finding.what) == (state, True)


# Keys


def secret(**options: Any) -> Key:
    return Key.secret(secrets.token_urlsafe(32), **options)


def with_tenant(store: SQLTenants, *keys: Key, **values: Any) -> dict[str, list[str]]:
    store.replace_tenant(Tenant("x", **{"keys": keys, "applications": ["shop"], **values}))
    return examined("--revocations", URL)[1]


@pytest.mark.parametrize("text", ["hunter2", "a" * 64, "abcabc" * 8])
def test_a_secret_that_can_be_guessed_is_found(text: str, store: SQLTenants) -> None:
    found = with_tenant(store, Key.secret(text, allow_weak=True))
    assert "1 tenant has secrets that can be guessed" in one(found["fail"], '"x"')


@pytest.mark.parametrize(
    "text",
    [secrets.token_hex(16), str(10**40 + secrets.randbits(100)), secrets.token_urlsafe(32)],
    ids=["hexadecimal", "decimal", "base64url"],
)
def test_a_random_secret_is_none_that_can_be_guessed(text: str, store: SQLTenants) -> None:
    assert with_tenant(store, Key.secret(text))["fail"] == []


def test_a_secret_that_two_tenants_have_is_found(store: SQLTenants) -> None:
    acme = store.tenant("acme")
    assert acme is not None
    same = Key.secret(acme.keys[0].material, kid="another name")
    found = with_tenant(store, same, secret(kid="1"))
    assert "2 tenants have a secret that another tenant has too" in one(found["fail"], '"acme", "x"')


def test_a_tenant_whose_last_key_ends_soon_is_found(store: SQLTenants) -> None:
    ending = secret(kid="1", not_after=time.time() + 10 * DAY)
    found = with_tenant(store, ending)
    assert "no key that goes on after the next 14 days" in one(found["warn"], '"x"')
    assert examined("--revocations", URL, "--within", "9d")[1]["warn"] == []
    assert with_tenant(store, ending, secret(kid="2"))["warn"] == []
    assert called("doctor", "--within", "soon").exit_code == 2


def test_keys_that_ended_long_ago_are_found(store: SQLTenants) -> None:
    now = time.time()
    found = with_tenant(store, secret(kid="1"), secret(kid="2", not_after=now - 31 * DAY))
    assert "keys that ended more than 30 days ago" in one(found["warn"], '"x"')
    assert with_tenant(store, secret(kid="1"), secret(kid="2", not_after=now - DAY))["warn"] == []


def test_a_tenant_that_no_token_can_be_accepted_of_is_found(store: SQLTenants) -> None:
    assert "no key that is accepted" in one(with_tenant(store)["warn"], '"x"')
    ended = secret(not_after=time.time() - DAY)
    assert "no key that is accepted" in one(with_tenant(store, ended)["warn"], '"x"')
    closed = with_tenant(store, secret(), applications=[Application("shop", active=False)])
    assert "no active application" in one(closed["warn"], '"x"')


def test_public_keys_and_key_sets_are_not_looked_into(store: SQLTenants) -> None:
    public = Key.public(Signer("ES256").pem, algorithm="ES256")
    store.add_tenant(Tenant("y", keys=[public], applications=["shop"]))
    assert with_tenant(store, public)["fail"] == []
    found = with_tenant(store, keys=JWKS("https://idp.example/jwks"))
    assert (found["fail"], found["warn"]) == ([], [])


def test_a_suspended_tenant_may_have_what_it_wants(store: SQLTenants) -> None:
    found = with_tenant(store, active=False, applications=[])
    assert found["warn"] == []
    assert one(found["ok"], "2 are there, 1 of them suspended")


def test_keys_in_a_file_are_looked_at_too(empty_folder: Path) -> None:
    (empty_folder / "tenants.toml").write_text('[[tenants]]\nid = "x"\napplications = ["shop"]\nkeys = []\n')
    status, found = examined("--store", "tenants.toml")
    assert (status, "no key that is accepted" in one(found["warn"], '"x"')) == (0, True)
    status, found = examined("--store", "nowhere.toml")
    assert (status, "cannot be read" in one(found["fail"], "nowhere.toml")) == (1, True)


def test_rows_that_were_moved_or_changed_behind_the_stores_back_are_found(store: SQLTenants) -> None:
    store.add_tenant(Tenant("x", keys=[secret()], applications=["shop"]))
    with store.transaction() as desk:
        desk.connection.exec_driver_sql(
            "UPDATE jwt_middleware_keys SET material = "
            "(SELECT material FROM jwt_middleware_keys WHERE tenant_id = 'acme') WHERE tenant_id = 'x'"
        )
    status, found = examined("--revocations", URL)
    assert (status, bool(one(found["fail"], "tenant x: a key that belongs elsewhere"))) == (1, True)
    with store.transaction() as desk:
        desk.connection.exec_driver_sql("UPDATE jwt_middleware_keys SET material = 'x' WHERE tenant_id = 'x'")
    status, found = examined("--revocations", URL)
    assert (status, bool(one(found["fail"], "tenant x: a key cannot be decrypted"))) == (1, True)
    assert one(found["ok"], "0 can be read")


def test_a_store_that_fails_on_the_way_is_found(store: SQLTenants) -> None:
    with store.transaction() as desk:
        desk.connection.exec_driver_sql("DROP TABLE jwt_middleware_applications")
    status, found = examined("--revocations", URL)
    assert (status, bool(one(found["fail"], "tenants: does not answer"))) == (1, True)


# Revocations


def test_revocations_in_memory_are_worth_a_look(store: SQLTenants) -> None:
    status, found = examined("--revocations", "memory:")
    assert (status, bool(one(found["warn"], "each process of the API has its own"))) == (0, True)


def test_a_redis_that_is_not_confirmed_evicts_or_is_down_is_found(store: SQLTenants, redis_server: RedisServer) -> None:
    status, found = examined("--revocations", redis_server.url)
    assert (status, "revocations restore" in one(found["fail"], "nobody has said")) == (1, True)
    called("revocations", "confirm", redis_server.url)
    status, found = examined("--revocations", redis_server.url)
    assert (status, bool(one(found["ok"], "RedisRevocations(127.0.0.1"))) == (0, True)
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    status, found = examined("--revocations", redis_server.url)
    assert (status, "set maxmemory-policy to noeviction" in one(found["fail"], "allkeys-lru")) == (1, True)
    status, found = examined("--revocations", f"redis://127.0.0.1:{free_port()}/0")
    assert (status, bool(one(found["fail"], "revocations: does not answer"))) == (1, True)


def test_a_copy_that_is_not_complete_is_found(store: SQLTenants, redis_server: RedisServer) -> None:
    both = f"{URL} {redis_server.url}"
    status, found = examined("--revocations", both)
    assert (status, "revocations restore" in one(found["warn"], "is not complete")) == (0, True)
    assert called("revocations", "restore", both).exit_code == 0
    assert one(examined("--revocations", both)[1]["ok"], "has a complete copy")


def test_old_tables_of_revocations_are_found(store: SQLTenants) -> None:
    status, found = examined("--revocations", "sqlite:///revocations.db")
    assert (status, len([text for text in found["fail"] if "revocations: " in text])) == (1, 2)
    schema.upgrade("sqlite:///revocations.db")
    SQLRevocations("sqlite:///revocations.db").close()
    assert examined("--revocations", "sqlite:///revocations.db")[0] == 0


# The installation


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


def test_another_package_of_the_same_import_name_is_found(store: SQLTenants, site: Path) -> None:
    distribution(site, "jwt-middleware")
    status, found = examined("--revocations", URL)
    assert status == 1
    said = one(found["fail"], '"jwt-middleware" has a package jwt_middleware too')
    assert "pip uninstall jwt-middleware; then: pip install --force-reinstall tenant-jwt-middleware" in said


def test_a_version_that_is_too_old_is_found_and_what_is_missing_makes_an_extra_incomplete(
    store: SQLTenants, site: Path
) -> None:
    distribution(
        site,
        installation.DISTRIBUTION,
        *("Provides-Extra: sql", "Provides-Extra: redis", "Provides-Extra: old"),
        *("Requires-Dist: rich>=999", "Requires-Dist: typer; extra == 'sql'"),
        *("Requires-Dist: no-such-thing; extra == 'redis'", "Requires-Dist: typer>=999; python_version < '3'"),
    )
    status, found = examined("--revocations", URL)
    assert status == 1
    assert "pip install 'rich>=999'" in one(found["fail"], "rich>=999 is needed")
    assert one(found["ok"], "complete extras: old, sql")
    assert not any("typer" in text for text in found["fail"])


def test_a_package_that_runs_from_its_source_is_told(store: SQLTenants, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "DISTRIBUTION", "no-such-distribution")
    status, found = examined("--revocations", URL)
    assert (status, bool(one(found["warn"], "runs from its source"))) == (1, True)


def test_a_missing_extra_is_found(store: SQLTenants) -> None:
    ran = in_new_process(
        sys.executable,
        "-c",
        "import sys; sys.modules['sqlalchemy'] = None\n"
        f"sys.argv[1:] = ['doctor', '--json', '--store', '{URL}', '--revocations', '{URL}']\n"
        "from jwt_middleware.cli import main; main()",
    )
    failed = [finding for finding in json.loads(ran.stdout)["findings"] if finding["state"] == "fail"]
    assert ran.returncode == 1
    assert [(finding["check"], finding["what"]) for finding in failed] == [
        ("tenants", "sqlalchemy is not installed"),
        ("revocations", "sqlalchemy is not installed"),
    ]
    assert all("tenant-jwt-middleware[cli,sql]" in finding["fix"] for finding in failed)
