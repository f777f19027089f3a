"""`token revoke`, `subject revoke` and `tenant revoke`: they take effect, and are written down."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import Authenticator, JWTSettings, SQLTenants, TemporarilyUnavailable, Tenant
from jwt_middleware.cli.audited_revocations import AuditedRevocations
from jwt_middleware.errors import Revoked
from jwt_middleware.revocation.sql import SQLRevocations
from jwt_middleware.sql.schema import SUPPORTED, upgrade
from jwt_middleware.tenants.changes import changed
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tokens import guide_claims, signed
from tests.cli.calling import answered, called, on_a_terminal

HERE = ("--revocations", "sqlite:///tenants.db")
DAY = 86_400


@pytest.fixture
def authenticator(store: SQLTenants) -> Iterator[Authenticator]:
    made = Authenticator(JWTSettings(store, revocations="sqlite:///tenants.db"))
    yield made
    made.close()


def acme(store: SQLTenants) -> Tenant:
    tenant = store.tenant("acme")
    assert tenant is not None
    return tenant


def token(store: SQLTenants, subject: str = "user_123", **claims: Any) -> str:
    tenant = acme(store)
    made = guide_claims(tenant, "shop", subject, now=time.time())
    return signed(made | claims, tenant.keys[0])


def is_revoked(authenticator: Authenticator, token: str) -> bool:
    try:
        authenticator.authenticate(token)
    except Revoked:
        return True
    return False


def last_entry(store: SQLTenants) -> tuple[str, str | None, dict[str, Any]]:
    entry = store.audit(limit=1)[0]
    assert "jwt-middleware" in entry.actor
    return entry.action, entry.tenant_id, dict(entry.details)


def test_a_token_is_refused_from_the_next_request_on(store: SQLTenants, authenticator: Authenticator) -> None:
    named, other = token(store, jti="t-1"), token(store, jti="t-2")
    assert not is_revoked(authenticator, named)
    expiry = int(time.time()) + 600
    result = called("token", "revoke", "acme", "t-1", "--expires-at", str(expiry), *HERE)
    assert (result.exit_code, result.stdout) == (0, 'the token "t-1" of "acme" is revoked\n')
    assert is_revoked(authenticator, named)
    assert not is_revoked(authenticator, other)
    assert last_entry(store) == ("token.revoke", "acme", {"token_id": "t-1", "until": expiry})


def test_a_token_without_jti_is_revoked_by_its_fingerprint(store: SQLTenants, authenticator: Authenticator) -> None:
    nameless = token(store)
    said = answered("token", "revoke", "acme", authenticator.authenticate(nameless).token_id, *HERE)
    assert is_revoked(authenticator, nameless)
    assert said["kept_until"] == pytest.approx(time.time() + DAY + 120, abs=30)


def test_a_subjects_tokens_are_refused_and_nobody_elses(store: SQLTenants, authenticator: Authenticator) -> None:
    mine, others = token(store), token(store, "user_456")
    before = time.time()
    said = answered("subject", "revoke", "acme", "user_123", *HERE)
    assert said["revoked"]["subject"] == "user_123"
    assert said["revoked"]["issued_until"] == pytest.approx(before, abs=30)
    assert (is_revoked(authenticator, mine), is_revoked(authenticator, others)) == (True, False)
    action, tenant, details = last_entry(store)
    assert (action, tenant, details["subject"]) == ("subject.revoke", "acme", "user_123")
    assert details["until"] == pytest.approx(details["cutoff"] + DAY + 120)


def test_tokens_that_are_issued_later_are_good(store: SQLTenants, authenticator: Authenticator) -> None:
    now = int(time.time())
    old, new = token(store, iat=now - 100), token(store, iat=now - 50)
    answered("subject", "revoke", "acme", "user_123", "--issued-until", str(now - 100), *HERE)
    assert (is_revoked(authenticator, old), is_revoked(authenticator, new)) == (True, False)


def test_a_tenants_tokens_are_all_refused(store: SQLTenants, authenticator: Authenticator) -> None:
    mine = token(store)
    result = called("tenant", "revoke", "acme", "--yes", *HERE)
    assert result.exit_code == 0
    assert is_revoked(authenticator, mine)
    assert last_entry(store)[:2] == ("tenant.revoke", "acme")


def test_a_tenants_tokens_are_not_revoked_without_being_confirmed(
    store: SQLTenants, authenticator: Authenticator
) -> None:
    assert called("tenant", "revoke", "acme", *HERE).exit_code == 2
    status, screen = on_a_terminal("tenant", "revoke", "acme", *HERE, prompt="[y/N]: ", typed="n")
    assert (status, "Nothing was done." in screen) == (1, True)
    assert not is_revoked(authenticator, token(store))
    assert last_entry(store)[0] == "tenant.add"


def test_an_entry_is_kept_as_long_as_the_tenants_own_limit_says(store: SQLTenants) -> None:
    store.replace_tenant(changed(acme(store), max_lifetime=7 * DAY))
    result = called("subject", "revoke", "acme", "user_123", *HERE)
    assert "max_lifetime 604800 s, start_leeway 60 s" in result.stderr
    details = last_entry(store)[2]
    assert details["until"] == pytest.approx(details["cutoff"] + 7 * DAY + 120)


def test_the_limits_are_those_of_the_settings(store: SQLTenants, folder: Path) -> None:
    (folder / "settings.toml").write_text(
        'revocations = "sqlite:///tenants.db"\nmax_lifetime = 600\nexpiry_leeway = 5\n'
    )
    said = answered("token", "revoke", "acme", "t-1", "--settings", "settings.toml")
    assert said["kept_until"] == pytest.approx(time.time() + 600 + 120 + 5, abs=30)
    said = answered("token", "revoke", "acme", "t-1", *HERE, JWT_MIDDLEWARE_MAX_LIFETIME="none")
    assert said["kept_until"] is None
    result = called("token", "revoke", "acme", "t-1", *HERE, JWT_MIDDLEWARE_MAX_LIFETIME="none")
    assert "Kept for good, by the limits of max_lifetime none" in result.stderr


def test_the_environment_file_names_the_store_of_revocations(store: SQLTenants, folder: Path) -> None:
    with (folder / ".env").open("a") as file:
        file.write("\nJWT_MIDDLEWARE_REVOCATIONS=sqlite:///tenants.db\n")
    assert called("token", "revoke", "acme", "t-1").exit_code == 0


def test_a_cut_off_in_the_future_is_done_and_remarked(store: SQLTenants) -> None:
    result = called("subject", "revoke", "acme", "user_123", "--issued-until", "2099-01-01T00:00:00Z", *HERE)
    assert result.exit_code == 0
    assert "new tokens are refused too, for " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("token", "revoke", "acem", "t-1", *HERE), 'did you mean "acme"?'),
        (("token", "revoke", "acme", "", *HERE), "empty, or has control characters"),
        (("subject", "revoke", "acme", "a\nb", *HERE), "empty, or has control characters"),
        (("token", "revoke", "acme", "t-1", "--revocations", "none"), "nothing says where revocations are kept"),
        (("token", "revoke", "acme", "t-1", "--revocations", "memory:"), "in the API's own process"),
        (("token", "revoke", "acme", "t-1", "--revocations", "mysql://x"), "names no kind of store"),
        (("token", "revoke", "acme", "t-1", "--expires-at", "tomorrow", *HERE), "neither a date with time nor"),
        (("token", "revoke", "acme", "t-1", "--expires-at", "2026-11-24T12:00:00", *HERE), "has no time zone"),
        (("token", "revoke", "acme", "t-1", "--expires-at", "1795521600000", *HERE), "not milliseconds"),
        (("token", "revoke", "acme", "t-1", *HERE, "--store", "tenants.toml"), "changed by editing it"),
    ],
)
def test_what_cannot_be_revoked_is_said_and_nothing_is_written_down(
    arguments: tuple[str, ...], words: str, store: SQLTenants
) -> None:
    result = called(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert last_entry(store)[0] == "tenant.add"


def test_a_whole_token_is_neither_taken_nor_written_down(store: SQLTenants) -> None:
    whole = token(store)
    result = called("token", "revoke", "acme", whole, *HERE)
    assert result.exit_code == 2
    assert "this is a whole token" in result.stderr
    assert whole not in result.output
    assert last_entry(store)[0] == "tenant.add"


def test_what_cannot_be_revoked_is_not_written_down(store: SQLTenants) -> None:
    result = called("token", "revoke", "acme", "t-1", "--revocations", "redis://127.0.0.1:1/0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the store cannot answer" in result.stderr
    assert last_entry(store)[0] == "tenant.add"


def test_a_revocation_that_cannot_be_written_down_is_said_to_have_taken_effect(store: SQLTenants) -> None:
    class Taken:
        def is_revoked(self, *_: object) -> bool:
            return True

        def revoke_token(self, *_: object, **__: object) -> None: ...

        revoke_subject = revoke_tenant = revoke_token

    class Down:
        def note(self, *_: object, **__: object) -> None:
            raise TemporarilyUnavailable("tenant_store_timed_out")

    audited = AuditedRevocations(Taken(), Down())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="it took effect, but could not be written down: tenant store timed out"):
        audited.revoke_token("acme", "t-1", until=None)
    assert audited.is_revoked("acme", "t-1", "user_123", 0)


def test_no_output_and_no_entry_has_a_secret(store: SQLTenants) -> None:
    result = called("token", "revoke", "acme", secrets.token_hex(32), *HERE, "--json")
    assert json.loads(result.stdout).keys() == {"revoked", "kept_until"}
    secret = acme(store).keys[0].material.decode()
    assert secret not in result.output + repr(store.audit())


def test_what_could_not_be_written_down_is_not_done(empty_folder: Path) -> None:
    before, _ = SUPPORTED
    upgrade("sqlite:///tenants.db", revision=before)
    upgrade("sqlite:///revocations.db")
    key = {"JWT_MIDDLEWARE_STORE_KEY": fresh_secret("HS256"), "JWT_MIDDLEWARE_TENANTS": "sqlite:///tenants.db"}
    assert called("tenant", "add", "acme", "--application", "shop", **key).exit_code == 0
    there = ("--revocations", "sqlite:///revocations.db")
    for command in (("token", "revoke", "acme", "t-1", *there), ("token", "make", "--subject", "user_123")):
        result = called(*command, **key)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "store upgrade" in result.stderr
    revocations = SQLRevocations("sqlite:///revocations.db", store_timeout=5)
    assert not revocations.is_revoked("acme", "t-1", "user_123", 0)
    revocations.close()
