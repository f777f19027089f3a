"""`jwt-middleware revocations confirm`, against a real Redis."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jwt_middleware import TemporarilyUnavailable
from jwt_middleware.revocation.redis import RedisRevocations

from ..stores.redis_server import RedisServer, free_port
from .calling import called


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


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
