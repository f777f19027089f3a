"""Tenants in a database: created, changed and removed while others look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from jwt_middleware import JWKS, Application, CachedTenants, ConfigurationError, Key, TemporarilyUnavailable, Tenant
from jwt_middleware.sql.writing import Desk
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.testing import Clock
from jwt_middleware.testing.resolvers import TENANTS, described

from ..keys.making import Signer
from .databases import Database, PostgresDatabase

STORE_KEY = "c3RvcmUta2V5LW9mLXRoZS10ZXN0cy0zMi1ieXRlcy4="
SECRET = "acme's own secret, which nobody else has"
ACME = Tenant("acme", keys=[Key.secret(SECRET, kid="first")], applications=["shop"])


@pytest.fixture
def tenants(database: Database, clock: Clock) -> Iterator[SQLTenants]:
    store = SQLTenants(database.url, store_key=STORE_KEY, store_timeout=5, clock=clock)
    yield store
    store.close()


@pytest.fixture
def acme(tenants: SQLTenants) -> SQLTenants:
    """With one tenant in it."""
    tenants.add_tenant(ACME)
    return tenants


def stored(tenants: SQLTenants, tenant_id: str = "acme") -> Tenant:
    tenant = tenants.tenant(tenant_id)
    assert tenant is not None
    return tenant


def ends(tenant: Tenant) -> dict[str | None, float | None]:
    return {key.key_id: key.not_after for key in tenant.keys}


# Tenants


@pytest.mark.parametrize("tenant", TENANTS, ids=lambda tenant: tenant.id)
def test_a_tenant_comes_back_as_it_was_added(tenant: Tenant, tenants: SQLTenants) -> None:
    tenants.add_tenant(tenant)
    assert described(stored(tenants, tenant.id)) == described(tenant)


def test_tenants_whose_ids_differ_in_case_only_are_told_apart(tenants: SQLTenants) -> None:
    both = [Tenant(name, keys=[Key.secret(name * 8, kid=name)], applications=[name]) for name in ("ACME", "acme")]
    for tenant in both:
        tenants.add_tenant(tenant)
    assert [described(found) for found in tenants.tenants()] == [described(tenant) for tenant in both]
    tenants.remove("ACME")
    assert [described(found) for found in tenants.tenants()] == [described(both[1])]


def test_an_issuer_that_somebody_wrote_without_a_tenant_is_nobodys(acme: SQLTenants, database: Database) -> None:
    if isinstance(database, PostgresDatabase):
        database.run("ALTER TABLE jwt_middleware_issuers DROP CONSTRAINT jwt_middleware_issuers_tenant_id_fkey")
    database.run("INSERT INTO jwt_middleware_issuers (issuer, tenant_id, position) VALUES ('ghost', 'gone', 0)")
    assert acme.resolve("ghost") is None
    assert acme.tenant("gone") is None
    assert [tenant.id for tenant in acme.tenants()] == ["acme"]


def test_a_tenant_may_fetch_its_keys_from_elsewhere(tenants: SQLTenants) -> None:
    for url in ("https://idp.example/jwks.json", "https://other.example/jwks.json"):
        tenants.replace_tenant(Tenant("acme", keys=JWKS(url), applications=["shop"]))
        source = stored(tenants).key_source
        assert isinstance(source, JWKS)
        assert source.url == url
    tenants.replace_tenant(Tenant("acme", keys=JWKS.discover("https://other.example"), applications=["shop"]))
    found = stored(tenants).key_source
    assert isinstance(found, JWKS)
    assert found.is_discovered
    tenants.replace_tenant(ACME)
    assert described(stored(tenants)) == described(ACME)


def test_the_order_of_issuers_applications_and_keys_stays(tenants: SQLTenants) -> None:
    names = [f"n{number}" for number in (3, 1, 2, 12, 11, 5, 4, 6, 7, 8, 9, 10)]
    keys = [Key.secret(name * 16, kid=name) for name in names]
    tenants.add_tenant(Tenant("acme", keys=keys, applications=names, issuers=names))
    found = stored(tenants)
    assert [key.key_id for key in found.keys] == names
    assert [application.id for application in found.applications] == names
    assert [*found.issuers] == names


def test_a_tenant_with_public_keys_comes_back(tenants: SQLTenants) -> None:
    keys = [
        Key.public(Signer(algorithm).pem, algorithm=algorithm, kid=algorithm)
        for algorithm in ("RS256", "ES256", "ES512", "EdDSA")
    ]
    tenants.add_tenant(Tenant("acme", keys=keys, applications=["shop"]))
    assert [*stored(tenants).keys] == keys


@pytest.mark.parametrize("source", [JWKS("https://idp.example/jwks.json"), JWKS.discover("https://idp.example/a")])
def test_a_tenant_whose_keys_are_fetched_comes_back(source: JWKS, tenants: SQLTenants) -> None:
    tenants.add_tenant(Tenant("acme", keys=source, applications=["shop"]))
    found = stored(tenants).key_source
    assert isinstance(found, JWKS)
    assert (found.url, found.is_discovered) == (source.url, source.is_discovered)


def test_a_tenant_without_keys_or_applications_comes_back(tenants: SQLTenants) -> None:
    tenants.add_tenant(Tenant("acme", keys=[], applications=[]))
    assert (stored(tenants).keys, stored(tenants).applications) == ((), ())


class Elsewhere:
    """A source of keys of the provider's own."""

    def awaited(self, algorithm: str, key_id: str | None) -> None:
        return None

    def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        return ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Elsewhere(), "Elsewhere cannot be stored"),
        (JWKS("http://127.0.0.1:1/jwks.json", allow_loopback_http=True), "is not https"),
    ],
)
def test_a_source_of_keys_that_cannot_be_written_down_is_refused(source: Any, words: str, tenants: SQLTenants) -> None:
    with pytest.raises(ConfigurationError, match=words):
        tenants.add_tenant(Tenant("acme", keys=source, applications=["shop"]))
    assert tenants.tenant("acme") is None


def test_adding_a_tenant_twice_is_adding_it_once(acme: SQLTenants, database: Database) -> None:
    acme.add_tenant(ACME)
    assert described(stored(acme)) == described(ACME)
    assert database.count("keys") == 1


def test_another_tenant_of_the_same_id_is_refused(acme: SQLTenants) -> None:
    other = Tenant("acme", keys=[Key.secret("x" * 32)], applications=["shop"])
    with pytest.raises(ConfigurationError, match="there is another tenant of this id"):
        acme.add_tenant(other)
    assert described(stored(acme)) == described(ACME)


def test_an_issuer_belongs_to_one_tenant(acme: SQLTenants) -> None:
    other = Tenant("globex", keys=[Key.secret("x" * 32)], applications=["shop"], issuers=["globex", "acme"])
    for write in (acme.add_tenant, acme.replace_tenant):
        with pytest.raises(ConfigurationError, match="issuer 'acme': belongs to 'acme'"):
            write(other)
    assert acme.tenant("globex") is None
    assert acme.resolve("globex") is None


def test_a_tenant_is_replaced_in_everything(acme: SQLTenants) -> None:
    other = Tenant("acme", keys=[Key.secret("x" * 32)], applications=["new"], issuers=["new"], max_lifetime=60)
    acme.replace_tenant(other)
    assert described(stored(acme)) == described(other)
    assert acme.resolve("acme") is None
    acme.replace_tenant(ACME)
    assert described(stored(acme)) == described(ACME)


def test_a_tenant_may_go_over_to_keys_that_are_fetched_and_back(acme: SQLTenants) -> None:
    acme.replace_tenant(Tenant("acme", keys=JWKS("https://idp.example/jwks.json"), applications=["shop"]))
    assert stored(acme).keys == ()
    acme.replace_tenant(ACME)
    assert described(stored(acme)) == described(ACME)


def test_a_tenant_that_is_not_there_is_added_by_replacing_it(tenants: SQLTenants) -> None:
    tenants.replace_tenant(ACME)
    assert described(stored(tenants)) == described(ACME)


def test_a_tenant_is_suspended_and_resumed_any_number_of_times(acme: SQLTenants) -> None:
    for change, is_active in ((acme.suspend, False), (acme.resume, True)):
        for _ in range(2):
            change("acme")
            found = acme.resolve("acme")
            assert found is not None
            assert found.active is is_active


def test_a_tenant_is_removed_with_all_that_is_its_own(acme: SQLTenants, database: Database) -> None:
    acme.add_tenant(TENANTS[1])
    for _ in range(2):
        acme.remove("acme")
        assert acme.tenant("acme") is None
        assert acme.resolve("acme") is None
    tables = ("tenants", "issuers", "applications", "keys")
    assert [database.count(table) for table in tables] == [1, 2, 1, 1]
    assert described(stored(acme, "globex")) == described(TENANTS[1])


# Applications


def test_applications_are_added_limited_suspended_and_resumed_any_number_of_times(acme: SQLTenants) -> None:
    def applications() -> dict[str, tuple[frozenset[str] | None, bool]]:
        return {each.id: (each.scopes, each.active) for each in stored(acme).applications}

    for _ in range(2):
        acme.add_application("acme", Application("kiosk", scopes=["read"]))
        acme.add_application("acme", "plain")
    assert applications() == {"shop": (None, True), "kiosk": ({"read"}, True), "plain": (None, True)}
    for _ in range(2):
        acme.limit_application("acme", "plain", iter(["b", "a"]))
        acme.limit_application("acme", "kiosk", None)
        acme.suspend_application("acme", "shop")
    assert applications() == {"shop": (None, False), "kiosk": (None, True), "plain": ({"a", "b"}, True)}
    for _ in range(2):
        acme.resume_application("acme", "shop")
        acme.limit_application("acme", "plain", [])
    assert applications() == {"shop": (None, True), "kiosk": (None, True), "plain": (frozenset(), True)}
    for _ in range(2):
        acme.remove_application("acme", "kiosk")
    assert applications() == {"shop": (None, True), "plain": (frozenset(), True)}


# Keys


def test_a_secret_is_rotated_with_a_grace(acme: SQLTenants, clock: Clock) -> None:
    secret = acme.rotate_secret("acme", kid="second", grace=60)
    found = stored(acme)
    assert ends(found) == {"second": None, "first": clock.now + 60}
    assert found.keys[0].has_secret_of(Key.secret(secret))
    assert len(secret) >= 43


def test_a_secret_is_rotated_at_once_or_at_a_moment_that_is_given(acme: SQLTenants, clock: Clock) -> None:
    acme.rotate_secret("acme", kid="second", grace=0)
    assert ends(stored(acme)) == {"second": None, "first": clock.now}
    acme.rotate_secret("acme", kid="third", grace=10, now=clock.now + 1.5)
    assert ends(stored(acme)) == {"third": None, "second": clock.now + 11.5}


def test_a_secret_rotated_without_an_end_leaves_the_others_as_they_are(acme: SQLTenants) -> None:
    acme.rotate_secret("acme", kid="second")
    assert ends(stored(acme)) == {"second": None, "first": None}


def test_every_rotation_makes_another_secret_unless_one_is_given(acme: SQLTenants) -> None:
    assert len({acme.rotate_secret("acme", grace=0) for _ in range(5)}) == 5
    given = "a secret that somebody else has made, long enough"
    for _ in range(2):
        assert acme.rotate_secret("acme", kid="given", secret=given, grace=0) == given
    assert [key.key_id for key in stored(acme).keys if key.not_after is None] == ["given"]


@pytest.mark.parametrize(("algorithm", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_algorithm_needs(algorithm: str, size: int, acme: SQLTenants) -> None:
    assert len(acme.rotate_secret("acme", algorithm=algorithm)) >= size * 4 // 3
    assert stored(acme).keys[0].algorithm == algorithm


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"algorithm": "RS256"}, "'RS256' does not take a secret"),
        ({"secret": "short"}, "5 bytes long"),
        ({"secret": ""}, "empty"),
        ({"kid": ""}, "kid: not text"),
        ({"kid": "first"}, "2 HS256 keys with the kid 'first'"),
        ({"grace": -1}, "grace: -1"),
        ({"now": float("nan")}, "now: nan"),
    ],
)
def test_a_secret_that_cannot_be_is_refused_and_nothing_changes(
    values: dict[str, Any], words: str, acme: SQLTenants
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        acme.rotate_secret("acme", **values)
    assert described(stored(acme)) == described(ACME)


def test_a_key_is_retired_now_or_later_and_no_later_for_being_retired_again(acme: SQLTenants, clock: Clock) -> None:
    acme.retire_key("acme", "first", at=clock.now + 60)
    assert ends(stored(acme)) == {"first": clock.now + 60}
    acme.retire_key("acme", "first", algorithm="HS256")
    clock.now += 600
    acme.retire_key("acme", "first")
    assert ends(stored(acme)) == {"first": clock.now - 600}


def test_public_keys_are_added_and_retired(tenants: SQLTenants, clock: Clock) -> None:
    tenants.add_tenant(Tenant("acme", keys=[], applications=["shop"]))
    text = Signer("ES256").pem
    for _ in range(2):
        tenants.add_public_key("acme", text, algorithm="ES256", kid="e")
    tenants.add_public_key("acme", text, algorithm="ES256", kid="f", not_after=clock.now + 5)
    tenants.retire_key("acme", "e")
    assert ends(stored(tenants)) == {"e": clock.now, "f": clock.now + 5}
    with pytest.raises(ConfigurationError, match="secrets and public keys are mixed"):
        tenants.rotate_secret("acme")


# What cannot be

Write = Callable[[SQLTenants, Any], object]
WRITES: dict[str, Write] = {
    "suspend": lambda store, name: store.suspend(name),
    "resume": lambda store, name: store.resume(name),
    "add_application": lambda store, name: store.add_application(name, "x"),
    "limit_application": lambda store, name: store.limit_application(name, "x", []),
    "suspend_application": lambda store, name: store.suspend_application(name, "x"),
    "resume_application": lambda store, name: store.resume_application(name, "x"),
    "remove_application": lambda store, name: store.remove_application(name, "x"),
    "rotate_secret": lambda store, name: store.rotate_secret(name),
    "retire_key": lambda store, name: store.retire_key(name, "first"),
}
NO_NAMES = ["x" * 10_000, "acme\0", "\ud800", "acme\n", "", None, 7, b"acme"]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_tenant_that_is_not_there_is_not_changed(write: Write, acme: SQLTenants) -> None:
    for name in ("ACME", "acme ", "acm_", "' OR '1'='1"):
        with pytest.raises(ConfigurationError, match="tenant: there is none with this id"):
            write(acme, name)
    assert described(stored(acme)) == described(ACME)


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_an_id_that_cannot_be_one_is_refused_before_the_database_sees_it(name: Any, acme: SQLTenants) -> None:
    asks: list[Write] = [lambda store, name: store.remove(name), lambda store, name: store.tenant(name)]
    for write in (*WRITES.values(), *asks):
        with pytest.raises(ConfigurationError, match="not text of 1 to 256 plain characters"):
            write(acme, name)


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_an_issuer_that_cannot_be_one_is_nobodys(name: Any, acme: SQLTenants) -> None:
    assert acme.resolve(name) is None


@pytest.mark.parametrize("name", NO_NAMES[:4], ids=ascii)
def test_an_application_that_cannot_be_one_is_refused(name: str, acme: SQLTenants) -> None:
    with pytest.raises(ConfigurationError, match="not text of 1 to 256 plain characters"):
        acme.add_application("acme", name)
    with pytest.raises(ConfigurationError, match="there is no "):
        acme.limit_application("acme", name, [])


def test_scopes_that_are_no_list_are_refused(acme: SQLTenants) -> None:
    with pytest.raises(ConfigurationError, match="scopes: not a list"):
        acme.limit_application("acme", "shop", "read write")


@pytest.mark.parametrize("name", ["x" * 256, "\U0001f511" * 256, "'", '"; DROP TABLE x; --', "%s", ":id", "a\\'b"])
def test_names_may_be_long_and_strange(name: str, tenants: SQLTenants) -> None:
    tenant = Tenant(name, keys=[Key.secret("x" * 32, kid=name)], applications=[name], issuers=[name, "plain"])
    tenants.add_tenant(tenant)
    tenants.suspend_application(name, name)
    tenants.retire_key(name, name)
    found = tenants.resolve(name)
    assert found is not None
    assert found.id == name
    assert [one.id for one in tenants.tenants(prefix=name[:3])] == [name]


# Lists


def test_tenants_are_listed_by_id_in_pages(tenants: SQLTenants) -> None:
    names = ["B", "a", "a%", "a_", "ab", "abc", "b", "\u00e9", "\uffff\U00010000", "\U0010fffe"]
    for number, name in enumerate(names):
        tenants.add_tenant(
            Tenant(name, keys=[Key.secret(f"{number}" * 32)], applications=["x", "y"], issuers=[name, f"{number}"])
        )

    def listed(*arguments: Any, **named: Any) -> list[str]:
        return [tenant.id for tenant in tenants.tenants(*arguments, **named)]

    assert listed() == names
    assert listed(0, 3) == names[:3]
    assert listed(3, 3) == names[3:6]
    assert listed(offset=9, limit=5) == names[9:]
    assert listed(offset=10) == listed(limit=0) == listed(limit=-5) == []
    assert listed(-1, 10**9) == names
    assert listed(10**30) == []
    assert listed(prefix="a") == ["a", "a%", "a_", "ab", "abc"]
    assert listed(prefix="a", offset=1, limit=2) == ["a%", "a_"]
    assert listed(prefix="a%") == ["a%"]
    assert listed(prefix="a_") == ["a_"]
    assert listed(prefix="A") == []
    assert listed(prefix="\uffff") == ["\uffff\U00010000"]
    assert listed(prefix="\U0010ffff") == []
    assert [len(tenant.applications) for tenant in tenants.tenants()] == [2] * 10


def test_a_prefix_before_the_surrogates_ends_after_them(tenants: SQLTenants) -> None:
    for name in ("\ud7ff!", "\ue000"):
        tenants.add_tenant(Tenant(name, keys=[], applications=["x"]))
    assert [tenant.id for tenant in tenants.tenants(prefix="\ud7ff")] == ["\ud7ff!"]


@pytest.mark.parametrize("prefix", ["a\0", "\ud800", "x" * 257])
def test_a_prefix_that_no_id_has_is_refused(prefix: str, tenants: SQLTenants) -> None:
    with pytest.raises(ConfigurationError, match="prefix"):
        tenants.tenants(prefix=prefix)


# Who is told


def test_every_change_is_told_with_the_issuers_of_before_and_after(tenants: SQLTenants) -> None:
    told: list[set[str]] = []
    tenants.subscribe(lambda issuers: told.append({*issuers}))
    tenants.add_tenant(ACME)
    tenants.replace_tenant(Tenant("acme", keys=ACME.keys, applications=["shop"], issuers=["b", "c"]))
    assert told == [{"acme"}, {"acme", "b", "c"}]
    for write in WRITES.values():
        told.clear()
        tenants.replace_tenant(Tenant("acme", keys=ACME.keys, applications=["shop", "x"]))
        told.clear()
        write(tenants, "acme")
        assert told == [{"acme"}]
    told.clear()
    tenants.remove("acme")
    tenants.remove("acme")
    assert told == [{"acme"}]


def test_it_is_told_when_it_is_done(tenants: SQLTenants) -> None:
    seen: list[Tenant | None] = []
    tenants.subscribe(lambda issuers: seen.extend(map(tenants.resolve, issuers)))
    tenants.add_tenant(ACME)
    [tenant] = seen
    assert tenant is not None
    tenants.suspend("acme")
    assert [tenant.active for tenant in seen if tenant is not None] == [True, False]


def test_a_change_that_was_refused_is_not_told(tenants: SQLTenants) -> None:
    told: list[Iterable[str]] = []
    tenants.subscribe(told.append)
    with pytest.raises(ConfigurationError):
        tenants.suspend("acme")
    assert told == []


def test_the_cache_in_front_knows_of_a_change_at_once(tenants: SQLTenants) -> None:
    cached = CachedTenants(tenants, store_timeout=5)
    assert cached.resolve("acme") is None
    tenants.add_tenant(ACME)
    assert isinstance(cached.resolve("acme"), Tenant)
    tenants.suspend("acme")
    found = cached.resolve("acme")
    assert found is not None
    assert not found.active
    tenants.remove("acme")
    assert cached.resolve("acme") is None
    cached.close()


# At once


def at_once(*works: Callable[[], object]) -> list[BaseException | None]:
    """Run them at the same time; what each raised."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> BaseException | None:
        barrier.wait()
        try:
            work()
        except Exception as error:
            return error
        return None

    with ThreadPoolExecutor(len(works)) as threads:
        return [*threads.map(run, works)]


@pytest.fixture
def others(database: Database) -> Iterator[list[SQLTenants]]:
    """Other processes that use the same database, as it were."""
    stores = [SQLTenants(database.url, store_key=STORE_KEY, store_timeout=5) for _ in range(6)]
    yield stores
    for store in stores:
        store.close()


def test_writers_at_once_lose_no_change(acme: SQLTenants, others: list[SQLTenants]) -> None:
    writes = [partial(each.add_application, "acme", f"a{number}") for number, each in enumerate(others)]
    assert at_once(*writes, partial(acme.rotate_secret, "acme", kid="new"), partial(acme.suspend, "acme")) == [None] * 8
    found = stored(acme)
    assert {application.id for application in found.applications} == {"shop", *(f"a{n}" for n in range(6))}
    assert ends(found) == {"new": None, "first": None}
    assert not found.active


def test_the_same_tenant_added_at_once_is_added_once(tenants: SQLTenants, others: list[SQLTenants]) -> None:
    for round in range(3):
        tenant = Tenant(f"t{round}", keys=[Key.secret("x" * 32)], applications=["shop"])
        assert at_once(*(partial(each.add_tenant, tenant) for each in others)) == [None] * 6
        assert described(stored(tenants, tenant.id)) == described(tenant)


def test_of_different_tenants_added_at_once_under_one_issuer_one_gets_it(
    tenants: SQLTenants, others: list[SQLTenants]
) -> None:
    for round in range(3):
        rivals = [
            Tenant(f"r{round}-{number}", keys=[], applications=["x"], issuers=[f"issuer-{round}"])
            for number in range(6)
        ]
        outcomes = at_once(*(partial(each.add_tenant, rival) for each, rival in zip(others, rivals, strict=True)))
        assert outcomes.count(None) == 1
        assert all(error is None or "belongs to" in str(error) for error in outcomes)
        winner = tenants.resolve(f"issuer-{round}")
        assert winner is not None
        assert winner.id == rivals[outcomes.index(None)].id


def test_a_tenant_that_is_changed_and_removed_at_once_leaves_nothing_behind(
    tenants: SQLTenants, others: list[SQLTenants], database: Database
) -> None:
    for _ in range(5):
        tenants.replace_tenant(ACME)
        changes = [partial(each.add_application, "acme", f"a{number}") for number, each in enumerate(others[:3])]
        outcomes = at_once(*changes, partial(tenants.remove, "acme"))
        assert all(error is None or "there is none with this id" in str(error) for error in outcomes)
        assert [database.count(table) for table in ("tenants", "issuers", "applications", "keys")] == [0] * 4


def test_who_reads_meanwhile_sees_all_of_a_change_or_nothing(acme: SQLTenants, others: list[SQLTenants]) -> None:
    first = Tenant("acme", keys=[Key.secret("1" * 32, kid="1")], applications=["one"], max_lifetime=1)
    second = Tenant("acme", keys=[Key.secret("2" * 32, kid="2")], applications=["two"], max_lifetime=2)
    acme.replace_tenant(first)
    known = [described(first), described(second)]
    seen: list[bool] = []

    def read(store: SQLTenants) -> None:
        for _ in range(60):
            found = store.resolve("acme")
            seen.append(found is not None and described(found) in known)

    def write() -> None:
        for _ in range(15):
            acme.replace_tenant(second)
            acme.replace_tenant(first)

    assert at_once(write, *(partial(read, each) for each in others[:3])) == [None] * 4
    assert seen == [True] * 180


def test_a_change_that_fails_half_way_changes_nothing(acme: SQLTenants, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("half way")

    told: list[Iterable[str]] = []
    acme.subscribe(told.append)
    monkeypatch.setattr(Desk, "_seal_keys", broken)
    with pytest.raises(RuntimeError, match="half way"):
        acme.replace_tenant(Tenant("acme", keys=[Key.secret("x" * 32)], applications=["y"], issuers=["z"]))
    assert described(stored(acme)) == described(ACME)
    # Whether it came through is not always known: who remembers something asks again.
    assert [{*issuers} for issuers in told] == [{"acme", "z"}]


def test_it_says_whether_it_is_well(acme: SQLTenants, database: Database) -> None:
    acme.check()
    database.run("DROP TABLE jwt_middleware_keys")
    with pytest.raises(TemporarilyUnavailable):
        acme.check()
    with pytest.raises(TemporarilyUnavailable):
        acme.resolve("acme")
