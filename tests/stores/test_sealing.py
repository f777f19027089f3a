"""Keys at rest: encrypted, and bound to the place they are for."""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from jwt_middleware import JWKS, Authenticator, ConfigurationError, InvalidSignature, JWTSettings, Key, Tenant
from jwt_middleware import TemporarilyUnavailable as Unavailable
from jwt_middleware.sql.sealing import VARIABLE, Encrypted, InClear, Misplaced, Place, Sealer, Unreadable, sealer_from
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.tokens import guide_claims, signed

from ..keys.making import Signer
from .databases import Database

OLD_KEY, NEW_KEY, OTHER_KEY = (base64.urlsafe_b64encode(bytes([n]) * 32).decode() for n in (1, 251, 3))
SECRET = "acme's own secret, which nobody else has"
ACME = Tenant("acme", keys=[Key.secret(SECRET, kid="first")], applications=["shop"])
GLOBEX = Tenant(
    "globex", keys=[Key.secret("globex' own secret, which nobody else has", kid="first")], applications=["shop"]
)
PLACE = Place("acme", "first", "HS256")

Open = Callable[..., SQLTenants]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def opened(database: Database) -> Iterator[Open]:
    """Opens the database, any number of times."""
    stores = []

    def open_store(store_key: str | None = OLD_KEY, **options: Any) -> SQLTenants:
        stores.append(SQLTenants(database.url, store_key=store_key, store_timeout=5, **options))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def keys_of(store: SQLTenants, tenant_id: str = "acme") -> list[bytes]:
    tenant = store.resolve(tenant_id)
    assert tenant is not None
    return [key.material for key in tenant.keys]


def stored(database: Database) -> list[tuple[Any, ...]]:
    return database.run("SELECT tenant_id, kid, algorithm, material FROM jwt_middleware_keys ORDER BY 1, 2")


# Sealing itself


@pytest.mark.parametrize("sealer", [Encrypted([OLD_KEY]), InClear()])
def test_what_was_sealed_comes_back(sealer: Sealer) -> None:
    for material in (b"x", bytes(range(256)), b"s" * 1000):
        assert sealer.unseal(PLACE, sealer.seal(PLACE, material)) == material
    assert sealer.problem(sealer.check_value()) is None


def test_what_is_encrypted_does_not_show_what_it_is() -> None:
    sealed = Encrypted([OLD_KEY]).seal(PLACE, SECRET.encode())
    shown = sealed.encode() + base64.urlsafe_b64decode(sealed)
    assert not any(part in shown for part in (SECRET.encode(), b"acme", b"first", b"HS256"))
    assert sealed != Encrypted([OLD_KEY]).seal(PLACE, SECRET.encode())


@pytest.mark.parametrize(
    "place",
    [
        Place("globex", "first", "HS256"),
        Place("acme", "second", "HS256"),
        Place("acme", None, "HS256"),
        Place("acme", "first", "HS512"),
        Place("acmef", "irst", "HS256"),
        Place("", "acmefirst", "HS256"),
    ],
)
def test_what_was_sealed_for_one_place_is_refused_at_another(place: Place) -> None:
    sealer = Encrypted([OLD_KEY])
    with pytest.raises(Misplaced):
        sealer.unseal(place, sealer.seal(PLACE, b"x"))


def test_a_check_value_is_no_key() -> None:
    sealer = Encrypted([OLD_KEY])
    with pytest.raises(Misplaced):
        sealer.unseal(PLACE, sealer.check_value())


UNREADABLE = {
    "nothing": "",
    "nonsense": "nonsense",
    "not ASCII": "\u20ac",
    "in clear": "clear:" + base64.b64encode(b"x" * 32).decode(),
    "no msgpack": Fernet(OLD_KEY).encrypt(b"\xc1").decode(),
    "a number": Fernet(OLD_KEY).encrypt(b"\x01").decode(),
    "an empty list": Fernet(OLD_KEY).encrypt(b"\x90").decode(),
    "another key": Encrypted([OTHER_KEY]).seal(PLACE, b"x"),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_was_not_sealed_with_this_key_cannot_be_read(text: str) -> None:
    with pytest.raises(Unreadable):
        Encrypted([OLD_KEY]).unseal(PLACE, text)


def test_not_one_bit_of_what_is_sealed_can_be_changed() -> None:
    sealer = Encrypted([OLD_KEY])
    octets = base64.urlsafe_b64decode(sealer.seal(PLACE, b"x" * 32))
    for position in range(len(octets)):
        broken = bytearray(octets)
        broken[position] ^= 1
        with pytest.raises(Unreadable):
            sealer.unseal(PLACE, base64.urlsafe_b64encode(broken).decode())


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "clear:!", Encrypted([OLD_KEY]).seal(PLACE, b"x")],
    ids=["nothing", "nonsense", "no base64", "encrypted"],
)
def test_what_is_not_in_clear_cannot_be_read_where_it_should_be(text: str) -> None:
    with pytest.raises(Unreadable):
        InClear().unseal(PLACE, text)


# Store keys


def test_a_fresh_secret_is_a_store_key_and_so_is_one_that_fernet_makes() -> None:
    for key in (fresh_secret("HS256"), Fernet.generate_key().decode()):
        sealer = sealer_from(key, store_in_clear=False)
        assert sealer.unseal(PLACE, sealer.seal(PLACE, b"x")) == b"x"


def test_the_first_of_several_keys_seals_and_all_unseal() -> None:
    both = sealer_from(f" {NEW_KEY} , {OLD_KEY},", store_in_clear=False)
    sealed = both.seal(PLACE, b"x")
    assert Encrypted([NEW_KEY]).unseal(PLACE, sealed) == b"x"
    assert both.unseal(PLACE, Encrypted([OLD_KEY]).seal(PLACE, b"y")) == b"y"
    assert sealer_from([NEW_KEY, OLD_KEY], store_in_clear=False).unseal(PLACE, sealed) == b"x"


def test_the_key_comes_from_the_environment_unless_it_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, OLD_KEY)
    sealed = sealer_from(None, store_in_clear=False).seal(PLACE, b"x")
    assert Encrypted([OLD_KEY]).unseal(PLACE, sealed) == b"x"
    sealed = sealer_from(NEW_KEY, store_in_clear=False).seal(PLACE, b"x")
    assert Encrypted([NEW_KEY]).unseal(PLACE, sealed) == b"x"


@pytest.mark.parametrize("key", [None, "", " ", ",", [], ()])
def test_without_a_store_key_nothing_is_stored(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="there is none") as caught:
        sealer_from(key, store_in_clear=False)
    assert "jwt-middleware secret" in str(caught.value)
    assert VARIABLE in str(caught.value)


@pytest.mark.parametrize(
    "key", ["short-key", OLD_KEY + "AAAA", "\u20ac" * 43, f"{OLD_KEY},short-key", [b"bytes"], [7], OLD_KEY[:-2] + "!="]
)
def test_what_is_no_store_key_is_refused_and_not_shown(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="not 32 bytes in base64url") as caught:
        sealer_from(key, store_in_clear=False)
    assert "short-key" not in str(caught.value)
    assert OLD_KEY not in str(caught.value)


def test_a_store_key_and_in_clear_at_once_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="to be stored in clear"):
        sealer_from(OLD_KEY, store_in_clear=True)


def test_in_clear_is_possible_where_the_environment_has_a_key_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, OLD_KEY)
    assert isinstance(sealer_from(None, store_in_clear=True), InClear)


# In a database


def test_no_secret_and_no_store_key_is_in_the_database(opened: Open, database: Database) -> None:
    store = opened()
    store.add_tenant(ACME)
    fresh = store.rotate_secret("acme", kid="second")
    tables = ("tenants", "issuers", "applications", "keys", "meta")
    everything = repr([database.run(f"SELECT * FROM jwt_middleware_{table}") for table in tables])  # noqa: S608
    for secret in (SECRET, fresh, OLD_KEY):
        for form in (secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex()):
            assert form.rstrip("=") not in everything


def test_in_clear_it_is(opened: Open, database: Database) -> None:
    opened(None, store_in_clear=True).add_tenant(ACME)
    [(_, _, _, material)] = stored(database)
    assert base64.b64decode(material.removeprefix("clear:")).decode() == SECRET
    assert keys_of(opened(None, store_in_clear=True)) == [SECRET.encode()]


def test_a_wrong_store_key_is_found_out_at_the_start_and_nothing_is_overwritten(
    opened: Open, database: Database
) -> None:
    opened().add_tenant(ACME)
    before = stored(database), database.run("SELECT * FROM jwt_middleware_meta")
    with pytest.raises(ConfigurationError, match="not the key that this database was made with") as caught:
        opened(OTHER_KEY)
    assert VARIABLE in str(caught.value)
    assert (stored(database), database.run("SELECT * FROM jwt_middleware_meta")) == before
    assert keys_of(opened()) == [SECRET.encode()]


def test_who_started_with_another_key_before_anything_was_stored_writes_nothing(
    opened: Open, database: Database
) -> None:
    early = opened(OTHER_KEY)
    opened().add_tenant(ACME)
    with pytest.raises(ConfigurationError, match="not the key that this database was made with"):
        early.add_tenant(GLOBEX)
    with pytest.raises(ConfigurationError, match="not the key that this database was made with"):
        early.add_tenant(Tenant("empty", keys=[], applications=[]))
    assert [row[0] for row in stored(database)] == ["acme"]
    with pytest.raises(Unavailable, match="tenant_store_key_cannot_be_decrypted"):
        early.rotate_secret("acme", grace=0)
    with pytest.raises(Unavailable, match="tenant_store_key_cannot_be_decrypted"):
        early.resolve("acme")


def test_what_is_in_clear_is_not_read_with_a_key_nor_the_other_way_round(opened: Open, database: Database) -> None:
    opened(None, store_in_clear=True).add_tenant(ACME)
    with pytest.raises(ConfigurationError, match="what this database holds is stored in clear"):
        opened()
    database.run("DELETE FROM jwt_middleware_meta")
    database.run("DELETE FROM jwt_middleware_keys")
    opened().add_tenant(GLOBEX)
    with pytest.raises(ConfigurationError, match="what this database holds is encrypted"):
        opened(None, store_in_clear=True)


def test_the_store_key_is_changed_while_everything_runs(opened: Open, database: Database) -> None:
    old = opened()
    tenants = [Tenant(f"t{n}", keys=[Key.secret(f"{n}" * 32)], applications=["x"]) for n in range(250)]
    for tenant in (
        *tenants,
        Tenant("public", keys=[Key.public(Signer("ES256").pem, algorithm="ES256")], applications=[]),
    ):
        old.add_tenant(tenant)
    both = opened(f"{OLD_KEY},{NEW_KEY}")
    turned = opened(f"{NEW_KEY},{OLD_KEY}")
    with pytest.raises(ConfigurationError, match="not the key"):
        opened(NEW_KEY)
    before = stored(database)
    assert turned.reencrypt() == 251
    assert not {row[3] for row in before} & {row[3] for row in stored(database)}
    new = opened(NEW_KEY)
    for store in (both, turned, new):
        assert [keys_of(store, tenant.id) for tenant in tenants] == [[tenant.keys[0].material] for tenant in tenants]
    with pytest.raises(Unavailable):
        old.resolve("t1")
    with pytest.raises(ConfigurationError, match="not the key"):
        opened()
    assert turned.reencrypt() == 251


def test_an_empty_database_is_reencrypted_to_nothing(opened: Open) -> None:
    opened().reencrypt()
    with pytest.raises(ConfigurationError, match="not the key"):
        opened(OTHER_KEY)


# Rows that were moved


def test_a_key_copied_into_another_tenants_row_signs_nothing_there(
    opened: Open, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    store.add_tenant(ACME)
    store.add_tenant(GLOBEX)
    database.run(
        "UPDATE jwt_middleware_keys SET material = "
        "(SELECT material FROM jwt_middleware_keys AS k WHERE k.tenant_id = 'acme') WHERE tenant_id = 'globex'"
    )
    forged = signed(guide_claims(GLOBEX, "shop", "user_123", now=1e9), ACME.keys[0])
    authenticator = Authenticator(JWTSettings(store, clock=lambda: 1e9))
    with pytest.raises(InvalidSignature) as caught, caplog.at_level(logging.ERROR):
        authenticator.authenticate(forged)
    assert caught.value.reason == "no_key_for_algorithm"
    assert "tenant globex: a key that belongs elsewhere was put among its keys" in caplog.text
    assert keys_of(store, "globex") == []
    assert keys_of(store, "acme") == [SECRET.encode()]
    authenticator.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE jwt_middleware_keys SET tenant_id = 'globex', position = 7 WHERE tenant_id = 'acme'",
        "UPDATE jwt_middleware_keys SET kid = 'other' WHERE tenant_id = 'acme'",
        "UPDATE jwt_middleware_keys SET kid = NULL WHERE tenant_id = 'acme'",
        "UPDATE jwt_middleware_keys SET algorithm = 'HS512' WHERE tenant_id = 'acme'",
        "UPDATE jwt_middleware_keys SET algorithm = 'none' WHERE tenant_id = 'acme'",
        "UPDATE jwt_middleware_keys SET material = (SELECT value FROM jwt_middleware_meta) WHERE tenant_id = 'acme'",
    ],
)
def test_a_key_that_was_moved_is_left_out_and_the_others_serve(change: str, opened: Open, database: Database) -> None:
    store = opened()
    store.add_tenant(ACME)
    store.add_tenant(Tenant("globex", keys=[Key.secret(GLOBEX.keys[0].material, kid="g")], applications=["shop"]))
    database.run(change)
    assert keys_of(store, "acme") == []
    assert keys_of(store, "globex") == [GLOBEX.keys[0].material]


def test_public_keys_are_bound_to_their_place_too(opened: Open, database: Database) -> None:
    store = opened()
    key = Key.public(Signer("ES256").pem, algorithm="ES256", kid="e")
    store.add_tenant(Tenant("acme", keys=[key], applications=["x"]))
    store.add_tenant(Tenant("globex", keys=[], applications=["x"]))
    database.run("UPDATE jwt_middleware_keys SET tenant_id = 'globex'")
    assert keys_of(store, "globex") == []


def test_where_keys_are_fetched_from_is_bound_to_its_place_too(opened: Open, database: Database) -> None:
    store = opened()
    store.add_tenant(Tenant("acme", keys=JWKS("https://idp.example/jwks.json"), applications=["x"]))
    store.add_tenant(Tenant("globex", keys=[], applications=["x"]))
    assert "idp.example" not in repr(stored(database))
    for change in ("tenant_id = 'globex'", "tenant_id = 'acme', algorithm = 'discover'", "kid = 'a'"):
        database.run(f"UPDATE jwt_middleware_keys SET {change}")  # noqa: S608
        for tenant_id in ("acme", "globex"):
            tenant = store.resolve(tenant_id)
            assert tenant is not None
            assert (tenant.keys, tenant.key_source) == ((), None)


@pytest.mark.parametrize("material", ["clear:" + base64.b64encode(b"a" * 40).decode(), "nonsense", ""])
def test_a_key_that_somebody_wrote_beside_the_store_is_no_key(
    material: str, opened: Open, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    store.add_tenant(ACME)
    database.run(f"UPDATE jwt_middleware_keys SET material = '{material}'")  # noqa: S608
    with pytest.raises(Unavailable, match="tenant_store_key_cannot_be_decrypted"):
        store.resolve("acme")
    assert "tenant acme: a key cannot be decrypted" in caplog.text
    # Whatever is in it, it can be removed.
    store.remove("acme")
    assert store.resolve("acme") is None


@pytest.mark.parametrize(
    ("algorithm", "material"),
    [
        ("HS256", b""),
        ("HS256", b" "),
        ("HS256", b'{"kty": "oct"}'),
        ("ES256", b"x" * 40),
        ("none", b"x" * 40),
        ("", b"x" * 40),
    ],
)
def test_in_clear_what_could_not_have_been_added_is_not_used(
    algorithm: str, material: bytes, opened: Open, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(None, store_in_clear=True)
    store.add_tenant(ACME)
    text = "clear:" + base64.b64encode(material).decode()
    database.run(f"UPDATE jwt_middleware_keys SET algorithm = '{algorithm}', material = '{text}'")  # noqa: S608
    with pytest.raises(Unavailable, match="tenant_store_holds_what_cannot_be_used"):
        store.resolve("acme")
    assert "tenant acme: what is stored cannot be used" in caplog.text


def test_what_is_logged_of_a_store_holds_no_secret(
    opened: Open, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    with caplog.at_level(logging.DEBUG):
        store.add_tenant(ACME)
        fresh = store.rotate_secret("acme", kid="second")
        store.resolve("acme")
        database.run("UPDATE jwt_middleware_keys SET algorithm = 'HS384'")
        store.resolve("acme")
    assert not any(secret in caplog.text for secret in (SECRET, fresh, OLD_KEY, "pa55word"))
    assert not any(secret in repr(store) for secret in (SECRET, OLD_KEY, "pa55word"))
    assert os.environ.get(VARIABLE) is None
