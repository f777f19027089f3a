"""Many tenants added in one transaction: what is wrong with one of them is no other's concern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from jwt_middleware import JWKS, ConfigurationError, Key, Tenant
from jwt_middleware.sql.schema import SUPPORTED, upgrade
from jwt_middleware.sql.writing import Desk
from jwt_middleware.tenants.changes import Added
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.testing.resolvers import TENANTS, described

from .databases import Database, PostgresDatabase

STORE_KEY = fresh_secret("HS256")


@pytest.fixture
def tenants(database: Database) -> Iterator[SQLTenants]:
    store = opened(database)
    yield store.acting_as("ada@desk")
    store.close()


def opened(database: Database, store_key: str = STORE_KEY) -> SQLTenants:
    return SQLTenants(database.url, store_key=store_key, store_timeout=5)


def tenant(name: str, **values: Any) -> Tenant:
    given = {"keys": [Key.secret(f"{name}'s secret ".ljust(40, "."))], "applications": ["shop"], **values}
    return Tenant(name, **given)


def told(outcomes: Sequence[Added]) -> list[str]:
    """For each tenant: new, there, or what is wrong with it."""
    return [
        "new" if outcome.is_new else "there" if outcome.problem is None else outcome.problem.problems[0].what
        for outcome in outcomes
    ]


def test_each_comes_back_as_it_was_added_and_is_written_down(tenants: SQLTenants, database: Database) -> None:
    outcomes = tenants.add_tenants(TENANTS)
    assert [outcome.tenant for outcome in outcomes] == [*TENANTS]
    assert {*told(outcomes)} == {"new"}
    found = {one.id: described(one) for one in tenants.tenants(limit=1000)}
    assert found == {one.id: described(one) for one in TENANTS}
    entries = tenants.audit(limit=1000)
    assert [(entry.actor, entry.action) for entry in entries] == [("ada@desk", "tenant.add")] * len(TENANTS)
    assert [entry.tenant_id for entry in reversed(entries)] == [one.id for one in TENANTS]
    assert database.count("tenants") == tenants.count() == len(TENANTS)


def test_those_that_are_there_stay_as_they_are_and_nothing_more_is_written_down(
    tenants: SQLTenants, database: Database
) -> None:
    wanted = [tenant("acme"), tenant("globex")]
    tenants.add_tenant(wanted[0])
    assert told(tenants.add_tenants(wanted)) == ["there", "new"]
    before = database.run("SELECT * FROM jwt_middleware_keys ORDER BY tenant_id")
    assert told(tenants.add_tenants(wanted)) == ["there", "there"]
    assert database.run("SELECT * FROM jwt_middleware_keys ORDER BY tenant_id") == before
    assert database.count("audit") == 2


def test_what_cannot_be_added_is_refused_alone(tenants: SQLTenants) -> None:
    tenants.add_tenant(tenant("acme", issuers=["https://idp.example/acme"]))

    class Elsewhere:
        def candidates(self, *_: object) -> tuple[Key, ...]:
            return ()

    wanted = [
        tenant("good"),
        tenant("acme"),
        tenant("thief", issuers=["thief", "https://idp.example/acme"]),
        tenant("good"),
        tenant("good", active=False),
        tenant("other", issuers=["good"]),
        tenant("elsewhere", keys=Elsewhere()),
        tenant("fetched", keys=JWKS("https://idp.example/jwks.json")),
    ]
    assert told(tenants.add_tenants(wanted)) == [
        "new",
        "there is another tenant of this id",
        "belongs to 'acme'",
        "there",
        "there is another tenant of this id",
        "belongs to 'good'",
        "Elsewhere cannot be stored",
        "new",
    ]
    assert [one.id for one in tenants.tenants()] == ["acme", "fetched", "good"]
    assert len(tenants.audit(actions=["tenant.add"])) == 3


def test_what_the_database_itself_refuses_is_refused_alone(tenants: SQLTenants, database: Database) -> None:
    tenants.add_tenant(tenant("acme"))
    wanted = [tenant("one"), tenant("twice", issuers=["x", "x"]), tenant("acme"), tenant("two")]
    outcomes = told(tenants.add_tenants(wanted))
    assert outcomes == ["new", "the database takes a name in it for another one that is there already", "there", "new"]
    assert [one.id for one in tenants.tenants()] == ["acme", "one", "two"]
    assert database.count("audit") == 3


def test_when_somebody_else_is_quicker_with_one_the_others_are_added(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = opened(postgres_database), opened(postgres_database)
    known = Desk.known

    def overtaken(desk: Desk, tenant_ids: Sequence[str]) -> dict[str, Tenant]:
        found = known(desk, tenant_ids)
        other.add_tenant(tenant("acme"))
        return found

    monkeypatch.setattr(Desk, "known", overtaken)
    assert told(mine.add_tenants([tenant("acme"), tenant("globex")])) == ["there", "new"]
    assert postgres_database.count("audit") == 2
    for store in (mine, other):
        store.close()


def test_the_caches_of_this_process_hear_of_all_of_them(tenants: SQLTenants) -> None:
    heard: set[str] = set()
    tenants.subscribe(heard.update)
    tenants.add_tenants([tenant("acme"), tenant("idp", issuers=["https://a.example", "https://b.example"])])
    assert heard == {"acme", "https://a.example", "https://b.example"}


def test_there_may_be_more_of_them_than_a_statement_can_name(tenants: SQLTenants) -> None:
    wanted = [tenant(f"tenant-{number}", issuers=[f"a{number}", f"b{number}"]) for number in range(1001)]
    assert {*told(tenants.add_tenants(wanted))} == {"new"}
    assert {*told(tenants.add_tenants(reversed(wanted)))} == {"there"}


def test_the_first_ones_decide_which_store_key_is_the_one(tenants: SQLTenants, database: Database) -> None:
    tenants.add_tenants([tenant("acme")])
    with pytest.raises(ConfigurationError, match="not the key that this database was made with"):
        opened(database, fresh_secret("HS256"))
    assert not any("acme's secret" in str(row) for row in database.run("SELECT material FROM jwt_middleware_keys"))


def test_none_at_all_is_nothing_to_do(tenants: SQLTenants, database: Database) -> None:
    assert tenants.add_tenants([]) == []
    assert (database.count("meta"), database.count("audit")) == (0, 0)


def test_the_revision_before_has_no_place_for_who_did_it_and_takes_them_too(empty_database: Database) -> None:
    upgrade(empty_database.url, revision=SUPPORTED[0])
    store = opened(empty_database)
    assert told(store.add_tenants([tenant("acme")])) == ["new"]
    assert told(store.add_tenants([tenant("acme"), tenant("globex")])) == ["there", "new"]
    store.close()
