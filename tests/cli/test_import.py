"""`jwt-middleware tenant import`: a whole list, quickly, and line by line where something is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jwt_middleware import SQLTenants, TemporarilyUnavailable
from jwt_middleware.cli import import_command, tenant_lines
from jwt_middleware.tenants.changes import Added
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.model import Application, Tenant
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.testing.resolvers import described
from tests.cli.calling import answered, called, environment, on_a_terminal, program
from tests.keys.making import Signer
from tests.stores.databases import PostgresDatabase

SECRET = "a secret that stands in the list, 32 bytes long"
MANY = 3_000


def line(name: str, **members: object) -> str:
    given: dict[str, object] = {"id": name, "applications": ["shop"], "keys": [{"secret": f"{name} {SECRET}"}]}
    return json.dumps({name: value for name, value in (given | members).items() if value is not None}) + "\n"


@pytest.fixture
def lists(folder: Path) -> Path:
    """A list with two tenants."""
    file = folder / "tenants.jsonl"
    file.write_text(line("acme") + line("globex"))
    return file


@pytest.fixture
def there(folder: Path) -> Iterator[SQLTenants]:
    """The store that the commands write to."""
    key = (folder / ".env").read_text().rpartition("JWT_MIDDLEWARE_STORE_KEY=")[2].split()[0]
    store = SQLTenants("sqlite:///tenants.db", store_key=key, store_timeout=5)
    yield store
    store.close()


def imported(text: str, *arguments: str) -> tuple[int, str, str]:
    result = called("tenant", "import", "-", *arguments, input=text)
    return result.exit_code, result.stdout, result.stderr


def test_a_list_is_added_and_written_down(lists: Path, there: SQLTenants) -> None:
    result = called("tenant", "import", str(lists))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 added, 0 there already, 0 refused\n", "")
    assert [tenant.id for tenant in there.tenants()] == ["acme", "globex"]
    entries = there.audit()
    assert [(entry.action, entry.tenant_id) for entry in entries] == [("tenant.add", "globex"), ("tenant.add", "acme")]
    assert "jwt-middleware" in entries[0].actor


def test_doing_it_again_changes_nothing(lists: Path, there: SQLTenants) -> None:
    called("tenant", "import", str(lists))
    before = [described(tenant) for tenant in there.tenants()]
    assert answered("tenant", "import", str(lists)) == {
        "added": 0,
        "there_already": 2,
        "without_key": 0,
        "refused": [],
    }
    assert [described(tenant) for tenant in there.tenants()] == before
    assert len(there.audit()) == 2


def test_every_member_arrives(there: SQLTenants) -> None:
    signer = Signer("ES256")
    everything = line(
        "acme",
        issuers=["https://idp.example/a", "b"],
        active=False,
        applications=["shop", {"id": "kiosk", "scopes": ["read"]}, {"id": "closed", "active": False}],
        keys=[
            {"secret": SECRET, "kid": "1", "not_after": "2099-01-01T00:00:00Z"},
            {"secret": SECRET * 2, "kid": "2", "algorithm": "HS512", "not_after": 4102444800},
        ],
        scope_claim="scp",
        audience_claim="client_id",
        max_lifetime=600,
        token_types=["access"],
    )
    jwk = line("public", keys=[{"jwk": signer.jwk(), "algorithm": "ES256", "kid": "e"}])
    sources = line("set", keys=None, jwks="https://a.example/jwks") + line(
        "discovered", keys=None, discover="https://a.example"
    )
    assert imported(everything + jwk + sources)[:2] == (0, "4 added, 0 there already, 0 refused\n")
    acme, discovered, public, fetched = there.tenants()
    assert (acme.issuers, acme.active, acme.scope_claim) == (("https://idp.example/a", "b"), False, "scp")
    assert (acme.audience_claim, acme.max_lifetime) == ("client_id", 600)
    assert acme.token_types == frozenset({"access"})
    assert acme.applications == (
        Application("shop"),
        Application("kiosk", scopes=["read"]),
        Application("closed", active=False),
    )
    assert [(key.key_id, key.algorithm, key.not_after) for key in acme.keys] == [
        ("1", "HS256", 4070908800),
        ("2", "HS512", 4102444800),
    ]
    assert [(key.key_id, key.algorithm) for key in public.keys] == [("e", "ES256")]
    assert isinstance(fetched.key_source, JWKS)
    assert isinstance(discovered.key_source, JWKS)
    assert discovered.key_source.is_discovered


def test_a_tenant_without_keys_is_added_without(there: SQLTenants) -> None:
    status, stdout, stderr = imported(line("acme", keys=None) + line("globex", keys=[]) + line("hooli"))
    assert (status, stdout) == (0, "3 added, 0 there already, 0 refused\n")
    assert "2 have no key, so no token of theirs is accepted: jwt-middleware secret rotate TENANT" in stderr
    assert [len(tenant.keys) for tenant in there.tenants()] == [0, 0, 1]


BAD: dict[str, tuple[str, str]] = {
    "no JSON": ("{secret hunter2}\n", "line: JSON is malformed"),
    "no object": ("[]\n", "fields: Expected `object`, got `array`"),
    "not UTF-8": ('{"id": "\udcff"}\n', "line: not UTF-8, or nested too deeply"),
    "too deep": ('{"keys": [{"jwk": {"x": ' + "[" * 20_000 + "\n", "line: not UTF-8, or nested too deeply"),
    "no id": (line("x", id=None), "fields: Object missing required field `id`"),
    "no applications": (line("x", applications=None), "fields: Object missing required field `applications`"),
    "a slip": (line("x", aplications=[]), "fields: Object contains unknown field `aplications` -> a tenant has id, "),
    "a bad id": (line("a/b"), "id: has a slash"),
    "a weak secret": (line("x", keys=[{"secret": "hunter2"}]), "secret: 7 bytes long; HS256 needs at least 32"),
    "no key": (line("x", keys=[{"kid": "1"}]), "key: not exactly one source -> name one of secret and jwk"),
    "both": (line("x", keys=[{"secret": SECRET, "jwk": {}}]), "key: not exactly one source"),
    "two sources": (line("x", jwks="https://a.example/jwks"), "keys: more than one source"),
    "a file": (line("x", keys=[{"secret_file": "/etc/shadow"}]), "fields: Object contains unknown field `secret_file`"),
    "a variable": (line("x", keys=[{"secret_env": "HOME"}]), "fields: Object contains unknown field `secret_env`"),
    "a private key": (
        line("x", keys=[{"jwk": {"kty": "oct", "k": "hunter2"}, "algorithm": "ES256"}]),
        "public key: is a private",
    ),
    "an issuer of another": (line("x", issuers=["good"]), "issuer 'good': belongs to 'good'"),
    "another of this id": (line("good", active=False), "id: there is another tenant of this id"),
    "too long": (line("x", issuers=["i" * tenant_lines.MAX_LINE]), "line: longer than 262144 bytes"),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_a_bad_line_is_told_by_its_number_and_the_others_are_done(bad: str, words: str, there: SQLTenants) -> None:
    text = (line("good") + "\n" + bad + line("last")).encode("utf-8", "surrogateescape")
    result = called("tenant", "import", "-", input=text)
    assert (result.exit_code, result.stdout) == (1, "2 added, 0 there already, 1 refused\n")
    assert f"line 3: {words}" in result.stderr
    assert "hunter2" not in result.output
    assert [tenant.id for tenant in there.tenants()] == ["good", "last"]


def test_bad_lines_are_in_the_document_too(there: SQLTenants) -> None:
    status, stdout, stderr = imported(line("good") + line("a/b"), "--json")
    document = json.loads(stdout)
    assert (status, stderr) == (1, "")
    assert document.keys() == {"added", "there_already", "without_key", "refused"}
    [refused] = document["refused"]
    assert (refused["line"], refused["problems"][0]["where"]) == (2, "id")


def test_what_windows_makes_of_a_file_is_read(there: SQLTenants) -> None:
    text = "\ufeff" + line("acme").replace("\n", "\r\n") + "\r\n" + line("globex").rstrip("\n")
    assert imported(text)[0] == 0
    assert [tenant.id for tenant in there.tenants()] == ["acme", "globex"]


def test_what_is_read_at_once_is_bounded(there: SQLTenants, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    add_tenants = SQLTenants.add_tenants

    def add(store: SQLTenants, tenants: Iterator[Tenant]) -> list[Added]:
        given = [*tenants]
        sizes.append(len(given))
        return add_tenants(store, given)

    monkeypatch.setattr(SQLTenants, "add_tenants", add)
    monkeypatch.setattr(import_command, "ADDED_AT_ONCE", 2)
    assert imported("".join(line(f"a{number}") for number in range(5)))[0] == 0
    monkeypatch.setattr(import_command, "READ_AT_ONCE", 1)
    assert imported(line("b1") + line("b2"))[0] == 0
    assert sizes == [2, 2, 1, 1, 1]


def test_when_the_store_fails_on_the_way_it_is_said_how_far_it_came(
    there: SQLTenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_tenants = SQLTenants.add_tenants

    def add(store: SQLTenants, tenants: Iterator[Tenant]) -> list[Added]:
        if store.count():
            raise TemporarilyUnavailable("tenant_store_timed_out")
        return add_tenants(store, tenants)

    monkeypatch.setattr(SQLTenants, "add_tenants", add)
    monkeypatch.setattr(import_command, "ADDED_AT_ONCE", 1)
    status, stdout, stderr = imported(line("a") + line("b"))
    assert (status, stdout) == (2, "")
    assert "1 added, 0 there already, 0 refused; then the store failed. Do it again" in stderr
    assert "tenant store timed out" in stderr


def test_a_file_that_is_not_there_is_a_usage_error(folder: Path) -> None:
    result = called("tenant", "import", "nowhere.jsonl")
    assert (result.exit_code, "nowhere.jsonl" in result.stderr) == (2, True)


def test_on_a_terminal_there_is_a_bar_and_elsewhere_none(lists: Path, there: SQLTenants) -> None:
    with lists.open("a") as file:
        file.write("nonsense\n")
    status, screen = on_a_terminal("tenant", "import", str(lists), prompt="\0", typed="")
    assert status == 1
    assert "━" in screen
    assert "2 added, 0 there already, 1 refused" in screen
    assert "line 3: " in screen


def test_many_are_quick_and_take_little_memory(folder: Path, there: SQLTenants) -> None:
    list_of_many(folder / "many.jsonl", MANY)
    seconds, peak = timed(folder, "many.jsonl")
    assert there.count() == MANY
    # The budget for 100,000 is 60 s and 300 MB; the machine that runs this may be busy with other things.
    assert seconds < 60 * MANY / 100_000 + 10
    assert 20 < peak < 300


def test_postgresql_takes_a_list_too(postgres_database: PostgresDatabase, empty_folder: Path) -> None:
    key = fresh_secret("HS256")
    variables = {"JWT_MIDDLEWARE_STORE_KEY": key, "JWT_MIDDLEWARE_TENANTS": postgres_database.url}
    list_of_many(empty_folder / "many.jsonl", 1500)
    for added in (1500, 0):
        said = answered("tenant", "import", "many.jsonl", **variables)
        assert (said["added"], said["there_already"]) == (added, 1500 - added)
    assert postgres_database.count("audit") == 1500
    assert SECRET not in repr(postgres_database.run("SELECT material FROM jwt_middleware_keys LIMIT 1"))


def list_of_many(file: Path, count: int) -> None:
    with file.open("w") as lines:
        lines.writelines(line(f"tenant-{number:06}") for number in range(count))


def timed(folder: Path, name: str, **variables: str) -> tuple[float, float]:
    """Seconds and megabytes that it takes in a process of its own."""
    began, peak = time.monotonic(), 0.0
    with subprocess.Popen(
        program("tenant", "import", name), cwd=folder, env=environment(**variables), stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, _high_water(process.pid))
            time.sleep(0.02)
    assert process.returncode == 0
    return time.monotonic() - began, peak


def _high_water(process: int) -> float:
    """Megabytes that the process has had at most. What wait4 tells counts in the process that started it."""
    with suppress(OSError):
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0
