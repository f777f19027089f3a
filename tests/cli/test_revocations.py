"""`jwt-middleware revocations ...`, against a real Redis."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import SQLTenants, TemporarilyUnavailable
from jwt_middleware.cli import audited_revocations, revocation_commands
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.revocation.sql import SQLRevocations

from ..stores.redis_server import RedisServer, free_port
from .calling import answered, called, on_a_terminal


def test_a_redis_answers_once_it_is_confirmed(redis_server: RedisServer) -> None:
    store = RedisRevocations(redis_server.url, store_timeout=5)
    with pytest.raises(TemporarilyUnavailable, match="revocations_not_confirmed"):
        store.check()
    outcome = called("revocations", "confirm", redis_server.url)
    assert (outcome.exit_code, outcome.stdout) == (0, "confirmed: what this Redis holds is complete\n")
    store.check()
    store.close()


def test_the_url_may_be_in_the_environment(redis_server: RedisServer) -> None:
    outcome = called("revocations", "confirm", "--json", JWT_MIDDLEWARE_REVOCATIONS=redis_server.url)
    assert outcome.exit_code == 0
    assert '"confirmed": true' in outcome.stdout


@pytest.mark.parametrize("url", ["sqlite:///a.db redis://cache", "sqlite:///a.db", "memory:", "nothing"])
def test_only_redis_alone_is_confirmed(url: str) -> None:
    outcome = called("revocations", "confirm", url)
    assert outcome.exit_code == 2
    assert "only Redis alone has to be confirmed" in outcome.stderr


def test_a_redis_that_does_not_answer_is_said_to(tmp_path: Path) -> None:
    outcome = called("revocations", "confirm", f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    assert outcome.exit_code == 2
    assert "Redis does not take it: revocation_store_failed_with_ConnectionError" in outcome.stderr
    assert "hunter2" not in outcome.output


def test_a_redis_that_evicts_is_refused(redis_server: RedisServer) -> None:
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    outcome = called("revocations", "confirm", redis_server.url)
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert outcome.exit_code == 2
    assert "set maxmemory-policy to noeviction" in outcome.stderr


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("jwt_middleware.revocation."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    outcome = called("revocations", "confirm", "redis://cache")
    assert outcome.exit_code == 2
    assert "pip install 'tenant-jwt-middleware[redis]'" in outcome.stderr


# restore

BACK = ("revocations", "restore")
HOUR_AGO = int(time.time()) - 3600


def revoked_before(redis_server: RedisServer) -> None:
    """Three revocations by commands and one of a program, all in Redis."""
    answered("token", "revoke", "acme", "t-1", "--revocations", redis_server.url)
    answered("subject", "revoke", "acme", "user_1", "--revocations", redis_server.url)
    answered("tenant", "revoke", "acme", "--issued-until", str(HOUR_AGO), "--yes", "--revocations", redis_server.url)


def hits(store: RedisRevocations) -> list[bool]:
    now = time.time()
    return [
        store.is_revoked("acme", *question)
        for question in (
            ("t-1", "user_2", now),
            ("t-2", "user_1", now - 60),
            ("t-2", "user_2", HOUR_AGO),
            ("t-2", "user_2", now),
        )
    ]


@pytest.fixture
def redis_store(redis_server: RedisServer) -> Iterator[RedisRevocations]:
    store = RedisRevocations(redis_server.url, store_timeout=5)
    yield store
    store.close()


def test_a_flushed_redis_gets_back_what_the_audit_table_knows(
    store: SQLTenants, redis_server: RedisServer, redis_store: RedisRevocations
) -> None:
    called("revocations", "confirm", redis_server.url)
    revoked_before(redis_server)
    answered("token", "revoke", "acme", "ended", "--expires-at", "1000", "--revocations", redis_server.url)
    store.note("token.revoke", "acme", whatever="somebody else's words")
    assert hits(redis_store) == [True, True, True, False]
    redis_server.run("FLUSHALL")
    with pytest.raises(TemporarilyUnavailable, match="revocations_not_confirmed"):
        redis_store.check()
    result = called(*BACK, redis_server.url, "--yes")
    assert (result.exit_code, result.stdout) == (
        0,
        "3 revocations are put back, and this Redis is confirmed to be complete\n",
    )
    assert "What was revoked otherwise than by these commands is not in the audit table" in result.stderr
    assert "1 entries of the audit table cannot be read" in result.stderr
    assert hits(redis_store) == [True, True, True, False]


def test_nothing_is_put_back_or_confirmed_unless_somebody_says_so(
    store: SQLTenants, redis_server: RedisServer, redis_store: RedisRevocations
) -> None:
    revoked_before(redis_server)
    redis_server.run("FLUSHALL")
    assert called(*BACK, redis_server.url).exit_code == 2
    status, screen = on_a_terminal(*BACK, redis_server.url, prompt="[y/N]: ", typed="n")
    assert status == 1
    assert "Put 3 revocations into this Redis, and say that nothing is missing then?" in screen
    assert redis_server.run("DBSIZE") == 0
    status, screen = on_a_terminal(*BACK, redis_server.url, prompt="[y/N]: ", typed="y")
    assert status == 0, screen
    assert hits(redis_store) == [True, True, True, False]


def test_a_redis_that_is_restarted_meanwhile_is_not_confirmed(
    store: SQLTenants, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked_before(redis_server)
    put_back = audited_revocations.put_back

    def interrupted(*arguments: Any) -> None:
        put_back(*arguments)
        redis_server.restart(empty=True)

    monkeypatch.setattr(revocation_commands, "put_back", interrupted)
    result = called(*BACK, redis_server.url, "--yes")
    assert result.exit_code == 2
    assert "Redis was restarted or replaced meanwhile" in result.stderr


def test_there_may_be_more_of_them_than_are_read_at_once(
    store: SQLTenants, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited_revocations, "_READ_AT_ONCE", 2)
    revoked_before(redis_server)
    assert answered(*BACK, redis_server.url, "--yes") == {"put_back": 3, "unreadable": 0, "confirmed": True}


def test_where_a_database_has_the_record_redis_is_filled_from_it(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = SQLRevocations("sqlite:///tenants.db", store_timeout=5)
    database.revoke_subject("acme", "user_1", cutoff=1000, until=None)
    both = f"sqlite:///tenants.db {redis_server.url}"
    assert answered(*BACK, both) == {"complete": True, "was_complete": False}
    assert answered(*BACK, JWT_MIDDLEWARE_REVOCATIONS=both) == {"complete": True, "was_complete": True}
    redis_server.run("FLUSHALL")
    result = called(*BACK, both)
    assert (result.exit_code, result.stdout) == (0, "complete: Redis holds all that the database has, again\n")
    copy = RedisRevocations(redis_server.url, store_timeout=5)
    assert copy.is_revoked("acme", "t", "user_1", 1000)
    monkeypatch.setattr(revocation_commands, "FILLED_WITHIN", 0)
    redis_server.run("FLUSHALL")
    assert copy.entries.begin("somebody else", 30)
    result = called(*BACK, both)
    assert (result.exit_code, "does not become complete" in result.stderr) == (2, True)
    monkeypatch.setattr(revocation_commands, "FILLED_WITHIN", 10)
    threading.Timer(0.3, redis_server.run, ["FLUSHALL"]).start()
    assert called(*BACK, both).exit_code == 0
    for each in (copy, database):
        each.close()


def test_a_database_alone_needs_nothing(folder: Path) -> None:
    result = called(*BACK, "sqlite:///tenants.db")
    assert (result.exit_code, "a database is complete by itself" in result.stderr) == (2, True)


@pytest.mark.parametrize("command", ["confirm", "restore"])
def test_nothing_named_is_said(command: str, empty_folder: Path) -> None:
    result = called("revocations", command)
    assert (result.exit_code, "nothing says where revocations are kept" in result.stderr) == (2, True)
